//! The configuration file of a node: TOML, with the options of a node as keys.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use toml_edit::{Document, Item, Value};

use super::run_option::{Kind, RunOption};

/// Version of the file's format, in its key `version`.
pub const FILE_VERSION: i64 = 1;
/// The key of the version, which is no option.
const VERSION_KEY: &str = "version";
/// Bytes. Fifteen voters and every option are less than four thousand.
const MAX_FILE: u64 = 64 * 1024;

/// One value of the file, as text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct FileValue {
    /// What the flag takes.
    pub text: String,
    /// Counted from 1.
    pub line: usize,
}

/// The values of a file, by key.
pub(super) type FileValues = BTreeMap<String, FileValue>;

/// Why a configuration file cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum FileError {
    #[error("--config {path}: {error}", path = .path.display())]
    Unreadable {
        path: PathBuf,
        error: std::io::Error,
    },
    #[error("--config {path}: the file is larger than {MAX_FILE} bytes", path = .0.display())]
    TooLarge(PathBuf),
    #[error(
        "{path} does not say its format: begin it with the line `{VERSION_KEY} = {FILE_VERSION}`",
        path = .0.display()
    )]
    NoVersion(PathBuf),
    #[error("{path}, line {line}: {fault}", path = .path.display())]
    At {
        path: PathBuf,
        line: usize,
        fault: FileFault,
    },
}

/// What is wrong in one line.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FileFault {
    #[error("this is no TOML: {0}")]
    Syntax(String),
    #[error(
        "`{VERSION_KEY}` is {0}: this build reads files of version {FILE_VERSION} alone; use a \
         build that reads the other, or write the file for this one"
    )]
    OtherVersion(i64),
    #[error(
        "`{0}` is no key: the keys are the flags of a node without dashes, see `cameod --help`"
    )]
    UnknownKey(String),
    #[error("`{0}` can be given as a flag alone: take it out of the file")]
    FlagOnly(String),
    #[error("`{key}` is {found}, and has to be {wanted}")]
    Type {
        key: String,
        found: &'static str,
        wanted: &'static str,
    },
    #[error("`{key}` has `{value}`: {why}")]
    Value {
        key: String,
        value: String,
        why: String,
    },
}

/// Reads the file, and checks each of its values by itself.
///
/// # Errors
/// See [`FileError`].
pub(super) fn read(path: &Path, options: &[RunOption]) -> Result<FileValues, FileError> {
    let unreadable = |error| FileError::Unreadable {
        path: path.to_owned(),
        error,
    };
    let file = File::open(path).map_err(unreadable)?;
    let mut text = String::new();
    let read = file.take(MAX_FILE + 1).read_to_string(&mut text);
    if read.map_err(unreadable)? as u64 > MAX_FILE {
        return Err(FileError::TooLarge(path.to_owned()));
    }
    parse(path, &text, options)
}

fn parse(path: &Path, text: &str, options: &[RunOption]) -> Result<FileValues, FileError> {
    let at = |offset: usize, fault| FileError::At {
        path: path.to_owned(),
        line: line(text, offset),
        fault,
    };
    let document = Document::parse(text).map_err(|error| {
        let offset = error.span().map_or(0, |span| span.start);
        at(offset, FileFault::Syntax(error.message().to_owned()))
    })?;
    let table = document.as_table();
    let offset = |key: &str| {
        let span = table.key(key).and_then(|key| key.span());
        span.map_or(0, |span| span.start)
    };
    check_version(table.get(VERSION_KEY))
        .map_err(|fault| at(offset(VERSION_KEY), fault))?
        .ok_or_else(|| FileError::NoVersion(path.to_owned()))?;
    let mut values = FileValues::new();
    for (key, item) in table.iter().filter(|(key, _)| *key != VERSION_KEY) {
        let offset = offset(key);
        let value = FileValue {
            text: value(key, item, options).map_err(|fault| at(offset, fault))?,
            line: line(text, offset),
        };
        values.insert(key.to_owned(), value);
    }
    Ok(values)
}

/// The number of the line that has this byte, counted from 1.
fn line(text: &str, offset: usize) -> usize {
    let before = text.as_bytes().iter().take(offset);
    1 + before.filter(|byte| **byte == b'\n').count()
}

/// Before the keys: those of another version mean something else.
fn check_version(version: Option<&Item>) -> Result<Option<()>, FileFault> {
    let Some(version) = version else {
        return Ok(None);
    };
    match version.as_integer() {
        Some(FILE_VERSION) => Ok(Some(())),
        Some(other) => Err(FileFault::OtherVersion(other)),
        None => Err(wrong_type(VERSION_KEY, version, Kind::Number)),
    }
}

fn value(key: &str, item: &Item, options: &[RunOption]) -> Result<String, FileFault> {
    let Some(option) = options.iter().find(|option| option.name == key) else {
        return Err(FileFault::UnknownKey(key.to_owned()));
    };
    if !option.is_key {
        return Err(FileFault::FlagOnly(key.to_owned()));
    }
    let text = text_of(item, option.kind).ok_or_else(|| wrong_type(key, item, option.kind))?;
    option.check(&text).map_err(|why| FileFault::Value {
        key: key.to_owned(),
        value: text.clone(),
        why,
    })?;
    Ok(text)
}

/// The item as its flag takes it, if it has the type.
fn text_of(item: &Item, kind: Kind) -> Option<String> {
    match kind {
        Kind::Switch => item.as_bool().map(|is_on| is_on.to_string()),
        Kind::Number => item.as_integer().map(|number| number.to_string()),
        Kind::Text => item.as_str().map(ToOwned::to_owned),
        Kind::List => {
            let texts = item.as_array()?.iter().map(Value::as_str);
            let texts: Option<Vec<&str>> = texts.collect();
            texts.map(|texts| texts.join(","))
        }
    }
}

fn wrong_type(key: &str, item: &Item, wanted: Kind) -> FileFault {
    let found = match item {
        Item::Value(Value::String(_)) => "a text",
        Item::Value(Value::Integer(_)) => "a whole number",
        Item::Value(Value::Float(_)) => "a number with a fraction",
        Item::Value(Value::Boolean(_)) => "true or false",
        Item::Value(Value::Datetime(_)) => "a date or time",
        Item::Value(Value::Array(_)) => "a list of other values",
        Item::Value(Value::InlineTable(_)) | Item::Table(_) | Item::ArrayOfTables(_) => "a table",
        Item::None => "empty",
    };
    FileFault::Type {
        key: key.to_owned(),
        found,
        wanted: wanted.name(),
    }
}

#[cfg(test)]
mod tests;
