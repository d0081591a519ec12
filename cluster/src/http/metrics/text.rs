//! As much of Prometheus' text format as is needed: families of counters and gauges.

use std::fmt::{Display, Write as _};

/// A page that is being written.
#[derive(Debug, Default)]
pub(super) struct Page(String);

/// One name with its values.
pub(super) struct Family<'a> {
    page: &'a mut Page,
    name: &'a str,
}

impl Page {
    /// Begins a family of values that only go up.
    pub(super) fn counter<'a>(&'a mut self, name: &'a str, help: &str) -> Family<'a> {
        self.family(name, help, "counter")
    }

    /// Begins a family of values that go up and down.
    pub(super) fn gauge<'a>(&'a mut self, name: &'a str, help: &str) -> Family<'a> {
        self.family(name, help, "gauge")
    }

    /// Help has one line and no backslash: it is ours, and pinned by a test.
    fn family<'a>(&'a mut self, name: &'a str, help: &str, kind: &str) -> Family<'a> {
        self.line(format_args!("# HELP {name} {help}"));
        self.line(format_args!("# TYPE {name} {kind}"));
        Family { page: self, name }
    }

    fn line(&mut self, line: std::fmt::Arguments<'_>) {
        // Writing to a string cannot fail.
        let _ = writeln!(self.0, "{line}");
    }

    pub(super) fn into_text(self) -> String {
        self.0
    }
}

impl Family<'_> {
    /// The one value of a family without labels.
    pub(super) fn value(self, value: &dyn Display) {
        self.page.line(format_args!("{} {value}", self.name));
    }

    /// One value with a label. Labels are ours: words and numbers, with nothing in them to be escaped.
    pub(super) fn labelled(self, label: &str, is: &dyn Display, value: &dyn Display) -> Self {
        let name = self.name;
        self.page
            .line(format_args!("{name}{{{label}=\"{is}\"}} {value}"));
        self
    }
}
