//! Who is asking: the signed call in the header, checked against the request that carries it.
//!
//! A call covers method, path, body, cluster and a short time, so that a copy of it is good for
//! nothing else. Whether the device may do what it asks is for the machine to decide.
//!
//! No body is read for a device that the cluster does not know, but for the call that makes it known.

use axum::body::{Body, Bytes};
use axum::extract::{FromRequest, Request};
use axum::http::request::Parts;
use cameo_common::api::{CALL_HEADER, ErrorCode, MAX_BODY, MAX_CALL_LIFE, Register};
use cameo_common::ids::{Hash, Millis, RequestId, UserName};
use cameo_common::keys::PublicKey;
use cameo_common::signed::{MAX_STATEMENT, Signed, Statement};
use cameo_common::statements::Call;
use cameo_common::wire;
use data_encoding::BASE64URL_NOPAD;
use serde::de::DeserializeOwned;
use tokio::time::Instant;

use super::body::{self, BODY_DEADLINE};
use super::{Api, Fault};
use crate::raft::CALL_DEADLINE;
use cameo_machine::read::CallerInfo;
use cameo_machine::{Command, Op};

/// A device that has proven itself, and the call that proves it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Caller {
    pub device: PublicKey,
    /// Whom the device speaks for.
    pub user: UserName,
    pub request: RequestId,
    pub not_after: Millis,
    /// Hash of method, path and body: what a retry has to repeat.
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

/// A caller and the JSON that it sent.
#[derive(Debug)]
pub struct SignedJson<T>(pub Caller, pub T);

/// A caller that sent nothing but the call.
#[derive(Debug)]
pub struct SignedEmpty(pub Caller);

/// A caller, and a body that is still to be read: its hash is what the call says.
#[derive(Debug)]
pub struct Uploading {
    pub caller: Caller,
    /// What the body has to hash to.
    pub hash: Hash,
    pub parts: Parts,
    pub body: Body,
}

impl<T: DeserializeOwned> FromRequest<Api> for SignedJson<T> {
    type Rejection = Fault;

    async fn from_request(request: Request, api: &Api) -> Result<Self, Fault> {
        let (parts, body) = request.into_parts();
        let call = read_call(&parts, api)?;
        let caller = known(&call, api).await?;
        let bytes = signed_body(&call, body).await?;
        Ok(Self(caller, json(&bytes)?))
    }
}

impl FromRequest<Api> for SignedEmpty {
    type Rejection = Fault;

    async fn from_request(request: Request, api: &Api) -> Result<Self, Fault> {
        let (parts, body) = request.into_parts();
        let call = read_call(&parts, api)?;
        let caller = known(&call, api).await?;
        signed_body(&call, body).await?;
        Ok(Self(caller))
    }
}

impl FromRequest<Api> for Uploading {
    type Rejection = Fault;

    async fn from_request(request: Request, api: &Api) -> Result<Self, Fault> {
        let (parts, body) = request.into_parts();
        let called = async {
            let call = read_call(&parts, api)?;
            let caller = known(&call, api).await?;
            Ok((caller, call.body))
        };
        match called.await {
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

/// The one call whose device need not be known: it brings its certificate along.
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

/// What a statement says, once its signature is known to be right.
pub(super) fn statement<T: Statement>(signed: &Signed<T>) -> Result<T, Fault> {
    signed
        .verify()
        .map_err(|error| Fault::new(ErrorCode::BadRequest, format!("{error}")))
}

/// A statement out of a header: base64url without padding.
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

/// The call in the header, as far as it can be judged without the body and the state.
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
        return Err(expired("the call's time has passed", now));
    }
    if call.not_after > now.plus(MAX_CALL_LIFE) {
        return Err(expired("the call's time lies too far ahead", now));
    }
    Ok(call)
}

fn expired(what: &str, now: Millis) -> Fault {
    Fault::new(
        ErrorCode::CallExpired,
        format!("{what}: check the clock (this node's says {now} ms since 1970) and ask again"),
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
        let message = format!("the body is not what this path takes: {error}");
        Fault::new(ErrorCode::BadRequest, message)
    })
}

/// The caller behind a call: its device is registered here, and its certificate is good.
async fn known(call: &Call, api: &Api) -> Result<Caller, Fault> {
    let found = match registered(call, api) {
        Some(found) => found,
        // This node may be behind the one where the device registered a moment ago.
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
