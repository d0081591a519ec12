//! Calls that read, renew or upload: the header's signature covers method, path and body.

use axum::body::{Body, Bytes};
use axum::extract::{FromRequest, Request};
use axum::http::request::Parts;
use cameo_common::api::{CALL_HEADER, MAX_BODY};
use cameo_common::ids::Hash;
use cameo_common::statements::Call;
use serde::de::DeserializeOwned;

use super::{
    Api, BODY_DEADLINE, Caller, Fault, body, check_cluster, check_time, header_statement, json,
    registered_caller, unauthenticated,
};

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
        let (call, caller) = authenticate(&parts, api).await?;
        let bytes = signed_body(&call, body).await?;
        Ok(Self(caller, json(&bytes)?))
    }
}

impl FromRequest<Api> for SignedEmpty {
    type Rejection = Fault;

    async fn from_request(request: Request, api: &Api) -> Result<Self, Fault> {
        let (parts, body) = request.into_parts();
        let (call, caller) = authenticate(&parts, api).await?;
        signed_body(&call, body).await?;
        Ok(Self(caller))
    }
}

impl FromRequest<Api> for SignedUpload {
    type Rejection = Fault;

    async fn from_request(request: Request, api: &Api) -> Result<Self, Fault> {
        let (parts, body) = request.into_parts();
        match authenticate(&parts, api).await {
            Ok((call, caller)) => Ok(Self {
                caller,
                hash: call.body,
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

/// The call in the header, and the registered device that signed it.
async fn authenticate(parts: &Parts, api: &Api) -> Result<(Call, Caller), Fault> {
    let call: Call = header_statement(parts, CALL_HEADER)?
        .verify()
        .map_err(|error| unauthenticated(error.to_string()))?;
    check_cluster(api, call.cluster)?;
    let path = parts.uri.path_and_query().map_or("/", |path| path.as_str());
    if call.method != parts.method.as_str() || call.path != path {
        return Err(unauthenticated(
            "the call was signed for another method or path",
        ));
    }
    check_time(api, call.not_after)?;
    let caller = registered_caller(call.device, api).await?;
    Ok((call, caller))
}

async fn signed_body(call: &Call, body: Body) -> Result<Bytes, Fault> {
    let (bytes, hash) = body::read_hashed(body, MAX_BODY, BODY_DEADLINE).await?;
    if hash == call.body {
        Ok(bytes)
    } else {
        Err(unauthenticated("the call was signed for another body"))
    }
}
