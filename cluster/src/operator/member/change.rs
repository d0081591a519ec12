//! A change of the nodes, from the operator's word to its end.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;

use cameo_common::api::{ErrorCode, OperatorCommand, OrderedChange};
use cameo_common::cluster_address::ClusterAddress;
use cameo_common::cluster_descriptor::Descriptor;
use cameo_common::ids::NodeId;

use super::begun;
use super::plan::{MemberChange, Next, check_quorum, next};
use super::signatures::collect;
use super::survey::{ALL_CHAINS, Survey};
use super::waiting::{PATIENCE, until_followed};
use crate::operator::client::{OperatorClient, OrderError};
use crate::operator::key_file;
use crate::operator::member_error::MemberError;
use crate::operator::outcome::{Report, VerbError, request_id};
use crate::operator::patience::Tell;
use crate::operator::verbs::remove_worker;

/// Changes of other commands that one command finishes: each is begun after the one before.
const MAX_BEGUN: usize = 4;

/// A change, with its flags checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MemberOrder {
    /// File of the operator's key.
    pub key: PathBuf,
    pub cluster: ClusterAddress,
    pub change: MemberChange,
    /// Also if live grants lose so many holders that they cannot be opened.
    pub force: bool,
}

/// Changes the nodes, and waits until they vote by it. Repeated, it goes on where it was. What an
/// earlier command has begun is finished first.
///
/// # Errors
/// See [`VerbError`].
pub async fn change(order: MemberOrder, tell: Tell<'_>) -> Result<Report, VerbError> {
    let key = key_file::read(&order.key)?;
    let connected = OperatorClient::connect(key, order.cluster);
    let connected = tell.waiting("waiting for a node of the cluster to answer", connected);
    changed(&connected.await?, order.change, order.force, tell).await
}

/// The same by a client that has found the cluster.
pub(super) async fn changed(
    client: &OperatorClient,
    change: MemberChange,
    force: bool,
    tell: Tell<'_>,
) -> Result<Report, VerbError> {
    let mut is_finished = false;
    for _ in 0..MAX_BEGUN {
        let asked = tell.waiting(ALL_CHAINS, client.ask_all()).await;
        let client = asked.map_err(MemberError::from)?;
        let (signer, cluster) = (Arc::clone(client.signer()), client.address().cluster);
        let survey = Survey::take(&signer, cluster, client.newest());
        let survey = tell.waiting("waiting for the nodes' answers", survey).await;
        let begun = begun::find(&client, &survey);
        let waits = "waiting for the voters to show what they have signed";
        let Some(begun) = tell.waiting(waits, begun).await else {
            let finished = is_finished && matches!(next(&survey, change)?, Next::Done);
            let report = make(&client, &survey, change, force, tell).await?;
            return Ok(match finished {
                true => after_earlier(report),
                false => report,
            });
        };
        finish(&client, &survey, &begun, change, force, tell).await?;
        is_finished = true;
    }
    Err(MemberError::OthersChange.into())
}

/// The report of a change that an earlier command had begun.
fn after_earlier(report: Report) -> Report {
    Report {
        note: format!(
            "an earlier command had begun this change, and it is finished now: {}",
            report.note
        ),
        ..report
    }
}

/// Does what was asked, while nothing else is begun.
async fn make(
    client: &OperatorClient,
    survey: &Survey,
    change: MemberChange,
    force: bool,
    tell: Tell<'_>,
) -> Result<Report, VerbError> {
    let newest = survey.newest().clone();
    let next = match next(survey, change)? {
        Next::Worker(node) => return remove_worker(client, node, tell).await,
        Next::Done => newest,
        Next::Descriptor(next) => {
            check_quorum(survey, &newest)?;
            check_quorum(survey, &next)?;
            order_change(client, survey, &next, force, false, tell).await?;
            next
        }
    };
    wait_until_followed(client, survey, &next, tell).await?;
    Ok(Report {
        note: done(change, &next),
        output: None,
    })
}

/// Brings a change into force that an earlier command has begun.
async fn finish(
    client: &OperatorClient,
    survey: &Survey,
    begun: &OrderedChange,
    change: MemberChange,
    force: bool,
    tell: Tell<'_>,
) -> Result<(), VerbError> {
    let (newest, next) = (survey.newest(), &begun.next);
    let (number, voters) = (next.number, ids(next));
    let is_same = next
        .nodes
        .iter()
        .map(|node| node.id)
        .collect::<BTreeSet<_>>()
        == change.ids_after(newest);
    if !is_same {
        (tell.0)(&format!(
            "an earlier command had begun descriptor {number}, with the voters {voters}: it is \
             finished first"
        ));
    }
    let finished = async {
        check_quorum(survey, newest)?;
        check_quorum(survey, next)?;
        // One who says --force says it of the change that was asked for.
        let force = begun.force || (force && is_same);
        order_change(client, survey, next, force, true, tell).await
    };
    if let Err(error) = finished.await {
        let error = Box::new(error);
        return Err(match is_same {
            true => *error,
            false => VerbError::Begun {
                number,
                voters,
                error,
            },
        });
    }
    // The next change may be what lets the nodes vote, where one that comes by this one is lost.
    match wait_until_followed(client, survey, next, tell).await {
        Err(error) if !is_same => {
            (tell.0)(&format!("descriptor {number}: {error}"));
            Ok(())
        }
        followed => Ok(followed?),
    }
}

async fn wait_until_followed(
    client: &OperatorClient,
    survey: &Survey,
    next: &Descriptor,
    tell: Tell<'_>,
) -> Result<(), MemberError> {
    let urls = urls(survey, client, next);
    let waits = format!(
        "the change is in force; waiting until a majority of nodes vote by it, for at most {} s",
        PATIENCE.as_secs()
    );
    tell.waiting(&waits, until_followed(client.signer(), next, &urls))
        .await
}

fn ids(descriptor: &Descriptor) -> String {
    let ids: Vec<_> = descriptor
        .nodes
        .iter()
        .map(|node| node.id.to_string())
        .collect();
    ids.join(", ")
}

fn done(change: MemberChange, next: &Descriptor) -> String {
    let now = format!("descriptor {}: the voters are {}", next.number, ids(next));
    let gone = |node: NodeId| {
        format!(
            "; node {node} stops by itself. Delete its folder then, and do not use its id again"
        )
    };
    match change {
        MemberChange::Promote(node) => format!("node {node} votes from now on. {now}"),
        MemberChange::Remove(node) => format!("{now}{}", gone(node)),
        MemberChange::Replace { old, .. } => format!("{now}{}", gone(old)),
    }
}

async fn order_change(
    client: &OperatorClient,
    survey: &Survey,
    next: &Descriptor,
    force: bool,
    is_begun: bool,
    tell: Tell<'_>,
) -> Result<(), VerbError> {
    let signed = collect(client, survey, next, request_id()?, force, is_begun);
    let waits = "waiting until a majority of the voters has signed the change";
    let link = tell.waiting(waits, signed).await?;
    let command = OperatorCommand::ChangeDescriptor { link, force };
    match tell.order(client, &command, request_id()?).await {
        Err(OrderError::Refused(refusal)) if refusal.code == ErrorCode::TooFewHolders => {
            Err(MemberError::TooFewHolders(refusal).into())
        }
        ordered => Ok(ordered?),
    }
}

/// Where the nodes of a descriptor may be. A call goes to the owner of a node's key alone.
fn urls(survey: &Survey, client: &OperatorClient, next: &Descriptor) -> BTreeSet<String> {
    let known = next.nodes.iter().filter_map(|node| survey.url(node.id));
    known.chain(client.urls().iter().cloned()).collect()
}
