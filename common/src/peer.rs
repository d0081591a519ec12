//! Messages between agents: one request and one reply a stream, each followed by a raw body.
//!
//! The version of the messages is in the protocol name, [`ALPN`]. The transport proves the device;
//! the certificate in each call proves the user behind it.

use serde::{Deserialize, Serialize};

use crate::identity::{DeviceCertificate, UserCard};
use crate::ids::{GrantId, Hash, ImageId, RequestId, UserName};
use crate::rights::Rights;
use crate::signed::Signed;
use crate::statements::{Manifest, PhotoRequest, Receipt, RightsAck};

/// Name and version of the protocol.
pub const ALPN: &[u8] = b"cameo/peer/2";
/// Most images that a gallery lists.
pub const MAX_GALLERY: usize = 1_000;
/// Longest preview, in bytes.
pub const MAX_PREVIEW: usize = 64 * 1024;
/// Longest media type, in bytes.
pub const MAX_MEDIA_TYPE: usize = 100;
/// Longest note from a viewer to an owner, in bytes.
pub const MAX_NOTE: usize = 500;

/// One call from agent to agent.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct PeerCall {
    pub card: Signed<UserCard>,
    pub certificate: Signed<DeviceCertificate>,
    pub request: PeerRequest,
}

/// The request of a call.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub enum PeerRequest {
    /// Asks whether the agent answers.
    Ping,
    /// Asks for the gallery from `after` on. Previews follow as the reply's body, one after
    /// another.
    Gallery { after: Option<ImageId> },
    /// Requests an image. The carrier comes later, as a `Deliver` call in the other direction.
    Ask {
        request: Signed<PhotoRequest>,
        note: String,
    },
    /// Delivers a carrier: the body is its list of chunks, then its bytes from `offset` on.
    Deliver(Box<Delivery>),
    /// Delivers changed rights.
    Rights { rights: Signed<Rights> },
    /// Asks for more views.
    AskMore { grant: GrantId, note: String },
    /// Tells that the owner has denied a request.
    Denied { request: RequestId, reason: String },
    /// Announces a carrier, and asks how much of it is there already.
    Offer {
        request: RequestId,
        grant: GrantId,
        carrier: Hash,
        carrier_length: u64,
    },
    /// Tells that the request was granted, but its carrier cannot be made.
    Failed { request: RequestId },
}

/// The message before a carrier's bytes.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Delivery {
    pub manifest: Signed<Manifest>,
    pub rights: Signed<Rights>,
    /// The key of the sealed photo's place in the carrier; secrecy does not depend on it.
    pub codec_key: [u8; 32],
    pub carrier: Hash,
    pub carrier_length: u64,
    /// Position in the carrier at which the body begins: the viewer's answer to the offer.
    pub offset: u64,
    /// The viewer's request that this answers.
    pub request: RequestId,
    /// The kind of the photo, so that its viewer knows before a view is used whether it can be
    /// shown; empty where its owner does not know it any more.
    pub media_type: String,
}

/// The answer to a call.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub enum PeerReply {
    Pong,
    Gallery {
        items: Vec<GalleryItem>,
        more: bool,
    },
    Asked(AskOutcome),
    Received {
        receipt: Signed<Receipt>,
    },
    RightsTaken {
        ack: Signed<RightsAck>,
    },
    Noted,
    /// Answer to an offer: the position from which to send the carrier; its length when none is
    /// missing.
    Wanted {
        offset: u64,
    },
    Refused {
        code: PeerRefusal,
        message: String,
    },
}

/// One image of a gallery. File names are not part of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct GalleryItem {
    pub image: ImageId,
    /// The owner's title of the image.
    pub title: String,
    pub width: u32,
    pub height: u32,
    pub bytes: u64,
    /// Length of its preview in the reply's body.
    pub preview: u32,
    /// Whether the owner decides each request.
    pub asks: bool,
}

