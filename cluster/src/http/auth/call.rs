//! Calls that read, renew or upload: TLS says whose they are.

use axum::body::Body;
use axum::extract::{FromRequest, FromRequestParts, Request};
use axum::http::request::Parts;
use cameo_common::api::MAX_BODY;
use serde::de::DeserializeOwned;

use super::{Api, Caller, Fault, body, read_json, registered_caller, unauthenticated};
use crate::http::serve::TlsPeer;

/// A caller and a JSON body.
#[derive(Debug)]
pub struct CalledJson<T>(pub Caller, pub T);

/// A caller without a body.
#[derive(Debug)]
pub struct Called(pub Caller);

/// A caller, and a body that is not read yet.
#[derive(Debug)]
pub struct CalledUpload {
    pub caller: Caller,
    pub parts: Parts,
    pub body: Body,
}

impl<T: DeserializeOwned> FromRequest<Api> for CalledJson<T> {
    type Rejection = Fault;

    async fn from_request(request: Request, api: &Api) -> Result<Self, Fault> {
        let (parts, body) = request.into_parts();
        let caller = authenticate(&parts, api).await?;
        Ok(Self(caller, read_json(body, MAX_BODY).await?))
    }
}

impl FromRequestParts<Api> for Called {
    type Rejection = Fault;

    async fn from_request_parts(parts: &mut Parts, api: &Api) -> Result<Self, Fault> {
        authenticate(parts, api).await.map(Self)
    }
}

impl FromRequest<Api> for CalledUpload {
    type Rejection = Fault;

    async fn from_request(request: Request, api: &Api) -> Result<Self, Fault> {
        let (parts, body) = request.into_parts();
        match authenticate(&parts, api).await {
            Ok(caller) => Ok(Self {
                caller,
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

/// The registered device that has proved its key on this connection.
async fn authenticate(parts: &Parts, api: &Api) -> Result<Caller, Fault> {
    match parts.extensions.get() {
        Some(TlsPeer(device)) => registered_caller(*device, api).await,
        None => Err(unauthenticated(
            "only the port for clients serves this: see docs/PROTOCOL.md",
        )),
    }
}
