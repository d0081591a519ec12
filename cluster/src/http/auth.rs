//! Authentication: the signed call in a request's header, checked against the request.
//!
//! A call covers method, path, body, cluster and a short time, so that it cannot be replayed for
//! anything else. Authorisation is decided by the machine.
//!
//! A body is read only for a registered device, and for the call that registers one.

use axum::body::{Body, Bytes};
use axum::extract::{FromRequest, Request};
use axum::http::request::Parts;
use cameo_common::api::{CALL_HEADER, ErrorCode, MAX_BODY, MAX_CALL_LIFETIME, Register};
use cameo_common::ids::{Hash, Millis, RequestId, UserName};
use cameo_common::keys::PublicKey;
use cameo_common::signed::{MAX_STATEMENT, Signed, Statement};
use cameo_common::statements::Call;
use cameo_common::wire;
use cameo_mutant::{Mutant, is_planted};
use data_encoding::BASE64URL_NOPAD;
use serde::de::DeserializeOwned;
use tokio::time::Instant;

use super::body::{self, BODY_DEADLINE};
use super::{Api, Fault};
use crate::raft::CALL_DEADLINE;
use cameo_machine::read::CallerInfo;
use cameo_machine::{Command, Op};

/// An authenticated device and its call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Caller {
    pub device: PublicKey,
    /// The device's user.
    pub user: UserName,
    pub request: RequestId,
    pub not_after: Millis,
    /// Hash of method, path and body, which a retry has to repeat.
    pub content: Hash,
}

impl Caller {
    /// The caller's command for the log.
    #[must_use]
    pub fn command(&self, op: Op) -> Command {
        Command {
            caller: cameo_machine::Caller::Device {
                device: self.device,
                request: self.request,
                content: self.content,
                not_after: self.not_after,
            },
            op,
        }
    }
}

/// A caller and a JSON body.
#[derive(Debug)]
pub struct SignedJson<T>(pub Caller, pub T);

/// A caller without a body.
#[derive(Debug)]
pub struct SignedEmpty(pub Caller);

/// A caller, and a body that is not read yet.
#[derive(Debug)]
pub struct SignedUpload {
    pub caller: Caller,
    /// Hash that the body must have, by the call.
    pub hash: Hash,
    pub parts: Parts,
    pub body: Body,
}

impl<T: DeserializeOwned> FromRequest<Api> for SignedJson<T> {
    type Rejection = Fault;

    async fn from_request(request: Request, api: &Api) -> Result<Self, Fault> {
        let (parts, body) = request.into_parts();
        let call = read_call(&parts, api)?;
        let caller = registered_caller(&call, api).await?;
        let bytes = signed_body(&call, body).await?;
        Ok(Self(caller, json(&bytes)?))
    }
}

impl FromRequest<Api> for SignedEmpty {
    type Rejection = Fault;

    async fn from_request(request: Request, api: &Api) -> Result<Self, Fault> {
        let (parts, body) = request.into_parts();
        let call = read_call(&parts, api)?;
        let caller = registered_caller(&call, api).await?;
        signed_body(&call, body).await?;
        Ok(Self(caller))
    }
}

impl FromRequest<Api> for SignedUpload {
    type Rejection = Fault;

    async fn from_request(request: Request, api: &Api) -> Result<Self, Fault> {
        let (parts, body) = request.into_parts();
        let authenticated = async {
            let call = read_call(&parts, api)?;
            let caller = registered_caller(&call, api).await?;
            Ok((caller, call.body))
        };
        match authenticated.await {
            Ok((caller, hash)) => Ok(Self {
                caller,
                hash,
                parts,
                body,
            }),
            Err(fault) => {
                body::linger(body);
                Err(fault)
            }
        }
    }
}

/// The only call whose device need not be registered: the body contains its certificate.
#[derive(Debug)]
pub struct SignedRegistration(pub Caller, pub Register);

