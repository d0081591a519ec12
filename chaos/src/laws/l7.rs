//! L7: a node's floor never goes back, and no release lies below it.
//!
//! Seen in full where a target can read the nodes' disks: a floor there never goes back, whatever
//! befalls the node, and it counts at least the requests that the node has given parts for. Seen
//! everywhere: what a node has shown that it knows, by refusing a part, still counts when the same
//! node gives parts later; a node that refused a view as revoked knows the lowest revoked version
//! that was tried by then, at least. And no node says that its state is rolled back, unless a disk
//! was.

use std::collections::{BTreeMap, BTreeSet};

use super::facts::{Facts, GrantFacts, NodeFacts};
use super::found::Found;
use crate::history::{FloorSeen, Key};
use cameo_common::api::ErrorCode;
use cameo_common::ids::NodeId;

pub(super) fn judge(facts: &Facts<'_>) -> Found {
    let mut found = Found::new("floors seen, and parts given by nodes that had refused as revoked");
    for (key, node) in &facts.nodes {
        judge_floors(key, node, &mut found);
    }
    for (key, grant) in &facts.grants {
        judge_grant(key, grant, &mut found);
        if !facts.is_rolled_back() {
            judge_alarms(key, grant, &mut found);
        }
        judge_counts(facts, key, grant, &mut found);
    }
    found
}

/// Floors of a node, as they were found on its disk: none goes back.
fn judge_floors(key: &Key, node: &NodeFacts<'_>, found: &mut Found) {
    let mut known: BTreeMap<&Key, (&FloorSeen, usize)> = BTreeMap::new();
    for (row, observed) in node
        .observed
        .iter()
        .filter_map(|at| Some((at.row, at.out?)))
    {
        for floor in &observed.floors {
            found.check();
            let before = known.insert(&floor.grant, (floor, row));
            let Some((before, earlier)) = before else {
                continue;
            };
            if floor.version < before.version || floor.released < before.released {
                let sentence = format!(
                    "the floor of {} went back from version {} and {} releases to version {} \
                     and {}",
                    floor.grant.0, before.version, before.released, floor.version, floor.released
                );
                found.invalid(Some(key), [earlier, row], sentence);
            }
        }
    }
}

/// A floor that is seen after parts were given counts their requests.
fn judge_counts(facts: &Facts<'_>, key: &Key, grant: &GrantFacts<'_>, found: &mut Found) {
    let nodes: BTreeSet<NodeId> = grant.releases.iter().map(|at| at.arg.node).collect();
    for node in nodes {
        let Some(node_facts) = facts.nodes.get(&Key::node(node)) else {
            continue;
        };
        let mut floor = None;
        for at in &node_facts.observed {
            let Some(observed) = at.out else {
                continue;
            };
            let mut floors = observed.floors.iter();
            let seen = floors.find(|seen| seen.grant == *key);
            floor = seen.or(floor);
            let Some(floor) = floor else {
                continue;
            };
            let given = grant.releases.iter().filter(|given| {
                given.arg.node == node && given.acked().is_some() && given.end() < at.call
            });
            let given: Vec<_> = given.collect();
            let requests: BTreeSet<_> = given.iter().map(|given| given.arg.request).collect();
            found.check();
            if let Some(last) = given.last()
                && requests.len() > floor.released as usize
            {
                let sentence = format!(
                    "node {node} had given parts for {} requests, and its floor counts {}",
                    requests.len(),
                    floor.released
                );
                found.invalid(Some(key), [last.row, at.row], sentence);
                break;
            }
        }
    }
}

/// Honest nodes whose state only goes on have no reason to call it rolled back.
fn judge_alarms(key: &Key, grant: &GrantFacts<'_>, found: &mut Found) {
    let mut alarms = grant.releases.iter();
    if let Some(alarm) = alarms.find(|at| at.refused() == Some(ErrorCode::RolledBack)) {
        let sentence = format!("node {} says that its state is rolled back", alarm.arg.node);
        found.invalid(Some(key), [alarm.row], sentence);
    }
}

fn judge_grant(key: &Key, grant: &GrantFacts<'_>, found: &mut Found) {
    let versions = &grant.versions;
    let refused = grant.releases.iter();
    let refused = refused.filter(|at| at.refused() == Some(ErrorCode::Revoked));
    let refused: Vec<_> = refused.collect();
    for given in grant.releases.iter().filter(|at| at.acked().is_some()) {
        let before = refused.iter();
        let mut before = before.filter(|no| no.arg.node == given.arg.node && no.end() < given.call);
        let Some(no) = before.next_back() else {
            continue;
        };
        found.check();
        let tried = versions.all().iter();
        let mut revoked =
            tried.filter(|version| version.terms.revoked && version.first_call <= no.end());
        let floor = revoked.next().map_or(0, |version| version.terms.version);
        let mut newer = versions.all().iter().filter(|version| {
            version.terms.version > floor
                && !version.terms.revoked
                && version.first_call <= given.end()
        });
        if newer.next().is_none() {
            let sentence = format!(
                "node {} had refused as revoked, and released again under no newer rights",
                given.arg.node
            );
            found.invalid(Some(key), [no.row, given.row], sentence);
        }
    }
}
