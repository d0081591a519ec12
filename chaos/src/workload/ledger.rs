//! The ledger's workload: one grant after another, each with several devices that charge views,
//! repeat and resume them, while the owner raises, lowers and revokes.

use std::sync::Arc;
use std::time::Duration;

use cameo_common::ids::{Millis, NodeId};
use parking_lot::Mutex;
use rand::RngExt as _;
use tokio::task::JoinSet;
use tokio::time::Instant;

use super::client::{Client, Outcome, persist};
use super::grant::Grant;
use super::person::Person;
use super::run::Run;
use super::view::{Charged, View};
use crate::statements::Permission;

/// Time that clients spend on one grant: its history stays short enough to be judged.
const GRANT_LIFE: Duration = Duration::from_secs(6);
/// Pause between two operations of a client, at most.
const THINK: Duration = Duration::from_millis(120);
/// Clients of the viewer on each device.
const CLIENTS_A_DEVICE: usize = 2;

/// Views that clients of one grant know of, so that one repeats what another has begun.
type Views = Arc<Mutex<Vec<(usize, View, Option<Charged>)>>>;

/// Works on grants between two people until the time is over. Returns the grants.
pub async fn work(run: Arc<Run>, pair: usize, until: Instant) -> Vec<Arc<Grant>> {
    let mut client = Client::new(&run, &format!("ledger {pair}"));
    let Some((owner, viewer)) = two_people(&mut client, &pair.to_string(), until).await else {
        return Vec::new();
    };
    let mut grants = Vec::new();
    while Instant::now() < until {
        let first = Permission {
            views: client.rng.random_range(1..=4),
            revoked: false,
            expires: None,
        };
        let Some(grant) = Grant::new(&mut client, &owner, &viewer, first) else {
            break;
        };
        let grant = Arc::new(grant);
        if !grant.create(&mut client).await {
            continue;
        }
        grants.push(grant.clone());
        let end = until.min(Instant::now() + GRANT_LIFE);
        use_grant(&run, &grant, pair, grants.len(), end).await;
    }
    grants
}

/// Owner and viewer, both registered. None when the time is over before.
pub(super) async fn two_people(
    client: &mut Client,
    pair: &str,
    until: Instant,
) -> Option<(Arc<Person>, Arc<Person>)> {
    let mut both = Vec::new();
    for (role, devices) in [("owner", 1), ("viewer", 2)] {
        let name = format!("{role}-{pair}").parse().ok()?;
        let person = Person::new(client, name, devices);
        while !person.register_all(client).await {
            if Instant::now() >= until {
                return None;
            }
        }
        both.push(Arc::new(person));
    }
    let viewer = both.pop()?;
    Some((both.pop()?, viewer))
}

async fn use_grant(run: &Arc<Run>, grant: &Arc<Grant>, pair: usize, number: usize, end: Instant) {
    let views = Views::default();
    let mut clients = JoinSet::new();
    for device in 0..grant.viewer.devices.len() {
        for at in 0..CLIENTS_A_DEVICE {
            let name = format!("ledger {pair} grant {number} device {device} client {at}");
            let client = Client::new(run, &name);
            let (grant, views) = (grant.clone(), views.clone());
            clients.spawn(async move { view(client, &grant, device, &views, end).await });
        }
    }
    let client = Client::new(run, &format!("ledger {pair} grant {number} owner"));
    let owner = grant.clone();
    clients.spawn(async move { change_rights(client, &owner, end).await });
    while clients.join_next().await.is_some() {}
}

/// A device that views, repeats and resumes.
async fn view(mut client: Client, grant: &Grant, device: usize, views: &Views, end: Instant) {
    while Instant::now() < end {
        match client.rng.random_range(0..100) {
            0..50 => view_anew(&mut client, grant, device, views).await,
            50..72 => repeat(&mut client, grant, views).await,
            72..90 => read(&mut client, grant, device).await,
            _ => cheat(&mut client, grant, device, views).await,
        }
        client.pause(THINK).await;
    }
}

async fn view_anew(client: &mut Client, grant: &Grant, device: usize, views: &Views) {
    let view = grant.view(client, &grant.viewer.devices[device]);
    let charged = charge(client, grant, device, &view).await;
    views.lock().push((device, view.clone(), charged.clone()));
    if let Some(charged) = charged {
        release(client, grant, device, &view, &charged).await;
    }
}

/// Repeats a view of any client, from its own device: it may have been refused, lost or charged.
async fn repeat(client: &mut Client, grant: &Grant, views: &Views) {
    let known = views.lock().len();
    if known == 0 {
        return;
    }
    let at = client.rng.random_range(0..known);
    let (device, view, charged) = views.lock()[at].clone();
    let charged = match charged {
        Some(charged) if client.chance(50) => Some(charged),
        _ => charge(client, grant, device, &view).await,
    };
    if let Some(charged) = charged {
        views.lock()[at].2 = Some(charged.clone());
        release(client, grant, device, &view, &charged).await;
    }
}

