//! The proven origin of a command: who has signed it, or which node makes it.

use cameo_common::ids::{ClusterId, Millis, NodeId};
use cameo_common::keys::PublicKey;
use cameo_common::op::{Authorization, Op};
use cameo_common::operator::OperatorOrder;
use cameo_common::statements::ViewRequest;

use super::cluster;
use super::command::{Caller, Command, Refusal};
use super::draft::Draft;

/// The origin of a command, after its signature is verified.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// A device that authorized exactly this operation.
    Device(Authorization),
    /// A device that signed this view request, which authorizes its debit.
    Viewer(ViewRequest),
    /// A node, as the proposing node states.
    Node(NodeId),
    /// The operator, who ordered exactly this operation.
    Operator(OperatorOrder),
    /// The holder of a worker's token. Its statements are verified where it is used.
    TokenHolder,
}

impl Origin {
    /// The device that has signed, if one has.
    pub fn device(&self) -> Option<PublicKey> {
        match self {
            Self::Device(authorization) => Some(authorization.device),
            Self::Viewer(request) => Some(request.device),
            Self::Node(_) | Self::Operator(_) | Self::TokenHolder => None,
        }
    }

    /// The time after which a person's command is not carried out any more.
    pub fn not_after(&self) -> Option<Millis> {
        match self {
            Self::Device(authorization) => Some(authorization.not_after),
            Self::Viewer(request) => Some(request.not_after),
            Self::Operator(order) => Some(order.not_after),
            Self::Node(_) | Self::TokenHolder => None,
        }
    }
}

/// Verifies the signature that a command depends on, and that it is for this operation and cluster.
pub fn of(draft: &Draft<'_>, command: &Command) -> Result<Origin, Refusal> {
    match (&command.caller, &command.op) {
        (Caller::Node(node), _) => Ok(Origin::Node(*node)),
        (Caller::Device(signed), op) => {
            let authorization = draft.verify(signed)?;
            if authorization.op != op.hash() {
                return Err(Refusal::BadSignature);
            }
            check_cluster(draft, authorization.cluster)?;
            Ok(Origin::Device(authorization))
        }
        (Caller::Signer, Op::Debit { request }) => {
            let request = draft.verify(request)?;
            check_cluster(draft, request.cluster)?;
            Ok(Origin::Viewer(request))
        }
        (Caller::Signer, Op::AdmitWorker { .. }) => Ok(Origin::TokenHolder),
        (Caller::Operator(signed), op) => {
            let order = draft.verify(signed)?;
            if order.op != op.hash() {
                return Err(Refusal::BadSignature);
            }
            check_cluster(draft, order.cluster)?;
            check_operator(draft, order.operator)?;
            Ok(Origin::Operator(order))
        }
        (Caller::Signer, _) => Err(Refusal::BadSignature),
    }
}

/// Refuses a key that is not the operator's, though its signature is right.
pub fn check_operator(draft: &Draft<'_>, named: PublicKey) -> Result<(), Refusal> {
    if named == cluster::operator(draft)? {
        Ok(())
    } else {
        Err(Refusal::Forbidden("operator of the cluster".into()))
    }
}

pub fn check_cluster(draft: &Draft<'_>, named: ClusterId) -> Result<(), Refusal> {
    if named == cluster::id(draft)? {
        Ok(())
    } else {
        Err(Refusal::Mismatch(
            "the request is for another cluster".into(),
        ))
    }
}
