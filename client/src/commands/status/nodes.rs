//! The nodes' own status, as a table and as JSON.

use cameo_common::api::NodeStatus;
use cameo_common::ids::NodeId;
use futures_util::future::join_all;
use serde_json::{Value, json};

use crate::flows::context::Context;
use crate::output::table;

/// A node's URL, and its status if it answers.
pub(super) type Answer = (String, Option<NodeStatus>);

/// Reads the status of all known nodes.
pub(super) async fn ask(ctx: &Context) -> Vec<Answer> {
    let urls = ctx.api.urls().into_iter();
    join_all(urls.map(async |url| {
        let status = ctx.api.status_of(&url).await.ok();
        (url, status)
    }))
    .await
}

/// The status of the nodes that belong to this cluster.
pub(super) fn of_this_cluster(ctx: &Context, nodes: &[Answer]) -> Vec<NodeStatus> {
    nodes
        .iter()
        .filter_map(|(_, status)| status.clone())
        .filter(|status| status.cluster == Some(ctx.me.cluster))
        .collect()
}

/// The leader that the first node with a leader names.
pub(super) fn leader(nodes: &[Answer]) -> Option<NodeId> {
    nodes.iter().find_map(|(_, status)| status.as_ref()?.leader)
}

pub(super) fn text(ctx: &Context, nodes: &[Answer]) -> String {
    let rows = nodes.iter().map(|(url, status)| {
        let state = match status {
            None => match ctx.api.why_unanswered(url) {
                Some(why) => format!("cannot be reached: {why}"),
                None => "gives no status".to_owned(),
            },
            Some(status) if !is_ours(ctx, status) => "belongs to another cluster".to_owned(),
            Some(status) => state(status),
        };
        vec![url.clone(), state]
    });
    table(&rows.collect::<Vec<_>>())
}

fn state(status: &NodeStatus) -> String {
    let leader = status.leader.map(|id| id.to_string());
    let state = format!(
        "node {}, leader {}, {} entries applied",
        status.node,
        leader.as_deref().unwrap_or("unknown"),
        status.applied
    );
    if status.quarantined {
        return format!(
            "{state}; QUARANTINED: it came back with an older folder, and takes no part"
        );
    }
    match &status.waits {
        Some(waits) if waits.may_be_copy => {
            let voters: Vec<_> = waits.voters.iter().map(NodeId::to_string).collect();
            format!(
                "{state}; WAITING: its folder may be an older copy, and it takes no part until {} \
                 of these nodes have answered it: {}",
                waits.answers_missing,
                voters.join(", ")
            )
        }
        _ if status.disk.low => {
            format!("{state}; LOW ON DISK SPACE: it takes no new entries until space is freed")
        }
        // For a moment after its start, or without a majority, as all of them.
        Some(_) | None => state,
    }
}

pub(super) fn document(ctx: &Context, nodes: &[Answer]) -> Vec<Value> {
    let each = nodes.iter().map(|(url, status)| match status {
        None => json!({
            "url": url, "reachable": false, "why": ctx.api.why_unanswered(url),
        }),
        Some(status) if !is_ours(ctx, status) => {
            json!({ "url": url, "reachable": true, "ours": false })
        }
        Some(status) => json!({
            "url": url, "reachable": true, "ours": true, "node": status.node,
            "leader": status.leader, "quarantined": status.quarantined, "waits": status.waits,
            "disk": status.disk,
            "term": status.term, "applied": status.applied, "jobs_finished": status.jobs_finished,
        }),
    });
    each.collect()
}

/// Whether a node belongs to this cluster, or has no cluster yet.
fn is_ours(ctx: &Context, status: &NodeStatus) -> bool {
    status
        .cluster
        .is_none_or(|cluster| cluster == ctx.me.cluster)
}

#[cfg(test)]
mod tests {
    use super::*;
    use cameo_common::api::{DiskInfo, JobMemory, WaitsForVoters};

    fn status() -> NodeStatus {
        NodeStatus {
            schema: 1,
            node: NodeId(3),
            cluster: None,
            leader: Some(NodeId(1)),
            term: 2,
            committed: 63,
            applied: 63,
            members: Vec::new(),
            jobs_finished: 0,
            job_memory: JobMemory::default(),
            quarantined: false,
            waits: None,
            version: String::new(),
            disk: DiskInfo::default(),
            entry_version: 6,
            newest_entry_version: 6,
        }
    }

    fn waits(may_be_copy: bool) -> Option<WaitsForVoters> {
        Some(WaitsForVoters {
            voters: vec![NodeId(1), NodeId(2)],
            answers_missing: 1,
            may_be_copy,
        })
    }

    #[test]
    fn a_quarantined_node_is_told_from_one_that_takes_part() {
        let mut status = status();
        assert_eq!(state(&status), "node 3, leader 1, 63 entries applied");
        status.quarantined = true;
        assert!(state(&status).contains("; QUARANTINED: "));
    }

    #[test]
    fn a_node_low_on_disk_space_says_so_unless_it_takes_no_part_at_all() {
        let mut status = status();
        status.disk.low = true;
        // given nodes that take part, or are about to after their start
        for waits in [None, waits(false)] {
            status.waits = waits;
            let low = state(&status);
            assert!(low.contains("; LOW ON DISK SPACE: "), "{low}");
        }
        // and nodes that take no part for another reason, which is told
        status.waits = waits(true);
        assert!(state(&status).contains("; WAITING: "));
        status.quarantined = true;
        assert!(state(&status).contains("; QUARANTINED: "));
    }

    #[test]
    fn a_node_whose_folder_may_be_a_copy_names_the_nodes_that_it_waits_for() {
        let mut status = status();
        status.waits = waits(true);
        let waiting = state(&status);
        assert!(waiting.contains("; WAITING: "), "{waiting}");
        assert!(waiting.ends_with("until 1 of these nodes have answered it: 1, 2"));
        // One that has just started is about to take part.
        status.waits = waits(false);
        assert!(!state(&status).contains("WAITING"));
    }
}
