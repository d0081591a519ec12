//! Orders: the header has the operator's signature of the operation that the body stands for.

use axum::extract::{FromRequest, FromRequestParts, Request};
use axum::http::request::Parts;
use cameo_common::api::{OPERATOR_HEADER, OperatorCommand};
use cameo_common::op::Op;
use cameo_common::operator::OperatorOrder;
use cameo_common::signed::Signed;
use cameo_machine::{Caller, Command, read};

use super::{Api, Fault, check_cluster, check_time, header_statement, read_json, unauthenticated};
use crate::http::serve::TlsPeer;

/// The longest body of an order: a descriptor of fifteen nodes, with all signatures.
pub(in crate::http) const MAX_ORDER: usize = 32 * 1024;

/// An order of the operator, for the log.
#[derive(Debug)]
pub struct Ordered(pub Command);

impl FromRequest<Api> for Ordered {
    type Rejection = Fault;

    async fn from_request(request: Request, api: &Api) -> Result<Self, Fault> {
        let (parts, body) = request.into_parts();
        let (signed, order) = operators_order(api, &parts)?;
        let command: OperatorCommand = read_json(body, MAX_ORDER).await?;
        let op = Op::from(&command);
        if order.op != op.hash() {
            return Err(other_operation());
        }
        let caller = Caller::Operator(signed);
        Ok(Self(Command { caller, op }))
    }
}

/// A call that reads, on a connection that the operator's key has opened.
#[derive(Debug)]
pub struct OperatorsCall;

impl FromRequestParts<Api> for OperatorsCall {
    type Rejection = Fault;

    async fn from_request_parts(parts: &mut Parts, api: &Api) -> Result<Self, Fault> {
        let operator = read::operator(&*api.replica.view());
        let caller = parts.extensions.get().map(|TlsPeer(key)| *key);
        match operator.is_some() && caller == operator {
            true => Ok(Self),
            false => Err(unauthenticated(
                "this is for the operator alone: the connection is not by the operator's key",
            )),
        }
    }
}

/// The order in the header of a request, which the operator has signed for this cluster and time.
pub(in crate::http) fn operators_order(
    api: &Api,
    parts: &Parts,
) -> Result<(Signed<OperatorOrder>, OperatorOrder), Fault> {
    let signed: Signed<OperatorOrder> = header_statement(parts, OPERATOR_HEADER)?;
    let order = signed
        .verify_by(&*api.signatures)
        .map_err(|error| unauthenticated(error.to_string()))?;
    check_cluster(api, order.cluster)?;
    check_time(api, order.not_after)?;
    if read::operator(&*api.replica.view()) != Some(order.operator) {
        return Err(unauthenticated(
            "the order is signed by another key than the operator's",
        ));
    }
    Ok((signed, order))
}

/// The fault of an order whose body is another one than was signed.
pub(in crate::http) fn other_operation() -> Fault {
    unauthenticated("the order was signed for another operation than the body's")
}
