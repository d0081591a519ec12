//! The workload of rights: an owner who changes them, and a viewer whose agent comes and goes,
//! receives them on its event stream and acknowledges some.

use std::sync::Arc;
use std::time::Duration;

use cameo_common::api::{
    Done, EventKind, KeepAlive, ReportOffline, ReportedOffline, SessionStarted, StartSession, paths,
};
use cameo_common::identity::EndpointRecord;
use cameo_common::rights::Rights;
use cameo_common::signed::Signed;
use rand::RngExt as _;
use tokio::task::JoinSet;
use tokio::time::{Instant, timeout_at};

use super::ask::Ask;
use super::client::{Client, Outcome, persist};
use super::events::Events;
use super::grant::{Grant, terms};
use super::ledger::permission;
use super::person::{Device, Person};
use super::run::Run;
use crate::history::{self, Answer, EpochArg, Op, Operation};
use crate::statements::Permission;

/// Time that one grant is worked on.
const GRANT_LIFE: Duration = Duration::from_secs(10);
/// Time that a viewer stays online, at most.
const ONLINE: Duration = Duration::from_secs(3);
/// Interval of keep-alives.
const KEEP_ALIVE: Duration = Duration::from_millis(700);
/// Time that a viewer stays offline, at most.
const OFFLINE: Duration = Duration::from_millis(1_500);
/// Pause of the owner between two versions, at most.
const BETWEEN_VERSIONS: Duration = Duration::from_millis(800);

/// Works on grants between two people until the time is over. Returns the grants.
pub async fn work(run: Arc<Run>, pair: usize, until: Instant) -> Vec<Arc<Grant>> {
    let mut client = Client::new(&run, &format!("rights {pair}"));
    let mut grants = Vec::new();
    while Instant::now() < until {
        // Each viewer has one grant, so that its mailbox and its stream are of that grant alone.
        let number = grants.len();
        let Some(grant) = new_grant(&mut client, pair, number, until).await else {
            break;
        };
        let grant = Arc::new(grant);
        grants.push(grant.clone());
        let end = until.min(Instant::now() + GRANT_LIFE);
        let mut clients = JoinSet::new();
        let name = format!("rights {pair} grant {number}");
        let owner = Client::new(&run, &format!("{name} owner"));
        let viewer = Client::new(&run, &format!("{name} viewer"));
        let changed = grant.clone();
        clients.spawn(async move { change(owner, &changed, end).await });
        clients.spawn(async move { receive(viewer, &grant, end).await });
        while clients.join_next().await.is_some() {}
    }
    grants
}

async fn new_grant(
    client: &mut Client,
    pair: usize,
    number: usize,
    until: Instant,
) -> Option<Grant> {
    let mut both = Vec::new();
    for role in ["from", "to"] {
        let name = format!("{role}-{pair}-{number}").parse().ok()?;
        let person = Person::new(client, name, 1);
        while !person.register_all(client).await {
            if Instant::now() >= until {
                return None;
            }
        }
        both.push(Arc::new(person));
    }
    let first = Permission {
        views: 3,
        revoked: false,
        expires: None,
    };
    let grant = Grant::new(client, &both[0], &both[1], first)?;
    while !grant.create(client).await {
        if Instant::now() >= until {
            return None;
        }
    }
    Some(grant)
}

/// The owner: new versions, now and then an old one or the same again.
async fn change(mut client: Client, grant: &Grant, end: Instant) {
    let mut newest: Option<Signed<Rights>> = None;
    let mut epochs = Vec::new();
    while Instant::now() < end {
        let again = newest.clone().filter(|_| client.chance(15));
        let rights = match again {
            Some(rights) => rights,
            None => grant.next_rights(permission(&mut client)),
        };
        newest = Some(rights.clone());
        // Sometimes the viewer carries it to the ledger, as when they got it directly.
        let carrier = if client.chance(25) {
            &grant.viewer.devices[0]
        } else {
            &grant.owner.devices[0]
        };
        let request = client.request();
        let _outcome = persist!(client, |node| {
            grant.put_rights(&mut client, carrier, node, &rights, request)
        });
        if client.chance(30) {
            let node = client.any_node();
            let _usage = grant
                .usage(&mut client, &grant.owner.devices[0], node)
                .await;
        }
        if client.chance(20) {
            report(&mut client, grant, &mut epochs).await;
        }
        client.pause(BETWEEN_VERSIONS).await;
    }
}

/// The viewer's agent: online for a while, then offline.
async fn receive(mut client: Client, grant: &Grant, end: Instant) {
    let mut highest = 0;
    while Instant::now() < end {
        let stay = Duration::from_millis(client.rng.random_range(200..=ONLINE.as_millis() as u64));
        let leave = end.min(Instant::now() + stay);
        if client.chance(15) {
            // Late: the owner may have put newer rights, which wait in the mailbox.
            let (viewer, node) = (&grant.viewer.devices[0], client.any_node());
            grant.receive(&mut client, viewer, node).await;
        }
        highest = online(&mut client, grant, highest, leave, 70).await;
        client.pause(OFFLINE).await;
    }
}

