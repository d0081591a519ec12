//! The verbs that need the operator's key, from checked flags to a sentence for the operator.

use std::future::Future;
use std::path::{Path, PathBuf};
use std::pin::pin;
use std::time::Duration;

use cameo_common::api::OperatorCommand;
use cameo_common::cluster_address::ClusterAddress;
use cameo_common::ids::{Millis, NodeId, UserName};
use cameo_common::keys::SigningKey;
use cameo_common::registration::RegistrationMode;
use tokio::time::sleep;

use super::client::OperatorClient;
use super::invite::{self, InviteOrder};
use super::key_file;
use super::outcome::{Report, VerbError, random, request_id};
use super::token::{TokenFile, TokenOrder};

/// A verb without a result after this time is told of.
const TOLD_AFTER: Duration = Duration::from_secs(2);

/// A verb of the operator, with its flags checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Order {
    /// File of the operator's key.
    pub key: PathBuf,
    pub cluster: ClusterAddress,
    pub operation: Operation,
}

/// What is ordered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Operation {
    SetRegistration(RegistrationMode),
    Invite(InviteOrder),
    Retire(UserName),
    RemoveWorker(NodeId),
}

/// Carries out a verb. When that takes long, `tell` gets one line about it.
///
/// # Errors
/// See [`VerbError`].
pub async fn run(order: Order, tell: impl Fn(&str)) -> Result<Report, VerbError> {
    // Before any waiting: it may ask for a passphrase.
    let key = key_file::read(&order.key)?;
    let nodes = order.cluster.nodes.join(", ");
    told_of(carry_out(key, order), || {
        tell(&format!(
            "no answer yet: waiting for the nodes at {nodes}, and for a majority of them; this \
             ends by itself and says what was done"
        ));
    })
    .await
}

/// Waits for a verb, and tells of it when it takes long.
async fn told_of<T>(verb: impl Future<Output = T>, tell: impl FnOnce()) -> T {
    let mut verb = pin!(verb);
    tokio::select! {
        done = &mut verb => return done,
        () = sleep(TOLD_AFTER) => tell(),
    }
    verb.await
}

async fn carry_out(key: SigningKey, order: Order) -> Result<Report, VerbError> {
    let client = OperatorClient::connect(key, order.cluster).await?;
    match order.operation {
        Operation::SetRegistration(mode) => {
            let command = OperatorCommand::SetRegistration { mode };
            client.order(&command, request_id()?).await?;
            Ok(note(format!("registration is {mode} from now on")))
        }
        Operation::Invite(order) => invite::create(&client, order).await,
        Operation::Retire(user) => {
            let command = OperatorCommand::Retire { user: user.clone() };
            client.order(&command, request_id()?).await?;
            Ok(note(format!("{user} is retired; the name stays taken")))
        }
        Operation::RemoveWorker(node) => {
            if client.is_voter(node) {
                return Err(VerbError::Voter(node));
            }
            let command = OperatorCommand::RemoveWorker { node };
            client.order(&command, request_id()?).await?;
            client.wait_until_gone(node).await?;
            Ok(note(format!(
                "node {node} is no longer a member: delete its folder, and do not use its id again"
            )))
        }
    }
}

/// Signs a worker's token. Needs no node.
///
/// # Errors
/// See [`VerbError`].
pub fn sign_token(key: &Path, order: TokenOrder, now: Millis) -> Result<Report, VerbError> {
    let key = key_file::read(key)?;
    let seed = zeroize::Zeroizing::new(random()?);
    let TokenOrder {
        cluster,
        peers,
        life,
        out,
    } = order;
    TokenFile::sign(&key, cluster, &seed, now.plus(life), peers).write(&out)?;
    Ok(note(format!(
        "wrote a worker's token to {}: give it to the node that joins, for `--token`; it serves \
         one node, which has to join within {} hours",
        out.display(),
        life.as_secs() / 3_600
    )))
}

fn note(note: String) -> Report {
    Report { note, output: None }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    #[tokio::test]
    async fn a_verb_that_takes_long_is_told_of_before_it_ends() {
        for (takes, is_told) in [(Duration::ZERO, false), (TOLD_AFTER * 3 / 2, true)] {
            let told = Cell::new(false);
            let was_told = told_of(
                async {
                    sleep(takes).await;
                    told.get()
                },
                || told.set(true),
            );
            assert_eq!(was_told.await, is_told);
        }
    }
}