/// The state of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum AskOutcome {
    /// The carrier will be delivered.
    Preparing,
    /// The owner has to decide.
    Waiting,
    /// There is a live grant for this image already.
    Held(GrantId),
}

/// The reason, for programs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum PeerRefusal {
    /// The owner does not share with this user.
    Closed,
    NoSuchImage,
    NoSuchGrant,
    /// Card, certificate or statement is not accepted.
    NotAccepted,
    /// The user's key is not the one that is known under this name.
    IdentityChanged,
    TooMany,
    Failed,
}

/// The verified user behind a call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PeerUser {
    pub name: UserName,
    pub card: UserCard,
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::wire;

    fn signed<T>(byte: u8) -> Signed<T> {
        Signed::from_bytes(vec![byte; 2])
    }

    fn hex<T: Serialize + ?Sized>(value: &T) -> String {
        data_encoding::HEXLOWER.encode(&wire::encode(value))
    }

    #[test]
    fn the_bytes_of_requests_are_pinned() {
        let (grant, request) = (GrantId([0xaa; 32]), RequestId([0xbb; 16]));
        let (aa, bb, cc) = ("aa".repeat(32), "bb".repeat(16), "cc".repeat(32));
        let delivery = Delivery {
            manifest: signed(1),
            rights: signed(2),
            codec_key: [0xdd; 32],
            carrier: Hash([0xcc; 32]),
            carrier_length: 300,
            offset: 1,
            request,
            media_type: "image/x".into(),
        };
        let dd = "dd".repeat(32);
        for (message, bytes) in [
            (PeerRequest::Ping, "00".to_owned()),
            (PeerRequest::Gallery { after: None }, "0100".to_owned()),
            (
                PeerRequest::Ask {
                    request: signed(7),
                    note: "hi".into(),
                },
                "02020707026869".to_owned(),
            ),
            (
                PeerRequest::Deliver(Box::new(delivery)),
                format!("03020101020202{dd}{cc}ac0201{bb}07696d6167652f78"),
            ),
            (
                PeerRequest::Rights { rights: signed(9) },
                "04020909".to_owned(),
            ),
            (
                PeerRequest::AskMore {
                    grant,
                    note: String::new(),
                },
                format!("05{aa}00"),
            ),
            (
                PeerRequest::Denied {
                    request,
                    reason: "no".into(),
                },
                format!("06{bb}026e6f"),
            ),
            (
                PeerRequest::Offer {
                    request,
                    grant,
                    carrier: Hash([0xcc; 32]),
                    carrier_length: 300,
                },
                format!("07{bb}{aa}{cc}ac02"),
            ),
            (PeerRequest::Failed { request }, format!("08{bb}")),
        ] {
            assert_eq!(hex(&message), bytes, "{message:?}");
        }
    }

    #[test]
    fn the_bytes_of_replies_are_pinned() {
        let aa = "aa".repeat(32);
        for (message, bytes) in [
            (PeerReply::Pong, "00".to_owned()),
            (
                PeerReply::Gallery {
                    items: vec![],
                    more: true,
                },
                "010001".to_owned(),
            ),
            (PeerReply::Asked(AskOutcome::Waiting), "0201".to_owned()),
            (
                PeerReply::Asked(AskOutcome::Held(GrantId([0xaa; 32]))),
                format!("0202{aa}"),
            ),
            (
                PeerReply::Received { receipt: signed(3) },
                "03020303".to_owned(),
            ),
            (
                PeerReply::RightsTaken { ack: signed(4) },
                "04020404".to_owned(),
            ),
            (PeerReply::Noted, "05".to_owned()),
            (PeerReply::Wanted { offset: 300 }, "06ac02".to_owned()),
            (
                PeerReply::Refused {
                    code: PeerRefusal::Failed,
                    message: "x".into(),
                },
                "07060178".to_owned(),
            ),
        ] {
            assert_eq!(hex(&message), bytes, "{message:?}");
        }
    }
}
