//! Signed calls: what a device asks, and its proof.

use bytes::Bytes;
use cameo_common::api::{AUTHORIZATION_HEADER, CALL_HEADER, MAX_CALL_LIFETIME};
use cameo_common::ids::{Hash, Millis, RequestId};
use cameo_common::op::{Authorization, Op};
use cameo_common::signed::Signed;
use cameo_common::statements::Call;
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
    /// Name and value of the header with the signature.
    header: Option<(&'static str, String)>,
}

impl SignedCall {
    /// A request with the header, if the call has one.
    pub(super) fn prove(&self, request: reqwest::RequestBuilder) -> reqwest::RequestBuilder {
        match &self.header {
            Some((name, value)) => request.header(*name, value),
            None => request,
        }
    }
}

/// What the device signs.
#[derive(Debug, Clone, Copy)]
pub(super) enum Proof {
    /// Method, path and body, for this node.
    Call,
    /// The operation, for the log. A command has one request id for all its tries.
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
    /// Signs a call of this device: one not-after for all its tries.
    pub(super) fn sign(&self, method: Method, path: String, body: Bytes) -> SignedCall {
        self.sign_as(Proof::Call, method, path, body)
    }

    pub(super) fn sign_as(
        &self,
        proof: Proof,
        method: Method,
        path: String,
        body: Bytes,
    ) -> SignedCall {
        let not_after = self
            .cluster_now()
            .plus(self.inner.deadline.min(MAX_CALL_LIFETIME));
        let device = &self.inner.device;
        let header = match proof {
            Proof::Body => None,
            Proof::Call => {
                let call = Call {
                    device: device.public(),
                    cluster: self.inner.cluster,
                    method: method.as_str().to_owned(),
                    path: path.clone(),
                    body: Hash::of(&body),
                    not_after,
                };
                Some((CALL_HEADER, encoded(&Signed::new(device, call))))
            }
            Proof::Command { request, op } => {
                let authorization = Authorization {
                    device: device.public(),
                    cluster: self.inner.cluster,
                    request,
                    not_after,
                    op,
                };
                let signed = Signed::new(device, authorization);
                Some((AUTHORIZATION_HEADER, encoded(&signed)))
            }
        };
        SignedCall {
            method,
            path,
            body,
            proof,
            header,
        }
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

fn encoded<T>(signed: &Signed<T>) -> String {
    BASE64URL_NOPAD.encode(signed.as_bytes())
}
