//! The load report of a worker, on the reply to each heartbeat.

use cameo_common::wire::{self, VersionError};
use serde::{Deserialize, Serialize};

use crate::ticket_id::TicketId;

/// Longest report that is read. Bytes.
pub const MAX_REPORT: usize = 16 * 1024;
/// Version that this program writes and reads.
pub const REPORT_VERSION: u16 = 2;

/// A worker's load at the moment the report was made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Report {
    pub version: u16,
    /// Random, new at each start of the node: tickets of an earlier one are lost.
    pub incarnation: u64,
    /// Goes up with each report of an incarnation.
    pub sequence: u64,
    /// CPU that the process is allowed.
    pub quota_millicores: u32,
    /// CPU that its jobs would get, from what they got recently.
    pub usable_millicores: u32,
    /// Part of its quota that the process used, smoothed. Parts in a thousand.
    pub cpu_share_permille: u16,
    /// Jobs that it runs at one time, each on its part of the usable cores.
    pub slots: u32,
    pub running: u32,
    /// Jobs with complete input that do not run yet.
    pub queued: u32,
    /// Predicted CPU time left of `running` and `queued`.
    pub backlog_cpu_ms: u64,
    /// Accepted jobs whose input is being uploaded.
    pub incoming: u32,
    /// Predicted CPU time of these.
    pub incoming_cpu_ms: u64,
    /// Number of the first event listed, counted from the incarnation's start. When the leader has
    /// not seen all events before it, some were missed.
    pub first_event: u64,
    /// Recent changes of tickets, oldest first. Repeated for a while, so that lost replies do no
    /// harm.
    pub events: Vec<Event>,
    /// Age of the CPU share and the usable cores.
    pub sample_age_ms: u32,
    pub draining: bool,
    /// It has as many jobs as it can hold, or is stalled for want of memory.
    pub full: bool,
    /// Most bytes that another input may have now.
    pub input_room: u64,
    /// Most bytes that an input may have when there is no other.
    pub input_limit: u64,
}

/// A change of a ticket.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Event {
    /// From here on its job is part of `incoming` or of the backlog.
    Accepted(TicketId),
    /// Its job has ended. The CPU time is there when the job was done, not when it was abandoned or
    /// rejected.
    Finished {
        ticket: TicketId,
        cpu_ms: Option<u32>,
    },
}

/// Bytes that are not a report.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ReportError {
    #[error("the load report is longer than {MAX_REPORT} bytes")]
    TooLong,
    #[error("the load report is not well-formed")]
    Malformed,
    #[error("the load report has version {0}, which this node does not know; update it")]
    UnknownVersion(u16),
}

impl From<VersionError> for ReportError {
    fn from(error: VersionError) -> Self {
        match error {
            VersionError::UnknownVersion(found) => Self::UnknownVersion(found),
            VersionError::Wire(_) => Self::Malformed,
        }
    }
}

impl Report {
    /// Whether the worker has no room for an input of this many bytes now, but will have it. False
    /// for an input that it never accepts.
    #[must_use]
    pub fn is_full_for(&self, size: u64) -> bool {
        self.full || (self.input_room < size && size <= self.input_limit)
    }

    /// The bytes on the reply to a heartbeat.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        wire::encode(self)
    }

    /// Reads the bytes of a report.
    pub fn decode(bytes: &[u8]) -> Result<Self, ReportError> {
        if bytes.len() > MAX_REPORT {
            return Err(ReportError::TooLong);
        }
        Ok(wire::decode_after_version(REPORT_VERSION, bytes)?)
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
            slots: 1,
            running: 1,
            queued: 2,
            backlog_cpu_ms: 300,
            incoming: 0,
            incoming_cpu_ms: 0,
            first_event: 0,
            events: Vec::new(),
            sample_age_ms: 90,
            draining: false,
            full: false,
            input_room: 1 << 20,
            input_limit: 1 << 21,
        }
    }

    #[test]
    fn a_worker_is_full_for_an_input_that_it_accepts_later_and_not_for_one_that_it_never_accepts() {
        let report = report(1, 1);
        let full = |size: u64| report.is_full_for(size);
        assert_eq!(
            [1 << 20, (1 << 20) + 1, 1 << 21].map(full),
            [false, true, true]
        );
        assert!(!full((1 << 21) + 1));
        assert!(
            Report {
                full: true,
                ..report.clone()
            }
            .is_full_for(0)
        );
    }

    #[test]
    fn the_bytes_of_a_report_are_pinned() {
        let mut report = report(0x1122, 5);
        (report.incoming, report.incoming_cpu_ms) = (3, 400);
        report.full = true;
        report.first_event = 7;
        report.events = vec![
            Event::Accepted(TicketId([0xaa; 16])),
            Event::Finished {
                ticket: TicketId([0xbb; 16]),
                cpu_ms: Some(33),
            },
        ];
        let hex: String = report.encode().iter().map(|b| format!("{b:02x}")).collect();
        let expected = [
            "02",   // version
            "a222", // incarnation
            "05",   // sequence
            "d00f", // quota
            "dc0b", // usable
            "fa01", // share
            "01",   // slots
            "01",   // running
            "02",   // queued
            "ac02", // backlog
            "03",   // incoming
            "9003", // their CPU time
            "07",   // first event
            "02",   // two events
            "00",   // accepted
            &"aa".repeat(16),
            "01", // finished
            &"bb".repeat(16),
            "0121",     // CPU time known: 33
            "5a",       // age of the sample
            "00",       // draining
            "01",       // full
            "808040",   // room for an input
            "80808001", // longest input
        ];
        assert_eq!(hex, expected.concat());
        assert_eq!(Report::decode(&report.encode()).unwrap(), report);
    }

    #[test]
    fn an_unknown_version_is_named_and_bytes_that_are_not_canonical_are_refused() {
        let good = report(1, 1).encode();
        for version in [REPORT_VERSION - 1, REPORT_VERSION + 1] {
            let mut other = good.clone();
            other[0] = version as u8;
            let unknown = ReportError::UnknownVersion(version);
            assert_eq!(Report::decode(&other), Err(unknown));
        }
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
