//! The operator's commands.

use serde::{Deserialize, Serialize};

use crate::cluster_descriptor::Descriptor;
use crate::descriptor_chain::{DescriptorLink, Succession};
use crate::ids::{Millis, NodeId, UserName};
use crate::keys::PublicKey;
use crate::op::Op;
use crate::predecessor::Predecessor;
use crate::registration::RegistrationMode;
use crate::signed::Signed;

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
