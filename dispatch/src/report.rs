//! What a worker tells the leader with each reply to a heartbeat.

use cameo_common::wire;
use serde::{Deserialize, Serialize};

use crate::ticket_id::TicketId;

/// Longest report that is read. Bytes.
pub const MAX_REPORT: usize = 16 * 1024;
/// Layout that this program writes and reads.
pub const REPORT_VERSION: u16 = 1;

/// A worker's load, at the moment the report was made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Report {
    pub version: u16,
    /// Random, new at each start of the node: what was placed on an earlier one is lost.
    pub incarnation: u64,
    /// Goes up with each report of an incarnation.
    pub sequence: u64,
    /// CPU that the process is allowed.
    pub quota_millicores: u32,
    /// CPU that its jobs would really get, from what they got of late.
    pub usable_millicores: u32,
    /// CPU that the process used of its quota, smoothed. Parts in a thousand.
    pub cpu_share_permille: u16,
    pub running: u32,
    /// Taken up and not yet running.
    pub queued: u32,
    /// Predicted CPU time that is left of all that was taken up.
    pub backlog_cpu_ms: u64,
    /// Number of the first event listed, counted from the incarnation's start: when it lies above what
    /// the leader has seen, events were missed.
    pub first_event: u64,
    /// What became of tickets of late, oldest first. Repeated for a while, so that lost replies do not matter.
    pub events: Vec<Event>,
    /// Age of the CPU share and the usable cores.
    pub sample_age_ms: u32,
    pub draining: bool,
}

/// What became of a ticket.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Event {
    /// From here on it is part of the reported backlog.
    TakenUp(TicketId),
    /// It is no longer. The CPU time is told when the job was done, not when it was given up or refused.
    Finished {
        ticket: TicketId,
        cpu_ms: Option<u32>,
    },
}

/// Bytes that are no report.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ReportError {
    #[error("the load report is longer than {MAX_REPORT} bytes")]
    TooLong,
    #[error("the load report is not well-formed")]
    Malformed,
    #[error("the load report has layout {0}, which this node does not know; update it")]
    UnknownVersion(u16),
}

impl Report {
    /// The bytes that ride on a heartbeat's reply.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        wire::encode(self)
    }

    /// Reads them.
    ///
    /// # Errors
    /// When they are too long, of another layout, or not canonical.
    pub fn decode(bytes: &[u8]) -> Result<Self, ReportError> {
        if bytes.len() > MAX_REPORT {
            return Err(ReportError::TooLong);
        }
        let (version, _) =
            postcard::take_from_bytes::<u16>(bytes).map_err(|_| ReportError::Malformed)?;
        if version != REPORT_VERSION {
            return Err(ReportError::UnknownVersion(version));
        }
        wire::decode(bytes).map_err(|_| ReportError::Malformed)
    }
}

#[cfg(test)]
pub(crate) mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    pub(crate) fn report(incarnation: u64, sequence: u64) -> Report {
        Report {
            version: REPORT_VERSION,
            incarnation,
            sequence,
            quota_millicores: 2000,
            usable_millicores: 1500,
            cpu_share_permille: 250,
            running: 1,
            queued: 2,
            backlog_cpu_ms: 300,
            first_event: 0,
            events: Vec::new(),
            sample_age_ms: 90,
            draining: false,
        }
    }

    #[test]
    fn its_bytes_are_pinned() {
        let mut report = report(0x1122, 5);
        report.first_event = 7;
        report.events = vec![
            Event::TakenUp(TicketId([0xaa; 16])),
            Event::Finished {
                ticket: TicketId([0xbb; 16]),
                cpu_ms: Some(33),
            },
        ];
        let hex: String = report.encode().iter().map(|b| format!("{b:02x}")).collect();
        let expected = [
            "01",   // version
            "a222", // incarnation
            "05",   // sequence
            "d00f", // quota
            "dc0b", // usable
            "fa01", // share
            "01",   // running
            "02",   // queued
            "ac02", // backlog
            "07",   // first event
            "02",   // two events
            "00",   // taken up
            &"aa".repeat(16),
            "01", // finished
            &"bb".repeat(16),
            "0121", // CPU time known: 33
            "5a",   // age of the sample
            "00",   // draining
        ];
        assert_eq!(hex, expected.concat());
        assert_eq!(Report::decode(&report.encode()).unwrap(), report);
    }

    #[test]
    fn another_layout_is_named_and_what_is_not_canonical_refused() {
        let good = report(1, 1).encode();
        let mut newer = good.clone();
        newer[0] = 2;
        assert_eq!(Report::decode(&newer), Err(ReportError::UnknownVersion(2)));
        let mut trailing = good;
        trailing.push(0);
        assert_eq!(Report::decode(&trailing), Err(ReportError::Malformed));
        assert_eq!(Report::decode(&[]), Err(ReportError::Malformed));
        assert_eq!(
            Report::decode(&[0; MAX_REPORT + 1]),
            Err(ReportError::TooLong)
        );
    }
}
