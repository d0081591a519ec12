//! Orders: the header has the operator's signature of the operation that the body stands for.

use axum::extract::{FromRequest, Request};
use cameo_common::api::{OPERATOR_HEADER, OperatorCommand};
use cameo_common::op::Op;
use cameo_common::operator::OperatorOrder;
use cameo_common::signed::Signed;
use cameo_machine::{Caller, Command, read};

use super::{Api, Fault, check_cluster, check_time, header_statement, read_json, unauthenticated};

/// The longest body of an order.
const MAX_ORDER: usize = 2 * 1024;

/// An order of the operator, for the log.
#[derive(Debug)]
pub struct Ordered(pub Command);

impl FromRequest<Api> for Ordered {
    type Rejection = Fault;

    async fn from_request(request: Request, api: &Api) -> Result<Self, Fault> {
        let (parts, body) = request.into_parts();
        let signed: Signed<OperatorOrder> = header_statement(&parts, OPERATOR_HEADER)?;
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
        let command: OperatorCommand = read_json(body, MAX_ORDER).await?;
        let op = Op::from(&command);
        if order.op != op.hash() {
            return Err(unauthenticated(
                "the order was signed for another operation than the body's",
            ));
        }
        let caller = Caller::Operator(signed);
        Ok(Self(Command { caller, op }))
    }
}
