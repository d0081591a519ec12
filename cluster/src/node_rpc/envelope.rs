//! Calls and answers, and their encoding.

use cameo_common::api::{ApiError, ErrorCode, PlaceJob, Placed, SCHEMA};
use cameo_common::keys::PublicKey;
use cameo_common::operator::BackupOrder;
use cameo_common::signed::Signed;
use cameo_common::wire;
use serde::{Deserialize, Serialize, de::DeserializeOwned};

/// Version of the layout of calls and answers.
pub const VERSION: u16 = 5;

/// A call from one node to another.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub enum NodeCall {
    /// To the leader: renew the leases of these sessions (device and epoch).
    Renew(Vec<(PublicKey, u64)>),
    /// To the leader: this session was reported offline; does it renew its lease?
    Probe { device: PublicKey, epoch: u64 },
    /// To every node: send a probe on the session's event stream, if the node serves it.
    ProbeStream { device: PublicKey, epoch: u64 },
    /// To the leader: place this device's jobs on workers.
    Place {
        jobs: Vec<PlaceJob>,
        client: PublicKey,
    },
    /// To each voter: capture the state at this index, for the operator's backup.
    Capture {
        order: Signed<BackupOrder>,
        index: u64,
    },
}

/// A node's answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum NodeAnswer {
    /// The call has a layout that is unknown to the node, or too many items.
    Misunderstood,
    /// The call is for the leader, and the node does not lead.
    NotLeading,
    /// Which of the sessions still run, in the order of the call.
    Renewed(Vec<bool>),
    Probed {
        alive: bool,
    },
    /// Whether the node serves the session's event stream, and has sent a probe.
    StreamProbed {
        open: bool,
    },
    /// In the order of the call.
    Placed(Vec<Result<Placed, NotPlaced>>),
    /// The last applied index; None if the node captures nothing for this order.
    Captured {
        applied: Option<u64>,
    },
}

/// The reason why a job was not placed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NotPlaced {
    pub code: ErrorCode,
    pub message: String,
    pub retry_after_ms: Option<u64>,
}

impl From<NotPlaced> for ApiError {
    fn from(no: NotPlaced) -> Self {
        Self {
            schema: SCHEMA,
            code: no.code,
            message: no.message,
            retry_after_ms: no.retry_after_ms,
        }
    }
}

/// A call or an answer after its version.
pub fn encode<T: Serialize>(value: &T) -> Vec<u8> {
    wire::encode(&(VERSION, value))
}

/// `None` for an unknown version and for bytes that do not decode.
pub fn decode<T: Serialize + DeserializeOwned>(bytes: &[u8]) -> Option<T> {
    let (_, value) = wire::decode_after_version::<(u16, T)>(VERSION, bytes).ok()?;
    Some(value)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use cameo_common::ids::{Hash, JobId, NodeId};

    #[test]
    fn the_bytes_of_calls_and_answers_are_pinned() {
        let device = PublicKey([7; 32]);
        let key = [7u8; 32];
        let epoch = 300; // ac 02
        let renew = encode(&NodeCall::Renew(vec![(device, epoch)]));
        assert_eq!(renew, [&[5, 0, 1], &key[..], &[0xac, 2]].concat());
        let probe = encode(&NodeCall::Probe { device, epoch });
        assert_eq!(probe, [&[5, 1], &key[..], &[0xac, 2]].concat());
        let stream = encode(&NodeCall::ProbeStream { device, epoch });
        assert_eq!(stream, [&[5, 2], &key[..], &[0xac, 2]].concat());
        let request = PlaceJob {
            job: JobId([3; 16]),
            input: Hash([4; 32]),
            size: 5,
            exclude: vec![NodeId(6)],
        };
        let place = encode(&NodeCall::Place {
            jobs: vec![request],
            client: device,
        });
        let body = [&[5, 3, 1], &[3; 16][..], &[4; 32], &[5, 1, 6], &key].concat();
        assert_eq!(place, body);
        assert_eq!(
            encode(&NodeAnswer::Renewed(vec![true, false])),
            [5, 2, 2, 1, 0]
        );
        let placed = Placed {
            worker: NodeId(6),
            leader: NodeId(1),
            expected_ms: 300,
            ticket: Signed::from_bytes(vec![0xcc]),
        };
        let refused = NotPlaced {
            code: ErrorCode::Busy,
            message: "no".into(),
            retry_after_ms: Some(7),
        };
        let answer = encode(&NodeAnswer::Placed(vec![Ok(placed), Err(refused)]));
        let placed = [0, 6, 1, 0xac, 2, 1, 0xcc];
        let busy = wire::encode(&ErrorCode::Busy);
        let refused = [&[1], &busy[..], &[2], b"no", &[1, 7]].concat();
        assert_eq!(answer, [&[5, 5, 2], &placed[..], &refused].concat());
    }

    #[test]
    fn the_bytes_of_captures_are_pinned() {
        let capture = encode(&NodeCall::Capture {
            order: Signed::from_bytes(vec![0xcc]),
            index: 300,
        });
        assert_eq!(capture, [5, 4, 1, 0xcc, 0xac, 2]);
        let captured = |applied| encode(&NodeAnswer::Captured { applied });
        assert_eq!(captured(Some(300)), [5, 6, 1, 0xac, 2]);
        assert_eq!(captured(None), [5, 6, 0]);
    }

    #[test]
    fn an_unknown_version_is_refused() {
        let mut bytes = encode(&NodeAnswer::NotLeading);
        assert_eq!(decode(&bytes), Some(NodeAnswer::NotLeading));
        bytes[0] = 1;
        assert_eq!(decode::<NodeAnswer>(&bytes), None);
    }

    #[test]
    fn trailing_bytes_are_refused() {
        let mut bytes = encode(&NodeAnswer::NotLeading);
        bytes.push(0);
        assert_eq!(decode::<NodeAnswer>(&bytes), None);
    }
}