impl FromRequest<Api> for SignedRegistration {
    type Rejection = Fault;

    async fn from_request(request: Request, api: &Api) -> Result<Self, Fault> {
        let (parts, body) = request.into_parts();
        let call = read_call(&parts, api)?;
        let bytes = signed_body(&call, body).await?;
        let register: Register = json(&bytes)?;
        let card = statement(&register.card)?;
        let certificate = statement(&register.certificate)?;
        if certificate.device != call.device {
            return Err(unauthenticated(
                "the call is not signed by the device that the certificate names",
            ));
        }
        unexpired(certificate.not_after, api)?;
        Ok(Self(caller(&call, card.name), register))
    }
}

/// The content of a statement, after its signature is verified.
pub(super) fn statement<T: Statement>(signed: &Signed<T>) -> Result<T, Fault> {
    let content = if is_planted(Mutant::SignatureUnchecked) {
        signed.unverified()
    } else {
        signed.verify()
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

/// The call in the header, with all checks that need neither body nor state.
fn read_call(parts: &Parts, api: &Api) -> Result<Call, Fault> {
    let call: Call = header_statement(parts, CALL_HEADER)?
        .verify()
        .map_err(|error| unauthenticated(error.to_string()))?;
    if call.cluster != api.cluster {
        return Err(Fault::new(
            ErrorCode::WrongCluster,
            format!(
                "this is cluster {}, and the call is for another one",
                api.cluster
            ),
        ));
    }
    let path = parts.uri.path_and_query().map_or("/", |path| path.as_str());
    if call.method != parts.method.as_str() || call.path != path {
        return Err(unauthenticated(
            "the call was signed for another method or path",
        ));
    }
    let now = api.clock.unix_millis();
    if call.not_after <= now {
        return Err(expired("the call's not-after time has passed", now));
    }
    if call.not_after > now.plus(MAX_CALL_LIFETIME) {
        return Err(expired("the call's not-after time is too far ahead", now));
    }
    Ok(call)
}

fn expired(what: &str, now: Millis) -> Fault {
    Fault::new(
        ErrorCode::CallExpired,
        format!("{what}: check the clock (this node's time is {now} ms since 1970) and try again"),
    )
}

fn unauthenticated(message: impl Into<String>) -> Fault {
    Fault::new(ErrorCode::NotAuthenticated, message)
}

async fn signed_body(call: &Call, body: Body) -> Result<Bytes, Fault> {
    let (bytes, hash) = body::read_hashed(body, MAX_BODY, BODY_DEADLINE).await?;
    if hash == call.body {
        Ok(bytes)
    } else {
        Err(unauthenticated("the call was signed for another body"))
    }
}

fn json<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Fault> {
    serde_json::from_slice(bytes).map_err(|error| {
        let message = format!("the body is not valid for this path: {error}");
        Fault::new(ErrorCode::BadRequest, message)
    })
}

/// The caller of a call, if its device is registered and its certificate is valid.
async fn registered_caller(call: &Call, api: &Api) -> Result<Caller, Fault> {
    let found = match registered(call, api) {
        Some(found) => found,
        // The device may have registered at another node, and this one has not applied it yet.
        None => {
            api.replica.barrier(Instant::now() + CALL_DEADLINE).await?;
            registered(call, api).ok_or_else(|| {
                unauthenticated("this device is not registered with the cluster: run `cameo init`")
            })?
        }
    };
    unexpired(found.not_after, api)?;
    Ok(caller(call, found.user))
}

fn registered(call: &Call, api: &Api) -> Option<CallerInfo> {
    cameo_machine::read::caller(&*api.replica.view(), &call.device)
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

fn caller(call: &Call, user: UserName) -> Caller {
    let content = wire::encode(&(&call.method, &call.path, &call.body));
    Caller {
        device: call.device,
        user,
        request: call.request,
        not_after: call.not_after,
        content: Hash::of(&content),
    }
}
