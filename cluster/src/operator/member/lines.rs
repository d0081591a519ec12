//! The members of a cluster, a line each: for people and for programs.

use cameo_common::ids::{ClusterId, NodeId};
use serde::Serialize;
use serde_json::json;

/// Version of the JSON document.
pub(super) const SCHEMA: u32 = 1;

/// What a member is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum MemberRole {
    Voter,
    /// In the newest descriptor, and no voter of Raft yet.
    Joining,
    /// In an earlier descriptor, and still a voter of Raft.
    Leaving,
    Worker,
}

impl MemberRole {
    fn word(self) -> &'static str {
        match self {
            Self::Voter => "voter",
            Self::Joining => "joining",
            Self::Leaving => "leaving",
            Self::Worker => "worker",
        }
    }
}

/// One member.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct MemberLine {
    pub id: NodeId,
    pub role: MemberRole,
    /// Base URL of its API, as a node says.
    pub url: Option<String>,
    /// Number of the newest descriptor that has it.
    pub descriptor: Option<u64>,
    /// By its own word.
    pub applied: Option<u64>,
    /// Whether it answers, by its own key.
    pub answers: bool,
    /// Why it does not.
    pub error: Option<String>,
}

/// All members.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct MemberList {
    pub schema: u32,
    pub cluster: ClusterId,
    /// Number of the newest descriptor.
    pub descriptor: u64,
    /// The greatest index that a voter knows as committed.
    pub committed: u64,
    pub members: Vec<MemberLine>,
}

impl MemberList {
    /// One JSON document.
    #[must_use]
    pub fn json(&self) -> String {
        json!(self).to_string()
    }

    /// A line for each member.
    #[must_use]
    pub fn text(&self) -> String {
        let head = ["id", "role", "descriptor", "applied", "answers", "url"];
        let mut rows = vec![head.map(str::to_owned)];
        rows.extend(self.members.iter().map(row));
        let width = |at: usize| rows.iter().map(|row| row[at].len()).max().unwrap_or(0);
        let widths: Vec<usize> = (0..head.len()).map(width).collect();
        let line = |row: &[String; 6]| {
            let cells = row.iter().zip(&widths);
            let cells: Vec<_> = cells
                .map(|(cell, width)| format!("{cell:<width$}"))
                .collect();
            cells.join("  ").trim_end().to_owned()
        };
        let lines: Vec<String> = rows.iter().map(line).collect();
        lines.join("\n")
    }
}

fn row(line: &MemberLine) -> [String; 6] {
    let number = |number: Option<u64>| number.map_or("-".to_owned(), |number| number.to_string());
    [
        line.id.to_string(),
        line.role.word().to_owned(),
        number(line.descriptor),
        number(line.applied),
        if line.answers { "yes" } else { "no" }.to_owned(),
        line.url.clone().unwrap_or_else(|| "-".to_owned()),
    ]
}
