//! One row, and the whole.

use cameo_common::api::ErrorCode;
use serde::{Deserialize, Serialize};

use super::operation::{Begin, Op};

/// Version of the format of a history, in its first row.
pub const FORMAT: u32 = 4;

/// Microseconds since the run began: simulated ones in the simulator.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct Micros(pub u64);

/// The object of an operation: `user/ada`, `grant/0f3a…`, `job/…`, `node/3`, `link/1-2`, or empty.
/// Operations on different keys are judged apart.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Key(pub String);

impl Key {
    /// The key of a user's name.
    #[must_use]
    pub fn user(name: &str) -> Self {
        Self(format!("user/{name}"))
    }

    /// The key of a grant.
    #[must_use]
    pub fn grant(id: &cameo_common::ids::GrantId) -> Self {
        Self(format!("grant/{id}"))
    }

    /// The key of a job.
    #[must_use]
    pub fn job(id: &cameo_common::ids::JobId) -> Self {
        Self(format!("job/{id}"))
    }

    /// The key of a node.
    #[must_use]
    pub fn node(id: cameo_common::ids::NodeId) -> Self {
        Self(format!("node/{id}"))
    }
}

/// One operation.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Row {
    /// A client has at most one operation at a time; after an unknown outcome it goes on under a
    /// new number.
    pub client: u64,
    pub key: Key,
    /// `f`, `arg` and `out`.
    #[serde(flatten)]
    pub op: Op,
    pub call: Micros,
    /// None: the outcome is unknown.
    pub ret: Option<Micros>,
}

/// A definite answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Answer<T> {
    Ok(T),
    /// Decided, and refused: nothing was changed.
    Refused(ErrorCode),
}

impl<T> Answer<T> {
    /// The result, unless it was refused.
    pub fn ok(&self) -> Option<&T> {
        match self {
            Self::Ok(result) => Some(result),
            Self::Refused(_) => None,
        }
    }
}

/// A whole history.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct History {
    pub rows: Vec<Row>,
}

impl History {
    /// How the run was made.
    #[must_use]
    pub fn begin(&self) -> Option<&Begin> {
        self.rows.iter().find_map(|row| match &row.op {
            Op::Begin(op) => Some(&op.arg),
            _ => None,
        })
    }

    /// The time at which the last faults had ended and all nodes ran again, if that was reached.
    #[must_use]
    pub fn healed(&self) -> Option<Micros> {
        self.rows
            .iter()
            .filter(|row| matches!(row.op, Op::Healed(_)))
            .find_map(|row| row.ret)
    }
}
