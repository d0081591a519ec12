//! A new voter by one command: its token, until it has joined and caught up, and its promotion.

use std::path::PathBuf;
use std::time::Duration;

use cameo_common::cluster_address::ClusterAddress;
use cameo_common::ids::NodeId;
use tokio::time::{Instant, sleep};

use super::change::changed;
use super::plan::MemberChange;
use crate::host::private_file::PrivateFileError;
use crate::operator::client::OperatorClient;
use crate::operator::key_file;
use crate::operator::member_error::MemberError;
use crate::operator::outcome::{Report, VerbError};
use crate::operator::patience::Tell;
use crate::operator::token::{TokenError, TokenFile, TokenOrder};
use crate::operator::verbs::write_token;

/// Pause between two looks at the node.
const JOIN_PAUSE: Duration = Duration::from_secs(1);

/// A node that is to be added, with the flags checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AddOrder {
    /// File of the operator's key.
    pub key: PathBuf,
    pub cluster: ClusterAddress,
    pub node: NodeId,
    /// A token that is written first, for a node that has none.
    pub token: Option<TokenOrder>,
    /// Time for the node to join and to catch up.
    pub wait: Duration,
    /// As in [`super::MemberOrder`].
    pub force: bool,
}

/// Adds a node. Repeated, it goes on where it was.
///
/// # Errors
/// See [`VerbError`].
pub async fn add(order: AddOrder, tell: Tell<'_>) -> Result<Report, VerbError> {
    let key = key_file::read(&order.key)?;
    let connected = OperatorClient::connect(key, order.cluster);
    let connected = tell.waiting("waiting for a node of the cluster to answer", connected);
    let client = connected.await?;
    let (node, mut token) = (order.node, order.token);
    let end = Instant::now() + order.wait;
    let mut said = String::new();
    loop {
        let promoted = changed(&client, MemberChange::Promote(node), order.force, tell).await;
        let (waits, state) = match promoted {
            Err(VerbError::Member(error)) => match missing(&error) {
                Some(missing) => missing,
                None => return Err(error.into()),
            },
            ended => return ended,
        };
        // A member needs none.
        if let Some(token) = token.take() {
            (tell.0)(&ready_token(&client, token)?);
        }
        if said != waits {
            (tell.0)(&waits);
            said = waits;
        }
        if Instant::now() + JOIN_PAUSE >= end {
            let waited = order.wait;
            return Err(MemberError::NotAdded {
                node,
                waited,
                state,
            }
            .into());
        }
        sleep(JOIN_PAUSE).await;
    }
}

/// What a node lacks that comes by itself: a line for it, and the state of the node.
fn missing(error: &MemberError) -> Option<(String, String)> {
    match error {
        MemberError::NotMember(node, _) => Some((
            format!("waiting for node {node} to join: start it with its token"),
            "it has not joined".to_owned(),
        )),
        MemberError::NoAnswer { node, why } => Some((
            format!("node {node} has joined; waiting until it answers"),
            format!("it has joined, and does not answer: {why}"),
        )),
        MemberError::Behind { node, entries } => Some((
            format!("node {node} has joined; waiting until it has caught up"),
            format!("it has joined, and lacks {entries} entries of the log"),
        )),
        _ => None,
    }
}

/// Writes the token, unless the file has one for this cluster: the node may have used that one.
fn ready_token(client: &OperatorClient, order: TokenOrder) -> Result<String, VerbError> {
    let exists = || PrivateFileError::Exists(order.out.clone());
    match TokenFile::read(&order.out) {
        Ok(file) if file.cluster() == order.cluster => {
            let out = order.out.display();
            Ok(format!(
                "{out} has a token for this cluster already, and is kept"
            ))
        }
        Err(TokenError::File(PrivateFileError::Missing(_))) => {
            write_token(client.key(), order, client.now())
        }
        Ok(_) | Err(TokenError::Unusable(_)) => Err(exists().into()),
        Err(TokenError::File(error)) => Err(error.into()),
    }
}
