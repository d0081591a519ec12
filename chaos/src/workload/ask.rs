//! Calls as devices prove them.

use bytes::Bytes;
use cameo_common::api::AUTHORIZATION_HEADER;
use cameo_common::ids::{ClusterId, Hash, Millis, RequestId};
use cameo_common::keys::SigningKey;
use cameo_common::op::Op;

use crate::statements::authorization;

/// A call to be signed and sent.
#[derive(Debug, Clone)]
pub struct Ask {
    pub method: &'static str,
    pub path: String,
    pub body: Bytes,
    pub request: RequestId,
    proof: Proof,
}

/// What proves a call.
#[derive(Debug, Clone, Copy)]
enum Proof {
    /// The device's key on the connection.
    Tls,
    /// A signature over the operation with this hash.
    Command(Hash),
    /// The statement in the body.
    Body,
}

impl Ask {
    /// A read.
    #[must_use]
    pub fn get(path: String, request: RequestId) -> Self {
        Self {
            method: "GET",
            path,
            body: Bytes::new(),
            request,
            proof: Proof::Tls,
        }
    }

    /// What changes nothing in the log.
    #[must_use]
    pub fn post(path: String, body: &impl serde::Serialize, request: RequestId) -> Self {
        Self::proven(path, body, request, Proof::Tls)
    }

    /// A command.
    #[must_use]
    pub fn command(
        path: String,
        body: &impl serde::Serialize,
        op: impl Into<Op>,
        request: RequestId,
    ) -> Self {
        Self::proven(path, body, request, Proof::Command(op.into().hash()))
    }

    /// A command whose body is signed.
    #[must_use]
    pub fn signed(path: String, body: &impl serde::Serialize, request: RequestId) -> Self {
        Self::proven(path, body, request, Proof::Body)
    }

    fn proven(
        path: String,
        body: &impl serde::Serialize,
        request: RequestId,
        proof: Proof,
    ) -> Self {
        Self {
            proof,
            // Bodies of `common::api` are plain records, which always encode.
            ..Self::upload(
                path,
                serde_json::to_vec(body).unwrap_or_default().into(),
                request,
            )
        }
    }

    /// Bytes for a worker.
    #[must_use]
    pub fn upload(path: String, body: Bytes, request: RequestId) -> Self {
        Self {
            method: "POST",
            path,
            body,
            request,
            proof: Proof::Tls,
        }
    }

    /// The header that proves a command, unless its body does.
    #[must_use]
    pub fn sign(
        &self,
        device: &SigningKey,
        cluster: ClusterId,
        not_after: Millis,
    ) -> Option<(&'static str, String)> {
        match self.proof {
            Proof::Command(op) => {
                let header = authorization(device, cluster, self.request, not_after, op);
                Some((AUTHORIZATION_HEADER, header))
            }
            Proof::Tls | Proof::Body => None,
        }
    }
}
