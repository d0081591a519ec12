//! The operator's commands.

use serde::{Deserialize, Serialize};

use crate::cluster_descriptor::Descriptor;
use crate::descriptor_chain::{DescriptorLink, Succession, check_next};
use crate::ids::{ClusterId, Millis, NodeId, UserName};
use crate::keys::PublicKey;
use crate::op::Op;
use crate::operator::OperatorOrder;
use crate::predecessor::Predecessor;
use crate::registration::RegistrationMode;
use crate::signed::{Signed, Verifier};

/// `POST /v1/operator`: one command, which the operator has signed in [`super::OPERATOR_HEADER`].
/// The answer is [`super::Done`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum OperatorCommand {
    SetRegistration {
        mode: RegistrationMode,
    },
    CreateInvite {
        invite: PublicKey,
        name: Option<UserName>,
        not_after: Millis,
    },
    Retire {
        user: UserName,
    },
    RemoveWorker {
        node: NodeId,
    },
    /// See [`Op::ChangeDescriptor`].
    ChangeDescriptor {
        link: DescriptorLink,
        force: bool,
    },
    /// See [`Op::ApproveRestore`].
    ApproveRestore {
        predecessor: Predecessor,
    },
}

/// `POST /v1/operator/succession`: asks a voter to sign that a descriptor is the next one, which
/// the operator has signed. A voter signs one of each number, and answers with it again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SignSuccession {
    pub next: Descriptor,
    pub operator: Signed<Succession>,
    /// Also if live grants lose so many holders that they cannot be opened.
    pub force: bool,
}

/// What the operator authorizes by [`super::OPERATOR_HEADER`]: the change, that no node has signed
/// yet.
impl From<&SignSuccession> for Op {
    fn from(body: &SignSuccession) -> Self {
        Self::ChangeDescriptor {
            link: DescriptorLink {
                descriptor: body.next.clone(),
                operator: body.operator.clone(),
                voters: Vec::new(),
            },
            force: body.force,
        }
    }
}

/// The answer to it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SuccessionSigned {
    pub schema: u32,
    pub succession: Signed<Succession>,
}

/// `GET /v1/operator/succession`, for the operator alone: the last change that this voter has
/// signed, in force or not.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SuccessionBegun {
    pub schema: u32,
    pub begun: Option<OrderedChange>,
}

/// A change of the nodes as the operator has ordered it, with the proof: nobody's word but the
/// operator's makes it one, and none makes it one by force.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OrderedChange {
    pub next: Descriptor,
    pub operator: Signed<Succession>,
    pub force: bool,
    /// Of the operation for which [`SignSuccession`] stands. Its time may have passed.
    pub order: Signed<OperatorOrder>,
}

impl OrderedChange {
    /// Whether the operator has ordered this change, after the descriptor before it.
    #[must_use]
    pub fn is_ordered(
        &self,
        verifier: &dyn Verifier,
        cluster: ClusterId,
        previous: &Descriptor,
    ) -> bool {
        let succession = Succession {
            cluster,
            previous: previous.hash(),
            next: self.next.hash(),
            signer: previous.operator,
        };
        let op = Op::from(&SignSuccession {
            next: self.next.clone(),
            operator: self.operator.clone(),
            force: self.force,
        });
        let is_signed = self.operator.verify_by(verifier).ok() == Some(succession);
        let order = self.order.verify_by(verifier).ok();
        let is_order = order.is_some_and(|order| {
            order.operator == previous.operator && order.cluster == cluster && order.op == op.hash()
        });
        check_next(previous, &self.next).is_ok() && is_signed && is_order
    }
}

impl From<&OperatorCommand> for Op {
    fn from(command: &OperatorCommand) -> Self {
        match command.clone() {
            OperatorCommand::SetRegistration { mode } => Self::SetRegistration(mode),
            OperatorCommand::CreateInvite {
                invite,
                name,
                not_after,
            } => Self::CreateInvite {
                invite,
                name,
                not_after,
            },
            OperatorCommand::Retire { user } => Self::Retire { user },
            OperatorCommand::RemoveWorker { node } => Self::RemoveWorker { node },
            OperatorCommand::ChangeDescriptor { link, force } => {
                Self::ChangeDescriptor { link, force }
            }
            OperatorCommand::ApproveRestore { predecessor } => Self::ApproveRestore(predecessor),
        }
    }
}
