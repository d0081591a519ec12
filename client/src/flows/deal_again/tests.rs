//! New deals, with the mock ledger of a cluster of which one node has left.

#![allow(clippy::unwrap_used)]

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::extract::{Path, State};
use axum::routing::{get, post};
use axum::{Json, Router};
use cameo_common::api::{ClusterInfo, Done, GrantsToDealAgain, PutDeal};
use cameo_common::descriptor_chain::Descriptors;
use cameo_common::ids::{Hash, Millis, NodeId};
use cameo_common::keys::SealingSecret;
use cameo_common::rights::Rights;
use cameo_common::sealing::{PartContext, combine, open_part};
use cameo_common::statements::{Manifest, NodeAddress};
use parking_lot::Mutex;

use super::*;
use crate::agent::tests::{IMAGE, ME, OTHER, World, alone, key, no, owned, told_of};
use crate::clock;
use crate::cluster_api::Pinned;
use crate::cluster_api::mock_chain::{chain, sealing};
use crate::cluster_api::mock_node::{MockPort, node_key};
use crate::vault::records::{Secret, Stage};

/// What the mock ledger has, and what it does with a deal.
struct Ledger {
    descriptors: Descriptors,
    /// Where each present node serves.
    urls: BTreeMap<NodeId, String>,
    grants: Mutex<BTreeMap<GrantId, GrantInfo>>,
    dealt: Mutex<Vec<Signed<Deal>>>,
    /// Rights that come before the next deals: their versions.
    first: Mutex<Vec<u64>>,
    /// Deals of this grant fail.
    failing: Mutex<Option<GrantId>>,
    /// The node that is asked first what needs a deal keeps it back, from then on.
    hides: bool,
    asked_first: Mutex<Option<NodeId>>,
}

type Shared = State<(Arc<Ledger>, NodeId)>;

const NODE: NodeId = NodeId(1);
const SHARE: [u8; 32] = [33; 32];

async fn info(State((ledger, node)): Shared) -> Json<ClusterInfo> {
    let cluster = ledger.descriptors.first.founds().unwrap();
    let address = NodeAddress {
        key: node_key(node).public(),
        cluster,
        url: ledger.urls[&node].clone(),
        stated: Millis(1),
    };
    Json(ClusterInfo {
        schema: 1,
        cluster,
        descriptors: ledger.descriptors.clone(),
        address: Signed::new(&node_key(node), address),
        nodes: vec![],
        now: clock::now(),
    })
}

async fn to_deal_again(State((ledger, node)): Shared) -> Json<GrantsToDealAgain> {
    let first = *ledger.asked_first.lock().get_or_insert(node);
    if ledger.hides && node == first {
        return Json(GrantsToDealAgain {
            grants: vec![],
            next: None,
        });
    }
    let newest = ledger.descriptors.newest().hash();
    let grants = ledger.grants.lock().values().cloned().collect::<Vec<_>>();
    let is_due = |info: &GrantInfo| info.deal.verify().unwrap().descriptor != newest;
    Json(GrantsToDealAgain {
        grants: grants.into_iter().filter(is_due).collect(),
        next: None,
    })
}

async fn shown(State((ledger, _)): Shared, Path(grant): Path<GrantId>) -> Json<GrantInfo> {
    Json(ledger.grants.lock()[&grant].clone())
}

async fn put(
    State((ledger, _)): Shared,
    Path(grant): Path<GrantId>,
    Json(body): Json<PutDeal>,
) -> Result<Json<Done>, axum::response::Response> {
    if *ledger.failing.lock() == Some(grant) {
        return Err(no(ErrorCode::Mismatch));
    }
    let mut grants = ledger.grants.lock();
    let known = grants.get_mut(&grant).unwrap();
    if let Some(version) = ledger.first.lock().pop() {
        (known.rights, known.version) = (rights(grant, version), version);
    }
    let deal = body.deal.verify().unwrap();
    let floor = FirstFloor {
        rights_version: known.version,
        used: known.used,
    };
    let number = known.deal.verify().unwrap().number + 1;
    if (deal.first_floor, deal.number) != (floor, number) {
        return Err(no(ErrorCode::BadDeal));
    }
    known.deal = body.deal.clone();
    ledger.dealt.lock().push(body.deal);
    Ok(Json(Done { done: true }))
}

fn rights(grant: GrantId, version: u64) -> Signed<Rights> {
    crate::agent::tests::rights(ME, grant, version)
}