pub(super) async fn charge(
    client: &mut Client,
    grant: &Grant,
    device: usize,
    view: &View,
) -> Option<Charged> {
    let device = &grant.viewer.devices[device];
    let charged = persist!(client, |node| grant.debit(client, device, node, view));
    charged.ok().cloned()
}

/// Asks nodes for their parts, one after another, as many as the photo needs.
async fn release(
    client: &mut Client,
    grant: &Grant,
    device: usize,
    view: &View,
    charged: &Charged,
) {
    let device = &grant.viewer.devices[device];
    let mut nodes: Vec<NodeId> = client
        .run
        .descriptor
        .nodes
        .iter()
        .map(|node| node.id)
        .collect();
    for _ in 0..client.run.descriptor.threshold() {
        let node = nodes.swap_remove(client.rng.random_range(0..nodes.len()));
        let _part = grant.release(client, device, node, view, charged).await;
    }
}

async fn read(client: &mut Client, grant: &Grant, device: usize) {
    let node = client.any_node();
    let _usage = grant
        .usage(client, &grant.viewer.devices[device], node)
        .await;
}

/// What must be refused: a request that the device has not signed, an id with other bytes, a part
/// of a view that was not charged.
async fn cheat(client: &mut Client, grant: &Grant, device: usize, views: &Views) {
    let node = client.any_node();
    let own = &grant.viewer.devices[device];
    match client.rng.random_range(0..3) {
        0 => {
            let request = client.request();
            let forged = grant.view_of(client, own, request, false);
            let _refused = grant.debit(client, own, node, &forged).await;
        }
        1 => {
            let used = views.lock().last().map(|(_, view, _)| view.request);
            if let Some(request) = used {
                let other = grant.view_of(client, own, request, true);
                let _refused = grant.debit(client, own, node, &other).await;
            }
        }
        _ => {
            let view = grant.view(client, own);
            let nothing = Charged {
                index: 1,
                deal: None,
            };
            let _refused = grant.release(client, own, node, &view, &nothing).await;
        }
    }
}

/// The owner of a grant.
async fn change_rights(mut client: Client, grant: &Grant, end: Instant) {
    let device = &grant.owner.devices[0];
    while Instant::now() < end {
        let node = client.any_node();
        match client.rng.random_range(0..100) {
            0..40 => put_next(&mut client, grant).await,
            40..55 => put_old(&mut client, grant).await,
            55..80 => {
                let _usage = grant.usage(&mut client, device, node).await;
            }
            _ => {
                let _log = grant.log(&mut client, node).await;
            }
        }
        client.pause(4 * THINK).await;
    }
}

/// A new version: more or fewer views, revoked, given again, or expired long ago.
pub(super) fn permission(client: &mut Client) -> Permission {
    let now = client.run.port.now_unix();
    let long_ago = Millis(now.0.saturating_sub(LONG_AGO_MS));
    Permission {
        views: client.rng.random_range(0..=9),
        revoked: client.chance(25),
        expires: client.chance(10).then_some(long_ago),
    }
}

/// Permitted views of the last version but one: more than any run takes.
const LAST_VIEWS: u32 = 999;

/// Further back than any clock is set in a run.
const LONG_AGO_MS: u64 = 400 * 24 * 3_600 * 1_000;

/// A view after everything else, and its release once more when its owner has ended it: every run
/// sees that.
pub(super) async fn last_view(client: &mut Client, grant: &Grant) {
    let permitted = Permission {
        views: LAST_VIEWS,
        revoked: false,
        expires: None,
    };
    put(client, grant, permitted).await;
    let view = grant.view(client, &grant.viewer.devices[0]);
    let Some(charged) = charge(client, grant, 0, &view).await else {
        return;
    };
    release(client, grant, 0, &view, &charged).await;
    let ended = Permission {
        revoked: true,
        ..permitted
    };
    put(client, grant, ended).await;
    release(client, grant, 0, &view, &charged).await;
}

async fn put_next(client: &mut Client, grant: &Grant) {
    let permission = permission(client);
    put(client, grant, permission).await;
}

async fn put(client: &mut Client, grant: &Grant, permission: Permission) {
    let rights = grant.next_rights(permission);
    let (owner, request) = (&grant.owner.devices[0], client.request());
    let _outcome = persist!(client, |node| {
        grant.put_rights(client, owner, node, &rights, request)
    });
}

/// A version that exists already, with other content.
async fn put_old(client: &mut Client, grant: &Grant) {
    let version = client.rng.random_range(1..=grant.version());
    let permission = permission(client);
    let rights = grant.rights(version, permission);
    let (node, request) = (client.any_node(), client.request());
    let owner = &grant.owner.devices[0];
    let _refused: Outcome<_> = grant
        .put_rights(client, owner, node, &rights, request)
        .await;
}
