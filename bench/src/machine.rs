//! Description of the machine that a benchmark runs on. Properties that the system does not report
//! are `None`.

use std::fs;

use serde::Serialize;

#[derive(Debug, Clone, Serialize)]
pub struct Machine {
    pub cpu: Option<String>,
    /// Processors available to this program.
    pub cores: usize,
    pub memory_mb: Option<u64>,
    pub system: String,
    pub kernel: Option<String>,
    /// Load average of the last minute when the benchmark began, to detect other load.
    pub load: Option<f64>,
    /// Build profile of this program. The codec and its dependencies are optimised in both
    /// profiles.
    pub profile: &'static str,
    pub version: &'static str,
}

impl Machine {
    pub fn here() -> Self {
        Machine {
            cpu: field("/proc/cpuinfo", "model name"),
            cores: std::thread::available_parallelism().map_or(1, usize::from),
            memory_mb: field("/proc/meminfo", "MemTotal")
                .and_then(|text| text.split(' ').next()?.parse::<u64>().ok())
                .map(|kib| kib / 1024),
            system: format!("{} {}", std::env::consts::OS, std::env::consts::ARCH),
            kernel: line("/proc/sys/kernel/osrelease"),
            load: line("/proc/loadavg").and_then(|text| text.split(' ').next()?.parse().ok()),
            profile: if cfg!(debug_assertions) {
                "dev"
            } else {
                "release"
            },
            version: env!("CARGO_PKG_VERSION"),
        }
    }

    /// One line for tables and pages.
    pub fn summary(&self) -> String {
        let mut parts = vec![format!("{} cores", self.cores)];
        parts.extend(self.cpu.clone());
        parts.extend(self.memory_mb.map(|mb| format!("{mb} MB")));
        parts.push(self.system.clone());
        parts.extend(self.kernel.clone());
        parts.extend(self.load.map(|load| format!("load {load} at the start")));
        parts.push(format!("{} profile", self.profile));
        parts.join(", ")
    }
}

/// The first value of a `name: value` line.
fn field(path: &str, name: &str) -> Option<String> {
    let text = fs::read_to_string(path).ok()?;
    text.lines()
        .filter_map(|line| line.split_once(':'))
        .find(|(key, _)| key.trim() == name)
        .map(|(_, value)| value.trim().to_owned())
}

fn line(path: &str) -> Option<String> {
    Some(fs::read_to_string(path).ok()?.trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_machine_has_a_description() {
        let machine = Machine::here();
        assert!(machine.cores >= 1);
        assert!(machine.summary().contains("cores"));
        assert!(!machine.system.is_empty() && !machine.version.is_empty());
    }
}
