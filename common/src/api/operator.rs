//! The operator's commands.

use serde::{Deserialize, Serialize};

use crate::ids::{Millis, NodeId, UserName};
use crate::keys::PublicKey;
use crate::op::Op;
use crate::registration::RegistrationMode;

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
        }
    }
}