fn manifest(descriptors: &Descriptors, nonce: u8) -> Manifest {
    Manifest {
        owner: key(ME).public(),
        owner_name: "ben".parse().unwrap(),
        viewer: key(OTHER).public(),
        viewer_name: "ada".parse().unwrap(),
        viewer_sealing: SealingSecret::from_bytes([3; 32]).public(),
        cluster: descriptors.first.founds().unwrap(),
        image: IMAGE,
        nonce: Hash([nonce; 32]),
        request: Hash([0; 32]),
        payload: Hash([0; 32]),
        payload_length: 0,
        key_commitment: Hash([0; 32]),
    }
}

/// A home with a ledger whose cluster had the nodes 1 and 2, and has node 1 alone.
async fn world() -> (World, Arc<Ledger>) {
    world_of(&[&[1, 2], &[1]], false).await
}

/// A home with a ledger whose nodes have changed so.
async fn world_of(changes: &[&[u64]], hides: bool) -> (World, Arc<Ledger>) {
    let mut world = alone();
    let descriptors = chain(changes);
    let mut ports = Vec::new();
    for node in &descriptors.newest().nodes {
        ports.push((node.id, MockPort::bind().await));
    }
    let urls = ports.iter().map(|(id, port)| (*id, port.url.clone()));
    let ledger = Arc::new(Ledger {
        urls: urls.collect(),
        descriptors,
        grants: Mutex::default(),
        dealt: Mutex::default(),
        first: Mutex::default(),
        failing: Mutex::default(),
        hides,
        asked_first: Mutex::default(),
    });
    let pinned = Pinned {
        cluster: ledger.descriptors.first.founds().unwrap(),
        nodes: ledger.urls.values().cloned().collect(),
    };
    for (id, port) in ports {
        let routes = Router::new()
            .route("/v1/cluster", get(info))
            .route("/v1/grants/to-deal-again", get(to_deal_again))
            .route("/v1/grants/{grant}", get(shown))
            .route("/v1/grants/{grant}/deals", post(put))
            .with_state((Arc::clone(&ledger), id));
        port.serve(id, routes);
    }
    let device = Arc::new(world.core.ctx.me.device_key());
    world.core.ctx.api = ClusterApi::new(pinned, device).unwrap();
    (world, ledger)
}

/// A grant of this home that was dealt to nodes 1 and 2, and two of whose views were used.
fn grant(world: &World, ledger: &Ledger, nonce: u8) -> GrantId {
    let manifest = manifest(&ledger.descriptors, nonce);
    let id = manifest.grant_id();
    let manifest = Signed::new(&key(ME), manifest);
    let share = Share::from_bytes(SHARE);
    let first = &ledger.descriptors.first;
    let ctx = &world.core.ctx;
    let deal = signed_deal(ctx, &manifest, &share, first, 1, FirstFloor::NEW).unwrap();
    let kept = GrantOwned {
        grant: id,
        manifest: manifest.clone(),
        deal: deal.clone(),
        rights: rights(id, 1),
        cluster_share: Secret::new(SHARE),
        ..owned(Stage::Settled)
    };
    world.vault().put(&id.to_string(), &kept).unwrap();
    let shown = GrantInfo {
        grant: id,
        manifest,
        deal,
        ..told_of(rights(id, 1), 2)
    };
    ledger.grants.lock().insert(id, shown);
    id
}

#[tokio::test]
async fn a_grant_is_dealt_to_the_present_nodes_by_its_own_share_and_where_the_ledger_stands() {
    let (world, ledger) = world().await;
    let id = grant(&world, &ledger, 1);
    let round = deal_again(&world.core.ctx).await.unwrap();
    assert_eq!(
        (round.dealt, round.failed, round.is_unfinished),
        (1, 0, false)
    );
    // then the deal is the next one, with the views used by then
    let dealt = ledger.dealt.lock()[0].verify().unwrap();
    let floor = FirstFloor {
        rights_version: 1,
        used: 2,
    };
    assert_eq!(
        (dealt.grant, dealt.number, dealt.first_floor),
        (id, 2, floor)
    );
    assert_eq!(dealt.descriptor, ledger.descriptors.newest().hash());
    // and its parts make the share that was dealt before
    let part = &dealt.parts[0];
    let opened = open_part(&sealing(NODE), &PartContext::of(&dealt, part), part).unwrap();
    assert_eq!(combine(&dealt, &[opened]).unwrap().expose(), &SHARE);
    // and nothing is left to do
    let again = deal_again(&world.core.ctx).await.unwrap();
    assert_eq!(again, Round::default());
}

