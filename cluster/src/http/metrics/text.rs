//! The Prometheus text format, as far as it is needed: families of counters, gauges and
//! histograms.

use std::fmt::{Display, Write as _};

use crate::latency::Buckets;

/// A page under construction.
#[derive(Debug, Default)]
pub(super) struct Page(String);

/// One metric with its values.
pub(super) struct Family<'a> {
    page: &'a mut Page,
    name: &'a str,
}

impl Page {
    /// Starts a family of values that only go up.
    pub(super) fn counter<'a>(&'a mut self, name: &'a str, help: &str) -> Family<'a> {
        self.family(name, help, "counter")
    }

    /// Starts a family of values that go up and down.
    pub(super) fn gauge<'a>(&'a mut self, name: &'a str, help: &str) -> Family<'a> {
        self.family(name, help, "gauge")
    }

    /// Starts a histogram.
    pub(super) fn histogram<'a>(&'a mut self, name: &'a str, help: &str) -> Family<'a> {
        self.family(name, help, "histogram")
    }

    /// Help texts must have one line and no backslash; a test pins them.
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
    /// The buckets of a histogram, its sum and its count.
    pub(super) fn buckets(self, of: &Buckets) {
        let name = self.name;
        for (bound, count) in &of.up_to {
            self.page
                .line(format_args!("{name}_bucket{{le=\"{bound}\"}} {count}"));
        }
        let Buckets { count, sum, .. } = of;
        self.page
            .line(format_args!("{name}_bucket{{le=\"+Inf\"}} {count}"));
        self.page.line(format_args!("{name}_sum {sum}"));
        self.page.line(format_args!("{name}_count {count}"));
    }

    /// The value of a family without labels.
    pub(super) fn value(self, value: &dyn Display) {
        self.page.line(format_args!("{} {value}", self.name));
    }

    /// One value with a label. Labels must be words or numbers: they are not escaped.
    pub(super) fn labelled(self, label: &str, is: &dyn Display, value: &dyn Display) -> Self {
        let name = self.name;
        self.page
            .line(format_args!("{name}{{{label}=\"{is}\"}} {value}"));
        self
    }
}
