//! The decision log: a line of JSON a decision, for `cameo-chaos decisions` (law J2).

use cameo_common::ids::{Millis, NodeId};
use serde::{Deserialize, Serialize};

use super::placement::Decision;

/// Schema of the lines that this program writes and reads.
pub const LOG_SCHEMA: u32 = 2;

/// One line of a node's decision log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Logged {
    pub schema: u32,
    /// The node that led and decided.
    pub leader: NodeId,
    /// Its wall clock at that time.
    pub unix_ms: Millis,
    /// Number of decisions after the previous line that could not be written.
    pub dropped: u64,
    pub decision: Decision,
}

/// A text that is not a line of a decision log.
#[derive(Debug, thiserror::Error)]
pub enum LineError {
    #[error("not a line of a decision log: {0}")]
    Malformed(#[from] serde_json::Error),
    #[error("schema {0} is unknown; this program reads {LOG_SCHEMA}")]
    UnknownSchema(u64),
    #[error("not in the form that a node writes: a field is missing or moved")]
    NotCanonical,
}

/// The field that every schema has.
#[derive(Deserialize)]
struct Head {
    schema: u64,
}

impl Logged {
    /// The line, without its end.
    ///
    /// # Errors
    /// None that is known: every value of this type can be written as JSON.
    pub fn to_line(&self) -> Result<String, serde_json::Error> {
        serde_json::to_string(self)
    }

    /// Reads a line. A line that this program would write otherwise is refused, so that no part of
    /// it is ignored.
    pub fn of_line(line: &str) -> Result<Self, LineError> {
        let Head { schema } = serde_json::from_str(line)?;
        if schema != u64::from(LOG_SCHEMA) {
            return Err(LineError::UnknownSchema(schema));
        }
        let read: Self = serde_json::from_str(line)?;
        if read.to_line()? == line {
            Ok(read)
        } else {
            Err(LineError::NotCanonical)
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::placement::{Candidate, LoadSample, PlacementInput, decide};
    use crate::policy::Policy;
    use cameo_common::ids::JobId;

    fn logged() -> Logged {
        let load = LoadSample {
            age_ms: 12,
            usable_millicores: 600,
            cpu_share_permille: 250,
            slots: 1,
            running: 1,
            queued: 0,
            backlog_cpu_ms: 30,
            incoming: 1,
            incoming_cpu_ms: 12,
            draining: false,
        };
        let candidate = |node, load| Candidate {
            node: NodeId(node),
            voter: true,
            leader: node == 1,
            excluded: false,
            full: false,
            load,
            reserved: 1,
            reserved_cpu_ms: 6,
        };
        let input = PlacementInput {
            policy: Policy::LeastProjected,
            term: 4,
            job: JobId([0xab; 16]),
            sequence: 9,
            cost_ms: 60,
            stale_after_ms: 300,
            max_wait_ms: 1000,
            seed: u64::MAX,
            candidates: vec![candidate(1, None), candidate(2, Some(load))],
        };
        Logged {
            schema: LOG_SCHEMA,
            leader: NodeId(1),
            unix_ms: Millis(1_790_000_000_000),
            dropped: 0,
            decision: decide(input),
        }
    }

    const PINNED: &str = concat!(
        r#"{"schema":2,"leader":1,"unix_ms":1790000000000,"dropped":0,"decision":{"question":{"#,
        r#""policy":"least-projected","term":4,"job":"abababababababababababababababab","sequence":9,"#,
        r#""cost_ms":60,"stale_after_ms":300,"max_wait_ms":1000,"seed":18446744073709551615,"candidates":["#,
        r#"{"node":1,"voter":true,"leader":true,"excluded":false,"full":false,"heard":null,"booked":1,"booked_cpu_ms":6},"#,
        r#"{"node":2,"voter":true,"leader":false,"excluded":false,"full":false,"heard":{"age_ms":12,"usable_millicores":600,"#,
        r#""cpu_share_permille":250,"slots":1,"running":1,"queued":0,"backlog_cpu_ms":30,"incoming":1,"incoming_cpu_ms":12,"#,
        r#""draining":false},"booked":1,"booked_cpu_ms":6}]},"#,
        r#""verdicts":["silent",{"scored":{"wait_us":60000,"finish_us":180000,"rank_us":200000}}],"choice":{"worker":2}}}"#,
    );

    #[test]
    fn the_text_of_a_line_is_pinned() {
        assert_eq!(logged().to_line().unwrap(), PINNED);
        assert_eq!(Logged::of_line(PINNED).unwrap(), logged());
    }

    #[test]
    fn unknown_and_missing_fields_are_refused() {
        let refused = |from: &str, to: &str| {
            assert!(PINNED.contains(from), "{from}");
            Logged::of_line(&PINNED.replacen(from, to, 1)).unwrap_err()
        };
        assert!(matches!(
            refused(r#""schema":2"#, r#""schema":1"#),
            LineError::UnknownSchema(1)
        ));
        let unknown = [
            (r#"{"schema""#, r#"{"more":1,"schema""#),
            (r#""term""#, r#""more":1,"term""#),
            (r#""node":1"#, r#""node":1,"more":1"#),
            (r#""age_ms""#, r#""more":1,"age_ms""#),
            (r#""wait_us""#, r#""more":1,"wait_us""#),
            (r#""least-projected""#, r#""most-projected""#),
            (r#""silent""#, r#""sulking""#),
            (r#""choice""#, r#""more":1,"choice""#),
            (r#""worker":2"#, r#""busy":{"least_wait_us":1,"more":2}"#),
            (r#""term":4,"#, ""),
            (r#""term":4"#, r#""term":4,"term":4"#),
            ("}}}", "}}} "),
            ("}}}", "}}"),
        ];
        for (from, to) in unknown {
            let error = refused(from, to);
            let named = matches!(error, LineError::Malformed(_) | LineError::NotCanonical);
            assert!(named, "{from} -> {to}: {error}");
        }
        // A missing report would read as none.
        assert!(matches!(
            refused(r#""heard":null,"#, ""),
            LineError::NotCanonical
        ));
    }
}
