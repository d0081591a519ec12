//! Values of a node's options: flags before the environment, this before the file, the file before
//! the defaults.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::{OsStr, OsString};
use std::fmt;
use std::path::{Path, PathBuf};

use clap::parser::ValueSource;
use clap::{ArgMatches, CommandFactory as _, Parser as _};

use super::file::{self, FileError, FileValues};
use super::run_option::{CONFIG, LOG, RunOption};
use super::{CommandLine, ConfigError, RunFlags};

/// Reads one variable of the environment.
pub type Environment = fn(&str) -> Option<OsString>;

/// Where a value comes from. What has none is at its default.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Origin {
    Flag,
    Variable(String),
    File { path: PathBuf, line: usize },
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Flag => f.write_str("a flag"),
            Self::Variable(name) => f.write_str(name),
            Self::File { path, line } => write!(f, "{}, line {line}", path.display()),
        }
    }
}

/// One value, and its origin.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Given {
    value: String,
    origin: Origin,
}

/// Why the values cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// To be printed by clap itself, which knows its exit code: help is no failure.
    #[error(transparent)]
    CommandLine(#[from] clap::Error),
    #[error(transparent)]
    File(#[from] FileError),
    #[error("{variable} has `{value}`: {why}")]
    Variable {
        variable: String,
        value: String,
        why: String,
    },
    #[error("{0} has a value that is no text in UTF-8")]
    VariableNoText(String),
}

/// The command line with all that environment and file add to it.
#[derive(Debug)]
pub struct Layers {
    line: CommandLine,
    given: BTreeMap<String, Given>,
    file: Option<PathBuf>,
}

impl Layers {
    /// Reads the arguments, the program's name first. A verb has its flags alone.
    ///
    /// # Errors
    /// See [`ReadError`].
    pub fn read(arguments: &[OsString], environment: Environment) -> Result<Self, ReadError> {
        let matches = CommandLine::command()
            .mut_args(|arg| arg.required(false))
            .try_get_matches_from(arguments);
        let Ok(matches) = matches else {
            // For the usage with the required flags.
            return Self::of_flags_alone(arguments);
        };
        if matches.subcommand().is_some() {
            return Self::of_flags_alone(arguments);
        }
        let options = RunOption::all();
        let mut given = of_flags(&matches, &options);
        add(&mut given, of_environment(&options, environment)?);
        let by_flag = matches.get_one::<PathBuf>(CONFIG).cloned();
        let otherwise = given.get(CONFIG).map(|given| PathBuf::from(&given.value));
        let file = by_flag.or(otherwise);
        if let Some(path) = &file {
            add(&mut given, of_file(path, file::read(path, &options)?));
        }
        let line = merged(arguments, &options, &given);
        Ok(Self {
            line: CommandLine::try_parse_from(line)?,
            given,
            file,
        })
    }

    fn of_flags_alone(arguments: &[OsString]) -> Result<Self, ReadError> {
        Ok(Self {
            line: CommandLine::try_parse_from(arguments)?,
            given: BTreeMap::new(),
            file: None,
        })
    }

    /// The configuration file, if there is one.
    #[must_use]
    pub fn file(&self) -> Option<&Path> {
        self.file.as_deref()
    }

    /// The flags with all values.
    #[must_use]
    pub fn into_line(self) -> CommandLine {
        self.line
    }

    /// The flags of a node with all values, if this runs one.
    #[must_use]
    pub fn run(&self) -> Option<&RunFlags> {
        self.line.run.as_ref()
    }

    /// The error with the origin of the value, where that is no flag.
    #[must_use]
    pub fn explain(&self, error: &ConfigError) -> String {
        let given = error.option().and_then(|name| self.given.get(name));
        match given.map(|given| &given.origin) {
            None | Some(Origin::Flag) => error.to_string(),
            Some(origin) => format!("{error} (the value is from {origin})"),
        }
    }

    /// Names of the options that have another value in `other`, in alphabetical order.
    pub(super) fn changed(&self, other: &Self) -> BTreeSet<String> {
        let names = self.given.keys().chain(other.given.keys());
        let differs = |name: &&String| self.value(name) != other.value(name);
        names.filter(differs).cloned().collect()
    }

    fn value(&self, name: &str) -> Option<&str> {
        self.given.get(name).map(|given| given.value.as_str())
    }

    /// Where the log filter is from, if the file cannot change it.
    pub(super) fn fixed_filter(&self) -> Option<String> {
        let origin = &self.given.get(LOG)?.origin;
        (!matches!(origin, Origin::File { .. })).then(|| origin.to_string())
    }
}

/// Values on lower layers do not replace those of higher ones.
fn add(given: &mut BTreeMap<String, Given>, below: BTreeMap<String, Given>) {
    for (name, value) in below {
        given.entry(name).or_insert(value);
    }
}

fn of_flags(matches: &ArgMatches, options: &[RunOption]) -> BTreeMap<String, Given> {
    let value = |option: &RunOption| {
        let source = matches.value_source(&option.id)?;
        let raw = matches.get_raw(&option.id)?;
        let texts: Vec<_> = raw.map(OsStr::to_string_lossy).collect();
        let value = Given {
            value: texts.join(","),
            origin: Origin::Flag,
        };
        (source == ValueSource::CommandLine).then(|| (option.name.clone(), value))
    };
    options.iter().filter_map(value).collect()
}

/// An empty variable counts as none.
fn of_environment(
    options: &[RunOption],
    environment: Environment,
) -> Result<BTreeMap<String, Given>, ReadError> {
    let mut given = BTreeMap::new();
    for option in options {
        let Some(variable) = option.variable.clone() else {
            continue;
        };
        let Some(value) = environment(&variable).filter(|value| !value.is_empty()) else {
            continue;
        };
        let Ok(value) = value.into_string() else {
            return Err(ReadError::VariableNoText(variable));
        };
        if let Err(why) = option.check(&value) {
            return Err(ReadError::Variable {
                variable,
                value,
                why,
            });
        }
        let origin = Origin::Variable(variable);
        given.insert(option.name.clone(), Given { value, origin });
    }
    Ok(given)
}

fn of_file(path: &Path, values: FileValues) -> BTreeMap<String, Given> {
    let given = |(name, value): (String, file::FileValue)| {
        let origin = Origin::File {
            path: path.to_owned(),
            line: value.line,
        };
        let value = value.text;
        (name, Given { value, origin })
    };
    values.into_iter().map(given).collect()
}

/// The arguments, with what environment and file add to them as flags before.
fn merged(
    arguments: &[OsString],
    options: &[RunOption],
    given: &BTreeMap<String, Given>,
) -> Vec<OsString> {
    let added = options.iter().filter_map(|option| {
        let given = given.get(&option.name)?;
        let is_added = given.origin != Origin::Flag;
        option.as_flag(&given.value).filter(|_| is_added)
    });
    let (program, flags) = arguments.split_at(arguments.len().min(1));
    let program = program.iter().cloned();
    program
        .chain(added.map(OsString::from))
        .chain(flags.iter().cloned())
        .collect()
}

#[cfg(test)]
mod tests;
