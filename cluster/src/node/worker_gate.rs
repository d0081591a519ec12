//! Judgement of workers' passes: the operator's token, used for one node.

use std::sync::Arc;

use cameo_common::ids::NodeId;
use cameo_common::keys::PublicKey;
use cameo_common::wire;
use cameo_machine::{Caller, Command, Op, Reply, early_refusal};

use crate::host::clock::WallClock;
use crate::host::signatures::RememberedSignatures;
use crate::operator::open_pass;
use crate::raft::{AppliedState, Genesis, WorkerGate};

/// The rules for tokens. What binds a token to one node is in the state.
pub(super) struct TokenGate {
    pub state: Arc<dyn AppliedState>,
    pub signatures: Arc<RememberedSignatures>,
    pub clock: Arc<dyn WallClock>,
}

impl WorkerGate for TokenGate {
    fn is_signed(&self, pass: &[u8], genesis: &Genesis) -> bool {
        let Some((token, used)) = open_pass(pass) else {
            return false;
        };
        let (Ok(token), Ok(used)) = (token.verify(), used.verify()) else {
            return false;
        };
        let cluster = genesis.cluster_id();
        token.operator == genesis.terms.operator
            && token.token == used.token
            && (token.cluster, used.cluster) == (cluster, cluster)
    }

    fn admission(&self, pass: &[u8], node: NodeId, key: &[u8; 32]) -> Option<Vec<u8>> {
        let (token, used) = open_pass(pass)?;
        let content = used.unverified().ok()?;
        let is_callers = (content.node, content.key) == (node, PublicKey(*key));
        is_callers.then(|| {
            wire::encode(&Command {
                caller: Caller::Signer,
                op: Op::AdmitWorker { token, used },
            })
        })
    }

    fn refusal(&self, command: &[u8]) -> Option<String> {
        let command = wire::decode(command).ok()?;
        let (view, now) = (self.state.view(), self.clock.unix_millis());
        let refusal = early_refusal(&*self.signatures, &*view, &command, now)?;
        Some(refusal.to_string())
    }

    fn outcome(&self, reply: &[u8]) -> Result<(), String> {
        match wire::decode::<Reply>(reply) {
            Ok(Ok(_)) => Ok(()),
            Ok(Err(refusal)) => Err(refusal.to_string()),
            Err(error) => Err(format!("the reply does not decode: {error}")),
        }
    }
}