#[tokio::test]
async fn where_another_entry_comes_first_it_is_read_and_signed_again_a_few_times() {
    let (world, ledger) = world().await;
    grant(&world, &ledger, 1);
    // given rights that are recorded just before the deal
    *ledger.first.lock() = vec![4];
    assert_eq!(deal_again(&world.core.ctx).await.unwrap().dealt, 1);
    let dealt = ledger.dealt.lock()[0].verify().unwrap();
    assert_eq!(dealt.first_floor.rights_version, 4);
    // and when that goes on, it is left to the next round
    grant(&world, &ledger, 2);
    *ledger.first.lock() = vec![9, 8, 7, 6, 5];
    let round = deal_again(&world.core.ctx).await.unwrap();
    assert_eq!((round.dealt, round.failed), (0, 1));
    assert_eq!(ledger.first.lock().len(), 5 - ATTEMPTS);
}

#[tokio::test]
async fn a_grant_that_fails_or_was_made_elsewhere_keeps_no_other_from_its_deal() {
    let (world, ledger) = world().await;
    let ids = [1, 2, 3].map(|nonce| grant(&world, &ledger, nonce));
    *ledger.failing.lock() = Some(ids[0]);
    let elsewhere = ids[1].to_string();
    world.vault().delete::<GrantOwned>(&elsewhere).unwrap();
    let round = deal_again(&world.core.ctx).await.unwrap();
    assert_eq!((round.dealt, round.failed, round.elsewhere), (1, 1, 1));
    assert_eq!(ledger.dealt.lock()[0].verify().unwrap().grant, ids[2]);
}

#[tokio::test]
async fn attack_a_node_gets_no_deal_signed_by_older_rights_or_of_foreign_statements() {
    let (world, ledger) = world().await;
    let id = grant(&world, &ledger, 1);
    let lie = |change: &dyn Fn(&mut GrantInfo)| {
        let mut grants = ledger.grants.lock();
        let known = grants.get_mut(&id).unwrap();
        let honest = known.clone();
        change(known);
        honest
    };
    let other = GrantId([9; 32]);
    let lies: [&dyn Fn(&mut GrantInfo); 3] = [
        // given a home whose ledger had version 3, and a node that shows version 1
        &|_| {},
        &|shown| shown.rights = crate::agent::tests::rights(OTHER, id, 9),
        &|shown| shown.rights = rights(other, 9),
    ];
    crate::vault::records::change::<GrantOwned>(world.vault(), &id.to_string(), |owned| {
        owned.recorded_version = 3;
    })
    .unwrap();
    for told in lies {
        let honest = lie(told);
        let round = deal_again(&world.core.ctx).await.unwrap();
        assert_eq!((round.dealt, round.failed), (0, 1));
        ledger.grants.lock().insert(id, honest);
    }
    assert!(ledger.dealt.lock().is_empty());
}

#[tokio::test]
async fn attack_a_node_that_keeps_back_what_needs_a_deal_delays_it_by_a_round() {
    let (world, ledger) = world_of(&[&[1, 2, 3], &[1, 2]], true).await;
    grant(&world, &ledger, 1);
    // given a round in which the node that is asked says that there is nothing to do
    let round = deal_again(&world.core.ctx).await.unwrap();
    assert_eq!(round, Round::default());
    // then the next one asks another
    let round = deal_again(&world.core.ctx).await.unwrap();
    assert_eq!(round.dealt, 1);
}

#[tokio::test]
async fn what_needs_a_deal_is_told_with_whether_it_still_opens() {
    // given a grant with a part at each of two nodes, of which both are needed and one has left
    let (world, ledger) = world().await;
    grant(&world, &ledger, 1);
    let ctx = &world.core.ctx;
    let found = waiting(&ctx.vault, &ctx.api).await.unwrap();
    assert_eq!(found.grants.len(), 1);
    assert!(!found.grants[0].opens && found.grants[0].here && !found.more);
    // when it is dealt again
    deal_again(ctx).await.unwrap();
    let found = waiting(&ctx.vault, &ctx.api).await.unwrap();
    assert_eq!(found, WaitingGrants::default());
}
