//! Authentication: which device asks.
//!
//! A [`call`] reads, renews or uploads, and ends at this node: TLS has proved the device's key. A
//! [`command`] changes the state: the device signs it, for one cluster and a short time, and its
//! authorization goes into the log, where every replica verifies it. This node verifies it first
//! where TLS has proved another key, or none: see [`device_statement`]. Authorisation is decided by
//! the machine.
//!
//! An [`order`] is a command of the operator, a [`backup_order`] asks for a backup.
//!
//! A body is read only for a registered device, for the operator, and for what proves one: a
//! registration, or a view request.

mod backup_order;
mod call;
mod command;
mod device_statement;
mod order;

use axum::body::{Body, Bytes};
use axum::http::request::Parts;
use cameo_common::api::{ErrorCode, MAX_CALL_LIFETIME};
use cameo_common::ids::{ClusterId, Millis, UserName};
use cameo_common::keys::PublicKey;
use cameo_common::moment::moment;
use cameo_common::signed::{MAX_STATEMENT, Signed, Statement};
use cameo_machine::Refusal;
use cameo_machine::read::CallerInfo;
use cameo_mutant::{Mutant, is_planted};
use data_encoding::BASE64URL_NOPAD;
use serde::de::DeserializeOwned;
use tokio::time::Instant;

use super::body::{self, BODY_DEADLINE};
use super::{Api, Fault};
use crate::raft::CALL_DEADLINE;

pub(super) use backup_order::BackupOrdered;
pub(super) use call::{Called, CalledJson, CalledUpload};
pub(super) use command::{Commanded, Registration, SignedView};
pub(super) use device_statement::check_signature;
pub(super) use order::{MAX_ORDER, OperatorsCall, Ordered, operators_order, other_operation};

/// An authenticated device.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Caller {
    pub device: PublicKey,
    /// The device's user.
    pub user: UserName,
}

/// The content of a statement, after its signature is verified.
pub(super) fn statement<T: Statement>(api: &Api, signed: &Signed<T>) -> Result<T, Fault> {
    let content = if is_planted(Mutant::SignatureUnchecked) {
        signed.unverified()
    } else {
        signed.verify_by(&*api.signatures)
    };
    content.map_err(|error| Fault::new(ErrorCode::BadRequest, format!("{error}")))
}

/// A statement in a header, base64url without padding.
pub(super) fn header_statement<T: Statement>(
    parts: &Parts,
    name: &str,
) -> Result<Signed<T>, Fault> {
    let header = parts.headers.get(name).ok_or_else(|| {
        unauthenticated(format!(
            "the request has no {name} header: see docs/PROTOCOL.md"
        ))
    })?;
    if header.len() > BASE64URL_NOPAD.encode_len(MAX_STATEMENT) {
        let message = format!("the {name} header is longer than any statement");
        return Err(Fault::new(ErrorCode::TooLarge, message));
    }
    BASE64URL_NOPAD
        .decode(header.as_bytes())
        .map(Signed::from_bytes)
        .map_err(|_| {
            unauthenticated(format!(
                "the {name} header is not base64url without padding"
            ))
        })
}

/// Refuses what is signed for another cluster.
fn check_cluster(api: &Api, named: ClusterId) -> Result<(), Fault> {
    if named == api.cluster {
        return Ok(());
    }
    Err(Fault::new(
        ErrorCode::WrongCluster,
        format!(
            "this is cluster {}, and the call is for another one",
            api.cluster
        ),
    ))
}

/// Refuses what is too late, or dated too far ahead.
fn check_time(api: &Api, not_after: Millis) -> Result<(), Fault> {
    let now = api.clock.unix_millis();
    if not_after <= now {
        return Err(expired("the call's not-after time has passed", now));
    }
    if not_after > now.plus(MAX_CALL_LIFETIME) {
        return Err(expired("the call's not-after time is too far ahead", now));
    }
    Ok(())
}

fn expired(what: &str, now: Millis) -> Fault {
    Fault::new(
        ErrorCode::CallExpired,
        format!(
            "{what}: check the clock (this node's time is {}) and try again",
            moment(now)
        ),
    )
}

pub(super) fn unauthenticated(message: impl Into<String>) -> Fault {
    Fault::new(ErrorCode::NotAuthenticated, message)
}

/// Reads a JSON body of at most `limit` bytes.
pub(super) async fn read_json<T: DeserializeOwned>(body: Body, limit: usize) -> Result<T, Fault> {
    let (bytes, _) = body::read_hashed(body, limit, BODY_DEADLINE).await?;
    json(&bytes)
}

fn json<T: DeserializeOwned>(bytes: &Bytes) -> Result<T, Fault> {
    serde_json::from_slice(bytes).map_err(|error| {
        let message = format!("the body is not valid for this path: {error}");
        Fault::new(ErrorCode::BadRequest, message)
    })
}

/// The caller at this device, if it is registered, not revoked, and its certificate is valid.
async fn registered_caller(device: PublicKey, api: &Api) -> Result<Caller, Fault> {
    let found = match registered(&device, api) {
        Some(found) => found,
        // The device may have registered at another node, and this one has not applied it yet.
        None => {
            api.replica.barrier(Instant::now() + CALL_DEADLINE).await?;
            registered(&device, api).ok_or_else(|| {
                unauthenticated("this device is not registered with the cluster: run `cameo init`")
            })?
        }
    };
    if found.revoked {
        return Err(Refusal::DeviceRevoked.into());
    }
    unexpired(found.not_after, api)?;
    let user = found.user;
    Ok(Caller { device, user })
}

fn registered(device: &PublicKey, api: &Api) -> Option<CallerInfo> {
    cameo_machine::read::caller(&*api.replica.view(), device)
}

fn unexpired(not_after: Millis, api: &Api) -> Result<(), Fault> {
    if not_after > api.clock.unix_millis() {
        Ok(())
    } else {
        Err(unauthenticated(
            "the device's certificate has expired: run `cameo init` on it again",
        ))
    }
}
