//! A cluster's status, a line for each node: for people and for programs.

use cameo_common::api::DiskInfo;
use cameo_common::ids::{ClusterId, NodeId};
use serde::Serialize;
use serde_json::json;

/// Version of the JSON document.
pub(super) const SCHEMA: u32 = 1;

/// What one node says of itself, or why it says nothing.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct NodeLine {
    pub id: NodeId,
    pub url: Option<String>,
    pub role: Role,
    pub term: Option<u64>,
    pub applied: Option<u64>,
    /// Entries that another node knows as committed, and this one has not applied.
    pub behind: Option<u64>,
    pub quarantined: bool,
    /// It waits for what other voters remember of it.
    pub waits: bool,
    /// As it says in `GET /v1/status`.
    pub disk: Option<DiskInfo>,
    pub version: Option<String>,
    /// Why nothing is known of it.
    pub error: Option<String>,
}

impl NodeLine {
    /// Whether it says that it is low on disk space.
    pub(super) fn is_low(&self) -> bool {
        self.disk.is_some_and(|disk| disk.low)
    }
}

/// What a node does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    Leader,
    Follower,
    /// As its leader says: it is not asked itself.
    Worker,
    /// A voter that does not answer.
    Unknown,
}

/// A cluster's status.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ClusterStatus {
    pub schema: u32,
    pub cluster: ClusterId,
    pub healthy: bool,
    pub leader: Option<NodeId>,
    pub nodes: Vec<NodeLine>,
    /// Sentences.
    pub problems: Vec<String>,
}

impl ClusterStatus {
    /// One JSON document.
    #[must_use]
    pub fn json(&self) -> String {
        json!(self).to_string()
    }
}

impl ClusterStatus {
    /// A line for each node, then a line for each problem.
    #[must_use]
    pub fn text(&self) -> String {
        let head = [
            "id",
            "role",
            "term",
            "applied",
            "behind",
            "state",
            "disk free",
            "version",
        ];
        let mut rows = vec![head.map(str::to_owned)];
        rows.extend(self.nodes.iter().map(row));
        let width = |at: usize| {
            rows.iter()
                .map(|row| row[at].len())
                .max()
                .unwrap_or_default()
        };
        let widths: Vec<usize> = (0..head.len()).map(width).collect();
        let mut lines: Vec<String> = rows
            .iter()
            .map(|row| {
                let cells = row.iter().zip(&widths);
                let cells: Vec<_> = cells
                    .map(|(cell, width)| format!("{cell:<width$}"))
                    .collect();
                cells.join("  ").trim_end().to_owned()
            })
            .collect();
        lines.extend(
            self.problems
                .iter()
                .map(|problem| format!("wrong: {problem}")),
        );
        if self.healthy {
            lines.push("the cluster is healthy".to_owned());
        }
        lines.join("\n")
    }
}

fn row(line: &NodeLine) -> [String; 8] {
    let number = |number: Option<u64>| number.map_or("-".to_owned(), |number| number.to_string());
    let role = match line.role {
        Role::Leader => "leader",
        Role::Follower => "follower",
        Role::Worker => "worker",
        Role::Unknown => "no answer",
    };
    let state = match (line.quarantined, line.waits) {
        (true, _) => "quarantined",
        (false, true) => "waits",
        (false, false) if line.is_low() => "low on disk",
        (false, false) if line.applied.is_some() => "ok",
        (false, false) => "-",
    };
    let disk = line.disk.unwrap_or_default();
    let disk = match (disk.free, disk.size) {
        (Some(free), Some(size)) => format!("{} of {} MiB", free >> 20, size >> 20),
        (Some(free), None) => format!("{} MiB", free >> 20),
        (None, _) => "-".to_owned(),
    };
    [
        line.id.to_string(),
        role.to_owned(),
        number(line.term),
        number(line.applied),
        number(line.behind),
        state.to_owned(),
        disk,
        line.version.clone().unwrap_or_else(|| "-".to_owned()),
    ]
}
