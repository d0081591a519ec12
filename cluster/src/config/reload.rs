//! Reading the configuration again while the node runs. The log filter alone can change.

use std::ffi::OsString;

use super::layers::{Environment, Layers};
use super::run_option::LOG;
use crate::host::log::{DEFAULT_FILTER, FilterHandle, Level};

/// What a running node was started with, and how its log filter changes.
#[derive(Debug)]
pub struct Reload {
    arguments: Vec<OsString>,
    environment: Environment,
    /// As started; the filter as it is now.
    running: Layers,
    filter: String,
    handle: FilterHandle,
}

impl Reload {
    /// Of a node that has started with `running`, which were read from these arguments.
    #[must_use]
    pub fn new(
        arguments: Vec<OsString>,
        environment: Environment,
        running: Layers,
        handle: FilterHandle,
    ) -> Self {
        let filter = filter_of(&running);
        Self {
            arguments,
            environment,
            running,
            filter,
            handle,
        }
    }

    /// Reads the file again, and takes over what can change. Returns the line for the log. A file
    /// that cannot be used changes nothing.
    pub fn run(&mut self) -> (Level, String) {
        let Some(path) = self.running.file() else {
            let why = "SIGHUP: this node has no configuration file (--config), so nothing was \
                       changed";
            return (Level::Warn, why.to_owned());
        };
        let path = path.display().to_string();
        match self.take_over() {
            Ok(taken) => (Level::Info, format!("{path} was read again: {taken}")),
            Err(why) => (
                Level::Error,
                format!("{why}. The node goes on as before: nothing was changed"),
            ),
        }
    }

    fn take_over(&mut self) -> Result<String, String> {
        let read = Layers::read(&self.arguments, self.environment);
        let read = read.map_err(|error| one_line(&error.to_string()))?;
        if let Some(flags) = read.run() {
            let checked = flags.clone().check();
            checked.map_err(|error| read.explain(&error))?;
        }
        let mut told = Vec::new();
        let filter = filter_of(&read);
        if filter != self.filter {
            let set = self.handle.set(&filter);
            set.map_err(|error| error.to_string())?;
            told.push(format!("the log filter is now `{filter}`"));
            self.filter = filter;
        } else if let Some(origin) = read.fixed_filter() {
            told.push(format!("the log filter stays as {origin} gives it"));
        }
        let mut changed = self.running.changed(&read);
        changed.remove(LOG);
        if !changed.is_empty() {
            let names: Vec<&str> = changed.iter().map(String::as_str).collect();
            let names = names.join(", ");
            told.push(format!(
                "these have changed since the start, and take a restart: {names}"
            ));
        }
        if told.is_empty() {
            told.push("nothing has changed".to_owned());
        }
        Ok(told.join("; "))
    }
}

fn filter_of(layers: &Layers) -> String {
    let given = layers.run().and_then(|flags| flags.log_filter());
    given.unwrap_or(DEFAULT_FILTER).to_owned()
}

/// Clap's messages have several, with the usage.
fn one_line(text: &str) -> String {
    let first = text.lines().map(str::trim).find(|line| !line.is_empty());
    let first = first.unwrap_or_default();
    first.trim_start_matches("error: ").to_owned()
}

#[cfg(test)]
mod tests;
