//! Visits: people who go online and are never heard of again, and what is told of them later.

use std::sync::Arc;
use std::time::Duration;

use cameo_common::ids::UserName;
use tokio::time::{Instant, sleep};

use super::client::Client;
use super::mailbox::{keep_alive, start_session};
use super::person::Person;
use super::run::Run;
use super::{directory, mix};

/// Shorter runs have no visits: who came in one would be told online at its end, and rightly.
const LEAST: Duration = Duration::from_secs(20);
/// Time between two visits, at most.
const BETWEEN: Duration = Duration::from_secs(2);
/// Longest time after the heal in which somebody may be told online: a life, a leader's grace, and
/// the clocks' bound.
const SILENT_FOR: Duration = Duration::from_secs(45);
/// Pause between two rounds of looks.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// Visits by one person after another in the first half of the time. Returns who came.
pub async fn work(run: Arc<Run>, until: Instant) -> Vec<UserName> {
    let mut gone = Vec::new();
    let whole = until.saturating_duration_since(Instant::now());
    let last = Instant::now() + whole / 2;
    if whole < LEAST {
        return gone;
    }
    let mut client = Client::new(&run, "visits");
    while Instant::now() < last {
        client.pause(BETWEEN).await;
        let Ok(name) = format!("visitor-{}", gone.len()).parse::<UserName>() else {
            break;
        };
        let visitor = Person::new(&mut client, name.clone(), 1);
        if !visitor.register_all(&mut client).await {
            continue;
        }
        gone.push(name);
        let device = &visitor.devices[0];
        let Some(epoch) = start_session(&mut client, &visitor, device).await else {
            continue;
        };
        if client.chance(50) {
            keep_alive(&mut client, &visitor, epoch).await;
        }
    }
    gone
}

/// Looks at all who came, until nobody is told online or it is long enough after the heal.
pub async fn look(client: &mut Client, gone: &[UserName]) {
    let until = Instant::now() + SILENT_FOR;
    if gone.is_empty() {
        return;
    }
    let Some(reader) = mix::reader(client, "last-visitor").await else {
        return;
    };
    loop {
        let mut online = false;
        for name in gone {
            let found = directory::look_up(client, &reader.devices[0], name).await;
            online |= found.is_none_or(|found| found.online != Some(false));
        }
        if !online || Instant::now() >= until {
            return;
        }
        sleep(LOOK_EVERY).await;
    }
}