/// Goes online and follows the stream until `leave`. Acknowledges what comes with a chance of
/// `percent`. Returns the highest version received.
pub(super) async fn online(
    client: &mut Client,
    grant: &Grant,
    mut highest: u64,
    leave: Instant,
    percent: u32,
) -> u64 {
    let viewer = &grant.viewer.devices[0];
    let Some(epoch) = start_session(client, &grant.viewer, viewer).await else {
        return highest;
    };
    let Some(mut events) = Events::open(client, viewer, 0).await else {
        return highest;
    };
    while Instant::now() < leave {
        let event = match timeout_at(leave.min(Instant::now() + KEEP_ALIVE), events.next()).await {
            Ok(Some(event)) => event,
            Ok(None) => {
                // Has the session ended, or only the stream?
                keep_alive(client, &grant.viewer, epoch).await;
                break;
            }
            Err(_) if keep_alive(client, &grant.viewer, epoch).await => continue,
            Err(_) => break,
        };
        let EventKind::Rights { grant: id, rights } = event.kind else {
            continue;
        };
        if id != grant.id {
            continue;
        }
        let delivered = Operation {
            arg: terms(&rights),
            out: Some(history::DeliveredBy {
                sequence: event.sequence,
                genuine: rights
                    .verify()
                    .is_ok_and(|rights| rights.owner == grant.owner.identity.public()),
                stream: events.number,
            }),
        };
        let version = delivered.arg.version;
        client.note(&grant.key, Op::Delivered(delivered));
        highest = highest.max(version);
        if client.chance(25) {
            // What was delivered, and is not acknowledged yet, is still in the mailbox.
            let node = client.any_node();
            let _usage = grant.usage(client, viewer, node).await;
        }
        if client.chance(percent) {
            acknowledge(client, grant, viewer, version).await;
        }
        if client.chance(20) && version > 1 {
            // Out of order: it must not remove the newer one, nor be taken for the highest.
            acknowledge(client, grant, viewer, version - 1).await;
            let node = client.any_node();
            let _usage = grant.usage(client, viewer, node).await;
        }
    }
    highest
}

async fn acknowledge(client: &mut Client, grant: &Grant, viewer: &Device, version: u64) {
    let request = client.request();
    let _outcome = persist!(client, |node| {
        grant.acknowledge(client, viewer, node, version, request)
    });
}

/// False when the session has ended.
pub(super) async fn keep_alive(client: &mut Client, person: &Person, epoch: u64) -> bool {
    let (node, request) = (client.any_node(), client.request());
    let ask = Ask::post(paths::KEEP_ALIVE.to_owned(), &KeepAlive { epoch }, request);
    let op = |out| {
        let arg = EpochArg { request, epoch };
        Op::KeepAlive(Operation { arg, out })
    };
    let device = &person.devices[0].key;
    let key = person.key();
    let kept = client.attempt(device, node, &ask, &key, |_: Done| (), op);
    !matches!(kept.await, Outcome::Answered(Answer::Refused(_)))
}

/// The owner finds that the viewer does not answer, which may be false, and names an epoch, which
/// may be an old one.
async fn report(client: &mut Client, grant: &Grant, seen: &mut Vec<u64>) {
    let owner = &grant.owner.devices[0];
    let found = super::directory::look_up(client, owner, &grant.viewer.name).await;
    seen.extend(found.and_then(|found| found.epoch));
    if seen.is_empty() {
        return;
    }
    let epoch = seen[client.rng.random_range(0..seen.len())];
    let request = client.request();
    let path = paths::fill(paths::USER_OFFLINE, &grant.viewer.name);
    let body = ReportOffline { epoch };
    let ask = Ask::command(path, &body, body.op(grant.viewer.name.clone()), request);
    let key = grant.viewer.key();
    let _outcome = persist!(client, |node| {
        let arg = EpochArg { request, epoch };
        let op = |out| Op::ReportOffline(Operation { arg, out });
        let offline = |reported: ReportedOffline| reported.offline;
        client.attempt(&owner.key, node, &ask, &key, offline, op)
    });
}

/// Starts a session of a device; its epoch.
pub(super) async fn start_session(
    client: &mut Client,
    person: &Person,
    device: &Device,
) -> Option<u64> {
    let record = EndpointRecord {
        device: device.key.public(),
        sequence: client.run.port.elapsed().0 + 1,
        addresses: Vec::new(),
        relay: None,
    };
    let body = StartSession {
        endpoint: Signed::new(&device.key, record),
        listed: true,
    };
    let request = client.request();
    let ask = Ask::command(paths::SESSIONS.to_owned(), &body, &body, request);
    let key = person.key();
    let started = persist!(client, |node| {
        let arg = history::SessionArg {
            request,
            device: device.key.public(),
        };
        let op = |out| Op::StartSession(Operation { arg, out });
        let epoch = |started: SessionStarted| started.epoch;
        client.attempt(&device.key, node, &ask, &key, epoch, op)
    });
    started.ok().copied()
}
