//! A call: what a device asks, and its proof.

use bytes::Bytes;
use cameo_common::api::{AUTHORIZATION_HEADER, MAX_CALL_LIFETIME};
use cameo_common::ids::{Hash, Millis, RequestId};
use cameo_common::op::{Authorization, Op};
use cameo_common::signed::Signed;
use data_encoding::BASE64URL_NOPAD;
use reqwest::Method;

use super::ClusterApi;
use crate::clock;

/// A call as it is sent with each try: what is asked, and its signature, stay the same.
pub(super) struct SignedCall {
    pub method: Method,
    pub path: String,
    pub body: Bytes,
    proof: Proof,
    /// Value of the header with the authorization.
    authorization: Option<String>,
}

impl SignedCall {
    /// A request with the header, if the call has one.
    pub(super) fn prove(&self, request: reqwest::RequestBuilder) -> reqwest::RequestBuilder {
        match &self.authorization {
            Some(authorization) => request.header(AUTHORIZATION_HEADER, authorization),
            None => request,
        }
    }
}

/// What proves whose call it is.
#[derive(Debug, Clone, Copy)]
pub(super) enum Proof {
    /// The device's key on the connection.
    Tls,
    /// The device's signature of the operation, for the log. A command has one request id for all
    /// its tries.
    Command { request: RequestId, op: Hash },
    /// The body's own statement.
    Body,
}

impl Proof {
    /// The proof of a new command.
    pub fn of_command(op: &Op) -> Self {
        Self::Command {
            request: clock::request_id(),
            op: op.hash(),
        }
    }
}

impl ClusterApi {
    /// Proves a call of this device, with one not-after for all its tries.
    pub(super) fn sign_as(
        &self,
        proof: Proof,
        method: Method,
        path: String,
        body: Bytes,
    ) -> SignedCall {
        let authorization = match proof {
            Proof::Tls | Proof::Body => None,
            Proof::Command { request, op } => Some(self.authorize(request, op)),
        };
        SignedCall {
            method,
            path,
            body,
            proof,
            authorization,
        }
    }

    fn authorize(&self, request: RequestId, op: Hash) -> String {
        let lifetime = self.inner.deadline.min(MAX_CALL_LIFETIME);
        let device = &self.inner.device;
        let authorization = Authorization {
            device: device.public(),
            cluster: self.inner.cluster,
            request,
            not_after: self.cluster_now().plus(lifetime),
            op,
        };
        BASE64URL_NOPAD.encode(Signed::new(device, authorization).as_bytes())
    }

    /// The cluster's time, by the clocks of a majority: they are asked, unless they are known. One
    /// node alone does not move it; where too few answer, this machine's clock counts.
    pub async fn ask_now(&self) -> Millis {
        self.learn_time().await;
        self.cluster_now()
    }

    /// The cluster's time, as it is known here.
    #[must_use]
    pub fn cluster_now(&self) -> Millis {
        let offset = self.nodes().clock_offset();
        Millis(clock::now().0.saturating_add_signed(offset))
    }

    /// The same call, signed again with a not-after by the present estimate of the cluster's time.
    pub(super) fn renew_signature(&self, call: &SignedCall) -> SignedCall {
        let (method, path) = (call.method.clone(), call.path.clone());
        self.sign_as(call.proof, method, path, call.body.clone())
    }
}
