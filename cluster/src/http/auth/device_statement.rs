//! Signatures that devices make of their commands.
//!
//! When TLS has proved the device's own key, the node leaves the signature to the replicas, itself
//! among them: they verify those of many entries as one batch. A wrong one makes an entry that
//! changes nothing. The device has then used its turn, and is verified here for some minutes.

use axum::http::request::Parts;
use cameo_common::api::ErrorCode;
use cameo_common::op::Op;
use cameo_common::signed::{Signed, Statement, StatementError};
use cameo_machine::{Caller, Command};

use super::{Api, Fault, unauthenticated};
use crate::http::serve::TlsPeer;

/// The content of a statement that authorizes a command. Its signature is right, or the replicas
/// are the ones to refuse it.
pub(super) fn device_statement<T: Statement>(
    api: &Api,
    parts: &Parts,
    signed: &Signed<T>,
) -> Result<T, StatementError> {
    let content = signed.unverified()?;
    let device = content.signer();
    let is_the_peers = parts.extensions.get() == Some(&TlsPeer(device));
    if is_the_peers && !api.wrong_signers.contains(&device) {
        Ok(content)
    } else {
        signed.verify_by(&*api.signatures)
    }
}

/// Refuses a command whose authorization by a device has a wrong signature, and remembers the
/// device. What the replicas have verified is not verified again.
pub(in crate::http) fn check_signature(api: &Api, command: &Command) -> Result<(), Fault> {
    match (&command.caller, &command.op) {
        (Caller::Device(signed), _) => check(api, signed).map_err(wrong_authorization),
        (Caller::Signer, Op::Debit { request }) => check(api, request).map_err(wrong_request),
        (Caller::Signer | Caller::Node(_) | Caller::Operator(_), _) => Ok(()),
    }
}

fn check<T: Statement>(api: &Api, signed: &Signed<T>) -> Result<(), StatementError> {
    let result = signed.verify_by(&*api.signatures);
    if result.is_err()
        && let Ok(content) = signed.unverified()
    {
        api.wrong_signers.add(content.signer());
    }
    result.map(|_| ())
}

pub(super) fn wrong_authorization(error: StatementError) -> Fault {
    unauthenticated(error.to_string())
}

pub(super) fn wrong_request(error: StatementError) -> Fault {
    Fault::new(ErrorCode::BadRequest, error.to_string())
}
