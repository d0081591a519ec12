//! A voter's signature under the next descriptor, for the operator, and the last one that it has
//! given.

use axum::extract::{FromRequest, Request, State};
use axum::routing::post;
use axum::{Json, Router};
use cameo_common::api::{
    ErrorCode, OrderedChange, SCHEMA, SignSuccession, SuccessionBegun, SuccessionSigned, paths,
};
use cameo_common::descriptor_chain::{Succession, check_next};
use cameo_common::op::Op;

use super::auth::{
    MAX_ORDER, OperatorsCall, operators_order, other_operation, read_json, statement,
    unauthenticated,
};
use super::serve::TlsPeer;
use super::{Api, Fault};
use crate::raft::SuccessionError;
use cameo_machine::read;

pub(super) fn routes() -> Router<Api> {
    Router::new().route(paths::SUCCESSION, post(sign).get(begun))
}

/// A change that the operator has ordered and signed.
struct SignedChange {
    change: OrderedChange,
    succession: Succession,
}

impl FromRequest<Api> for SignedChange {
    type Rejection = Fault;

    async fn from_request(request: Request, api: &Api) -> Result<Self, Fault> {
        let (parts, body) = request.into_parts();
        let (signed, order) = operators_order(api, &parts)?;
        // A node that has the order cannot collect signatures by it.
        let is_operator = parts
            .extensions
            .get()
            .is_some_and(|TlsPeer(key)| *key == order.operator);
        if !is_operator {
            return Err(unauthenticated(
                "a change of the nodes is signed for the operator alone: the connection is not by \
                 the operator's key",
            ));
        }
        let body: SignSuccession = read_json(body, MAX_ORDER).await?;
        if order.op != Op::from(&body).hash() {
            return Err(other_operation());
        }
        let succession = statement(api, &body.operator)?;
        if succession.signer != order.operator || succession.cluster != api.cluster {
            return Err(unauthenticated(
                "the change is signed by another key than the operator's, or for another cluster",
            ));
        }
        let SignSuccession {
            next,
            operator,
            force,
        } = body;
        let change = OrderedChange {
            next,
            operator,
            force,
            order: signed,
        };
        Ok(Self { change, succession })
    }
}

async fn sign(
    State(api): State<Api>,
    SignedChange { change, succession }: SignedChange,
) -> Result<Json<SuccessionSigned>, Fault> {
    api.replica.takes_part()?;
    let (next, now) = (&change.next, api.clock.unix_millis());
    // Of the whole state: what this node has not applied yet may be the next one already.
    let (current, refusal) = api
        .read(false, |view| {
            let verifier = &*api.signatures;
            let refusal = read::refuses_nodes(verifier, view, next, change.force, now);
            (read::current_descriptor(view), refusal)
        })
        .await?;
    let current = current.ok_or_else(|| {
        Fault::new(
            ErrorCode::Unavailable,
            "this node does not have the cluster's descriptor yet: ask another node",
        )
    })?;
    let mismatch = |why: &str| {
        let message = format!(
            "the change does not follow descriptor {}: {why}",
            current.number
        );
        Fault::new(ErrorCode::Mismatch, message)
    };
    check_next(&current, next).map_err(|why| mismatch(&why.to_string()))?;
    if (succession.previous, succession.next) != (current.hash(), next.hash()) {
        return Err(mismatch("the operator has signed another one"));
    }
    // One that can never be in force would take the only place of its number.
    if let Some(refusal) = refusal {
        return Err(refusal.into());
    }
    if current.node(api.node).is_none() {
        return Err(Fault::new(
            ErrorCode::Unavailable,
            "this node is no voter of the newest descriptor: ask those that are",
        ));
    }
    let signed = api
        .replica
        .sign_succession(api.cluster, &current, &change)
        .await?;
    Ok(Json(SuccessionSigned {
        schema: SCHEMA,
        succession: signed,
    }))
}

/// Shows what was begun, so that a later command finishes it.
async fn begun(
    State(api): State<Api>,
    OperatorsCall: OperatorsCall,
) -> Result<Json<SuccessionBegun>, Fault> {
    Ok(Json(SuccessionBegun {
        schema: SCHEMA,
        begun: api.replica.begun_succession()?,
    }))
}

impl From<SuccessionError> for Fault {
    fn from(error: SuccessionError) -> Self {
        let code = match error {
            SuccessionError::Other { .. } | SuccessionError::Later(_) => ErrorCode::StaleVersion,
            SuccessionError::Unreadable(_) | SuccessionError::NotWritten(_) => {
                ErrorCode::Unavailable
            }
        };
        Self::new(code, error.to_string())
    }
}
