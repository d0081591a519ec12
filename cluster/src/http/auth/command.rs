//! Commands: the header has the device's authorization of the operation that the body stands for.
//! What these extractors return of a device was proved by TLS or by a signature.

use std::net::{IpAddr, Ipv4Addr};

use axum::extract::{FromRequest, Request};
use cameo_common::api::{AUTHORIZATION_HEADER, DebitView, ErrorCode, MAX_BODY, Register};
use cameo_common::ids::whole_millis;
use cameo_common::op::{Authorization, Op};
use cameo_common::signed::Signed;
use cameo_common::statements::ViewRequest;
use cameo_machine::Command;
use cameo_mutant::{Mutant, is_planted};
use serde::de::DeserializeOwned;

use super::device_statement::{device_statement, wrong_authorization, wrong_request};
use super::{
    Api, Caller, Fault, body, check_cluster, check_time, header_statement, read_json,
    registered_caller, statement, unauthenticated, unexpired,
};
use crate::http::serve::ClientSource;

/// The longest body of a debit. It is read before the device is known.
const MAX_DEBIT: usize = 2 * 1024;

/// A device, and the one operation that it has authorized.
#[derive(Debug)]
pub struct Commander {
    pub caller: Caller,
    signed: Signed<Authorization>,
    authorization: Authorization,
}

impl Commander {
    /// The command for the log.
    ///
    /// # Errors
    /// When the device has authorized another operation.
    pub(in crate::http) fn command(self, op: impl Into<Op>) -> Result<Command, Fault> {
        let op = op.into();
        if self.authorization.op != op.hash() {
            return Err(unauthenticated(
                "the authorization was signed for another operation than the body's",
            ));
        }
        Ok(Command {
            caller: cameo_machine::Caller::Device(self.signed),
            op,
        })
    }
}

/// A commander and a JSON body.
#[derive(Debug)]
pub struct Commanded<T>(pub Commander, pub T);

impl<T: DeserializeOwned> FromRequest<Api> for Commanded<T> {
    type Rejection = Fault;

    async fn from_request(request: Request, api: &Api) -> Result<Self, Fault> {
        let (parts, body) = request.into_parts();
        let signed = header_statement(&parts, AUTHORIZATION_HEADER)?;
        let authorization = device_statement(api, &parts, &signed).map_err(wrong_authorization)?;
        check_limits(api, &authorization)?;
        let caller = registered_caller(authorization.device, api).await?;
        let content = read_json(body, MAX_BODY).await?;
        let commander = Commander {
            caller,
            signed,
            authorization,
        };
        Ok(Self(commander, content))
    }
}

/// The only command whose device need not be registered: the body contains its certificate.
#[derive(Debug)]
pub struct Registration(pub Commander, pub Register);

impl FromRequest<Api> for Registration {
    type Rejection = Fault;

    async fn from_request(request: Request, api: &Api) -> Result<Self, Fault> {
        let (parts, body) = request.into_parts();
        let source = parts.extensions.get::<ClientSource>();
        let source = source.map_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED), |source| source.0);
        if let Err(pause) = api.registrations.count(source) {
            body::linger(body);
            let message = "too many registrations from this address: try again later";
            let fault = Fault::new(ErrorCode::TooManyCalls, message);
            return Err(fault.retry_after(whole_millis(pause).max(1)));
        }
        let signed: Signed<Authorization> = header_statement(&parts, AUTHORIZATION_HEADER)?;
        let authorization = signed
            .verify_by(&*api.signatures)
            .map_err(wrong_authorization)?;
        check_limits(api, &authorization)?;
        let register: Register = read_json(body, MAX_BODY).await?;
        let card = statement(api, &register.card)?;
        let certificate = statement(api, &register.certificate)?;
        if certificate.device != authorization.device {
            return Err(unauthenticated(
                "the call is not signed by the device that the certificate names",
            ));
        }
        unexpired(certificate.not_after, api)?;
        let caller = Caller {
            device: authorization.device,
            user: card.name,
        };
        let commander = Commander {
            caller,
            signed,
            authorization,
        };
        Ok(Self(commander, register))
    }
}

/// A view request, which is the authorization of its debit. Whether it is too late is decided by
/// the machine alone: a charged one may be repeated.
#[derive(Debug)]
pub struct SignedView {
    pub caller: Caller,
    pub signed: Signed<ViewRequest>,
    pub asked: ViewRequest,
}

impl FromRequest<Api> for SignedView {
    type Rejection = Fault;

    async fn from_request(request: Request, api: &Api) -> Result<Self, Fault> {
        let (parts, body) = request.into_parts();
        let DebitView { request } = read_json(body, MAX_DEBIT).await?;
        let asked = if is_planted(Mutant::SignatureUnchecked) {
            request.unverified()
        } else {
            device_statement(api, &parts, &request)
        };
        let asked = asked.map_err(wrong_request)?;
        check_cluster(api, asked.cluster)?;
        Ok(Self {
            caller: registered_caller(asked.device, api).await?,
            signed: request,
            asked,
        })
    }
}

/// The checks of an authorization that need neither body nor state.
fn check_limits(api: &Api, authorization: &Authorization) -> Result<(), Fault> {
    check_cluster(api, authorization.cluster)?;
    check_time(api, authorization.not_after)
}
