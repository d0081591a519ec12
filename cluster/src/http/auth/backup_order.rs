//! Orders of a backup: from the operator's own machine, by TLS, with the operator's signature.

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use cameo_common::api::OPERATOR_HEADER;
use cameo_common::operator::BackupOrder;
use cameo_common::signed::Signed;
use cameo_machine::read;

use super::{Api, Fault, check_cluster, check_time, header_statement, unauthenticated};
use crate::http::serve::TlsPeer;

/// An order that the operator has signed, on a connection that the operator's key has opened: a
/// node that has seen the order cannot use it elsewhere.
#[derive(Debug)]
pub struct BackupOrdered(pub Signed<BackupOrder>);

impl FromRequestParts<Api> for BackupOrdered {
    type Rejection = Fault;

    async fn from_request_parts(parts: &mut Parts, api: &Api) -> Result<Self, Fault> {
        let signed: Signed<BackupOrder> = header_statement(parts, OPERATOR_HEADER)?;
        let order = signed
            .verify_by(&*api.signatures)
            .map_err(|error| unauthenticated(error.to_string()))?;
        check_cluster(api, order.cluster)?;
        check_time(api, order.not_after)?;
        let operator = read::operator(&*api.replica.view());
        let is_operator = parts
            .extensions
            .get()
            .is_some_and(|TlsPeer(key)| *key == order.operator);
        if operator != Some(order.operator) || !is_operator {
            return Err(unauthenticated(
                "a backup is for the operator alone: order and connection are not both by the \
                 operator's key",
            ));
        }
        Ok(Self(signed))
    }
}
