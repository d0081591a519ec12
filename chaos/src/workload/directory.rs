//! The directory's workload: several people want each name, and everybody looks it up.

use std::sync::Arc;
use std::time::Duration;

use cameo_common::api::{ErrorCode, UserInfo, paths};
use cameo_common::ids::UserName;
use rand::RngExt as _;
use tokio::task::JoinSet;
use tokio::time::Instant;

use super::ask::Ask;
use super::client::{Client, persist};
use super::person::{Device, Person};
use super::run::Run;
use crate::history::{Answer, Found, Key, LookUpArg, Op, Operation};

/// Time that one name is fought for.
const NAME_LIFE: Duration = Duration::from_secs(3);
/// People who want a name.
const CLAIMANTS: usize = 3;
/// Pause between two operations of a client, at most.
const THINK: Duration = Duration::from_millis(150);

/// Fights for one name after another until the time is over. Returns the names.
pub async fn work(run: Arc<Run>, group: usize, until: Instant) -> Vec<UserName> {
    let mut names = Vec::new();
    let mut client = Client::new(&run, &format!("directory {group}"));
    let Ok(name) = format!("asker-{group}").parse() else {
        return names;
    };
    let asker = Person::new(&mut client, name, 1);
    while !asker.register_all(&mut client).await {
        if Instant::now() >= until {
            return names;
        }
    }
    let asker = Arc::new(asker);
    while Instant::now() < until {
        let Ok(name) = format!("name-{group}-{}", names.len()).parse::<UserName>() else {
            break;
        };
        names.push(name.clone());
        let end = until.min(Instant::now() + NAME_LIFE);
        let mut clients = JoinSet::new();
        for claimant in 0..CLAIMANTS {
            let client = Client::new(&run, &format!("{name} claimant {claimant}"));
            let (name, asker) = (name.clone(), asker.clone());
            clients.spawn(async move { fight(client, name, &asker, end).await });
        }
        while clients.join_next().await.is_some() {}
    }
    names
}

async fn fight(mut client: Client, name: UserName, asker: &Person, end: Instant) {
    let me = Person::new(&mut client, name.clone(), 2);
    while Instant::now() < end {
        client.pause(THINK).await;
        if client.chance(35) {
            let device = &me.devices[client.rng.random_range(0..2)];
            let ask = me.registration(&mut client, device);
            let _outcome = persist!(client, |node| me.register(&mut client, node, device, &ask));
        } else {
            look_up(&mut client, &asker.devices[0], &name).await;
        }
    }
}

/// One look-up by a registered device, at any node. None when nobody has the name, or nobody
/// answers.
pub(super) async fn look_up(
    client: &mut Client,
    device: &Device,
    name: &UserName,
) -> Option<Found> {
    let (node, request) = (client.any_node(), client.request());
    let ask = Ask::get(paths::fill(paths::USER, name), request);
    let op = |out: Option<Answer<Option<Found>>>| {
        let out = out.map(|answer| match answer {
            Answer::Refused(ErrorCode::NotRegistered | ErrorCode::NotFound) => Answer::Ok(None),
            answer => answer,
        });
        let arg = LookUpArg { node };
        Op::LookUp(Operation { arg, out })
    };
    let found = |info: UserInfo| {
        let card = info.card.verify().ok()?;
        Some(Found {
            owner: card.key,
            online: info.online,
            epoch: info.epoch,
        })
    };
    let key = Key::user(name.as_str());
    let found = client.attempt(&device.key, node, &ask, &key, found, op);
    found.await.ok().copied().flatten()
}
