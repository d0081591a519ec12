//! The workload of endings: a viewer who views, and an owner who lowers, revokes and renews, and
//! has the holders of parts confirm each ending, as the client does.

use std::sync::Arc;
use std::time::Duration;

use cameo_common::ids::NodeId;
use cameo_common::rights::Rights;
use cameo_common::signed::Signed;
use rand::RngExt as _;
use rand::seq::SliceRandom as _;
use tokio::time::Instant;

use super::client::{Client, Outcome, persist};
use super::grant::Grant;
use super::ledger::{charge, two_people};
use super::run::Run;
use super::view::{Charged, View};
use crate::statements::Permission;

/// Time that one grant is worked on.
const GRANT_LIFE: Duration = Duration::from_secs(8);
/// Views of a grant before its first ending, at most: its owner does not lower it below one.
const VIEWS: u32 = 4;
/// Pause between two steps, at most.
const THINK: Duration = Duration::from_millis(100);

/// Works on grants between two people until the time is over. Returns the grants.
pub async fn work(run: Arc<Run>, until: Instant) -> Vec<Arc<Grant>> {
    let mut client = Client::new(&run, "endings");
    let Some((owner, viewer)) = two_people(&mut client, "ending", until).await else {
        return Vec::new();
    };
    let mut grants = Vec::new();
    while Instant::now() < until {
        let first = permitted(client.rng.random_range(2..=VIEWS));
        let Some(grant) = Grant::new(&mut client, &owner, &viewer, first) else {
            break;
        };
        let grant = Arc::new(grant);
        if !grant.create(&mut client).await {
            continue;
        }
        grants.push(grant.clone());
        let end = until.min(Instant::now() + GRANT_LIFE);
        let mut taken = 0;
        while Instant::now() < end {
            taken += round(&mut client, &grant, taken).await;
        }
    }
    grants
}

/// Views, an ending that holders confirm, the same views and a new one after it, and new rights.
/// Returns how many views were charged.
async fn round(client: &mut Client, grant: &Grant, taken: u32) -> u32 {
    let mut views = Vec::new();
    for _ in 0..client.rng.random_range(1..=VIEWS) {
        let view = grant.view(client, &grant.viewer.devices[0]);
        if let Some(charged) = charge(client, grant, 0, &view).await {
            release(client, grant, &view, &charged).await;
            views.push((view, charged));
        }
        client.pause(THINK).await;
    }
    let ending = match client.chance(60) {
        true => Permission {
            revoked: true,
            ..permitted(VIEWS)
        },
        false => permitted(1),
    };
    let ended = put(client, grant, ending).await;
    confirm(client, grant, &ended).await;
    for (view, charged) in &views {
        release(client, grant, view, charged).await;
    }
    let late = grant.view(client, &grant.viewer.devices[0]);
    if let Some(charged) = charge(client, grant, 0, &late).await {
        release(client, grant, &late, &charged).await;
    }
    let charged = views.len() as u32;
    let renewed = taken + charged + client.rng.random_range(1..=VIEWS);
    put(client, grant, permitted(renewed)).await;
    charged
}

const fn permitted(views: u32) -> Permission {
    Permission {
        views,
        revoked: false,
        expires: None,
    }
}

async fn put(client: &mut Client, grant: &Grant, permission: Permission) -> Signed<Rights> {
    let rights = grant.next_rights(permission);
    let (owner, request) = (&grant.owner.devices[0], client.request());
    let _outcome = persist!(client, |node| {
        grant.put_rights(client, owner, node, &rights, request)
    });
    rights
}

fn holders(client: &mut Client) -> Vec<NodeId> {
    let nodes = client.run.descriptor.nodes.iter();
    let mut holders: Vec<_> = nodes.map(|node| node.id).collect();
    holders.shuffle(&mut client.rng);
    holders
}

/// Asks every holder. One that lacks the rights is told them: the node that has said that they are
/// recorded may have lied.
async fn confirm(client: &mut Client, grant: &Grant, rights: &Signed<Rights>) {
    let version = grant.version();
    for node in holders(client) {
        let confirmed = grant.confirm(client, node, version, rights).await;
        if matches!(confirmed, Outcome::NotDone) {
            let (owner, request) = (&grant.owner.devices[0], client.request());
            let _told = grant.put_rights(client, owner, node, rights, request).await;
            let _confirmed = grant.confirm(client, node, version, rights).await;
        }
    }
}

/// Asks holders for their parts, one after another, until there are enough for the photo or none is
/// left.
async fn release(client: &mut Client, grant: &Grant, view: &View, charged: &Charged) {
    let device = &grant.viewer.devices[0];
    let mut given = 0;
    for node in holders(client) {
        let part = grant.release(client, device, node, view, charged).await;
        given += usize::from(part.ok().is_some_and(|part| part.opens));
        if given == client.run.descriptor.threshold() {
            return;
        }
    }
}
