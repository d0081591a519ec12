//! Directory, presence and the event stream.

use serde::{Deserialize, Serialize};

use crate::identity::{DeviceCertificate, DeviceRevocation, EndpointRecord, UserCard};
use crate::ids::{GrantId, Millis, UserName};
use crate::registration::InviteUse;
use crate::rights::Rights;
use crate::signed::Signed;
use crate::statements::{Receipt, RightsAck};

/// `POST /v1/users`: registers a user and this device. The only call of a device that need not be
/// known.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Register {
    pub card: Signed<UserCard>,
    pub certificate: Signed<DeviceCertificate>,
    /// Where registration is by invite, for a new user.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub invite: Option<Signed<InviteUse>>,
}

/// Answer to [`Register`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Registered {
    /// False when this user and device were known already.
    pub created: bool,
}

/// One device of a user.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeviceInfo {
    pub certificate: Signed<DeviceCertificate>,
    /// Its addresses, once it has started a session.
    pub endpoint: Option<Signed<EndpointRecord>>,
    /// The epoch of its running session, for the same callers as [`UserInfo::online`].
    #[serde(default)]
    pub epoch: Option<u64>,
    /// Of a revoked device: it acts for nobody, and is listed so that others refuse it too.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revocation: Option<Signed<DeviceRevocation>>,
}

/// `POST /v1/devices/revoke`, by a device of the same user.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RevokeDevice {
    pub revocation: Signed<DeviceRevocation>,
}

/// `GET /v1/users/{name}`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UserInfo {
    pub card: Signed<UserCard>,
    pub devices: Vec<DeviceInfo>,
    /// Only for callers who share a grant with the user, and for all if the user is listed.
    pub online: Option<bool>,
    /// The epoch of the running session, for the same callers as `online`.
    pub epoch: Option<u64>,
    /// When the operator has retired the user, who starts nothing new from then on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retired: Option<Millis>,
}

/// `GET /v1/users`: listed users that are online.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Online {
    pub users: Vec<UserName>,
}

/// `POST /v1/sessions`: the device is online, and can be reached at these addresses.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StartSession {
    pub endpoint: Signed<EndpointRecord>,
    /// Whether the user is listed among those online.
    pub listed: bool,
}

/// Answer to [`StartSession`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SessionStarted {
    pub epoch: u64,
}

/// `POST /v1/sessions/keep-alive`.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KeepAlive {
    pub epoch: u64,
}

/// `POST /v1/sessions/end`: the device goes offline.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EndSession {
    pub epoch: u64,
}

/// `POST /v1/users/{name}/offline`: a grant's counterparty found that the user does not answer.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReportOffline {
    /// The session that did not answer; only that one is ended.
    pub epoch: u64,
}

/// Answer to [`ReportOffline`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReportedOffline {
    /// Whether the session has ended, by this report or before it.
    pub offline: bool,
}

/// The answer of commands without a result.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Done {
    pub done: bool,
}

/// One row of a user's event stream (`GET /v1/events?after=N`, server-sent events, one JSON each).
/// Delivery is at least once; `sequence` is the token that the stream resumes from, on any node.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Event {
    pub sequence: u64,
    /// Time of the event, in log time.
    pub at: Millis,
    pub kind: EventKind,
}

/// The event.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EventKind {
    /// To the viewer: rights that they have not acknowledged yet.
    Rights {
        grant: GrantId,
        rights: Signed<Rights>,
    },
    /// To the viewer: a grant was recorded.
    Granted { grant: GrantId },
    /// To the owner: the carrier arrived.
    Received {
        grant: GrantId,
        receipt: Signed<Receipt>,
    },
    /// To the owner: a view was charged.
    Viewed { grant: GrantId, number: u32 },
    /// To the owner: the viewer has acknowledged rights.
    Acknowledged {
        grant: GrantId,
        ack: Signed<RightsAck>,
    },
    /// To the viewer: the owner has dealt the grant again, to the cluster's present nodes. Each
    /// answer to a debit has this deal from then on.
    Dealt { grant: GrantId, number: u64 },
}
