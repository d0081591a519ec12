//! The verbs that need the operator's key, from checked flags to a sentence for the operator.

use std::path::{Path, PathBuf};

use cameo_common::api::OperatorCommand;
use cameo_common::cluster_address::ClusterAddress;
use cameo_common::ids::{Millis, NodeId, UserName};
use cameo_common::keys::SigningKey;
use cameo_common::registration::RegistrationMode;

use super::client::OperatorClient;
use super::invite::{self, InviteOrder};
use super::key_file;
use super::outcome::{Report, VerbError, random, request_id};
use super::patience::Tell;
use super::token::{TokenFile, TokenOrder};

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

/// Carries out a verb, and says what it waits for when that takes long.
///
/// # Errors
/// See [`VerbError`].
pub async fn run(order: Order, tell: Tell<'_>) -> Result<Report, VerbError> {
    let key = key_file::read(&order.key)?;
    let connected = OperatorClient::connect(key, order.cluster);
    let connected = tell.waiting("waiting for a node of the cluster to answer", connected);
    let client = connected.await?;
    match order.operation {
        Operation::SetRegistration(mode) => {
            let command = OperatorCommand::SetRegistration { mode };
            tell.order(&client, &command, request_id()?).await?;
            Ok(note(format!("registration is {mode} from now on")))
        }
        Operation::Invite(order) => invite::create(&client, order, tell).await,
        Operation::Retire(user) => {
            let command = OperatorCommand::Retire { user: user.clone() };
            tell.order(&client, &command, request_id()?).await?;
            Ok(note(format!("{user} is retired; the name stays taken")))
        }
        Operation::RemoveWorker(node) => {
            if client.is_voter(node) {
                return Err(VerbError::Voter(node));
            }
            remove_worker(&client, node, tell).await
        }
    }
}

/// Removes a worker, and waits until it is gone.
pub(super) async fn remove_worker(
    client: &OperatorClient,
    node: NodeId,
    tell: Tell<'_>,
) -> Result<Report, VerbError> {
    let command = OperatorCommand::RemoveWorker { node };
    tell.order(client, &command, request_id()?).await?;
    let waits = format!("the order is in force; waiting until nodes say that {node} is gone");
    tell.waiting(&waits, client.wait_until_gone(node)).await?;
    Ok(note(format!(
        "node {node} is no longer a member: delete its folder, and do not use its id again"
    )))
}

/// Signs a worker's token. Needs no node.
///
/// # Errors
/// See [`VerbError`].
pub fn sign_token(key: &Path, order: TokenOrder, now: Millis) -> Result<Report, VerbError> {
    let key = key_file::read(key)?;
    Ok(note(write_token(&key, order, now)?))
}

/// Signs and writes a worker's token, and says so.
pub(super) fn write_token(
    key: &SigningKey,
    order: TokenOrder,
    now: Millis,
) -> Result<String, VerbError> {
    let seed = zeroize::Zeroizing::new(random()?);
    let TokenOrder {
        cluster,
        peers,
        life,
        out,
    } = order;
    TokenFile::sign(key, cluster, &seed, now.plus(life), peers).write(&out)?;
    Ok(format!(
        "wrote a worker's token to {}: give it to the node that joins, for `--token`; it serves \
         one node, which has to join within {} hours",
        out.display(),
        life.as_secs() / 3_600
    ))
}

fn note(note: String) -> Report {
    Report { note, output: None }
}
