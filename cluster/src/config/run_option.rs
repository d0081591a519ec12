//! The options of a node: each is a flag, a variable of the environment, and a key of the file.

use std::any::TypeId;

use cameo_common::ids::NodeId;
use clap::{Arg, ArgAction, Args as _, Command};

use super::RunFlags;

/// Names a file, and so is no key of one.
pub(super) const CONFIG: &str = "config";
/// The filter of the log, which can change while the node runs.
pub(super) const LOG: &str = "log";
/// Is for one start. A key or a variable would stay for later ones.
const ONE_START: &str = "folder-is-newest";
/// The filter of `cameo` too, and older than the other names.
const LOG_VARIABLE: &str = "CAMEO_LOG";

/// The type of a value in the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Switch,
    Number,
    /// Texts that the flag separates by commas.
    List,
    Text,
}

impl Kind {
    /// The type in words, with an example.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Switch => "true or false",
            Self::Number => "a whole number",
            Self::List => "a list of texts, as in [\"1=HOST:PORT\", \"2=HOST:PORT\"]",
            Self::Text => "a text in quotes",
        }
    }
}

/// One option of a node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct RunOption {
    /// Its flag without dashes, and its key.
    pub name: String,
    /// Clap's id of the flag.
    pub id: String,
    pub kind: Kind,
    /// None where it is a flag alone.
    pub variable: Option<String>,
    pub is_key: bool,
}

impl RunOption {
    /// All of them, in the order of the flags.
    pub(super) fn all() -> Vec<Self> {
        command().get_arguments().filter_map(Self::of).collect()
    }

    fn of(arg: &Arg) -> Option<Self> {
        let name = arg.get_long()?.to_owned();
        let variable = match name.as_str() {
            ONE_START => None,
            LOG => Some(LOG_VARIABLE.to_owned()),
            name => Some(format!("CAMEOD_{}", name.replace('-', "_").to_uppercase())),
        };
        Some(Self {
            id: arg.get_id().to_string(),
            kind: kind(arg),
            variable,
            is_key: name != ONE_START && name != CONFIG,
            name,
        })
    }

    /// The value as the flag takes it: nothing for a switch that is off.
    pub(super) fn as_flag(&self, value: &str) -> Option<String> {
        match (self.kind, value) {
            (Kind::Switch, "true") => Some(format!("--{}", self.name)),
            (Kind::Switch, _) => None,
            _ => Some(format!("--{}={value}", self.name)),
        }
    }

    /// Checks one value, without the others.
    ///
    /// # Errors
    /// Why the flag would refuse it.
    pub(super) fn check(&self, value: &str) -> Result<(), String> {
        if self.kind == Kind::Switch && !matches!(value, "true" | "false") {
            return Err("write true or false".to_owned());
        }
        let Some(flag) = self.as_flag(value) else {
            return Ok(());
        };
        let parsed = command().try_get_matches_from(["cameod".to_owned(), flag]);
        parsed.map(drop).map_err(|error| {
            let source = std::error::Error::source(&error);
            source.map_or_else(|| first_line(&error), ToString::to_string)
        })
    }
}

/// The flags alone, none of them required.
fn command() -> Command {
    let flags = RunFlags::augment_args(Command::new("cameod"));
    flags.mut_args(|arg| arg.required(false))
}

fn kind(arg: &Arg) -> Kind {
    if matches!(arg.get_action(), ArgAction::SetTrue) {
        return Kind::Switch;
    }
    if arg.get_value_delimiter().is_some() {
        return Kind::List;
    }
    let parsed = arg.get_value_parser().type_id();
    match parsed == TypeId::of::<u64>() || parsed == TypeId::of::<NodeId>() {
        true => Kind::Number,
        false => Kind::Text,
    }
}

fn first_line(error: &clap::Error) -> String {
    let text = error.to_string();
    let line = text.lines().next().unwrap_or_default();
    line.trim_start_matches("error: ").to_owned()
}
