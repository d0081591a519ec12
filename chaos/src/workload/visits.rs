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
/// Most visitors: each is looked at again and again in the end.
const MOST: usize = 48;
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
    for number in 0..MOST {
        client.pause(BETWEEN).await;
        let Ok(name) = format!("visitor-{number}").parse::<UserName>() else {
            break;
        };
        if Instant::now() >= last {
            break;
        }
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

/// Looks at all who came, until each is told offline or it is long enough after the heal.
pub async fn look(client: &mut Client, gone: &[UserName]) {
    let until = Instant::now() + SILENT_FOR;
    let mut online = gone.to_vec();
    if online.is_empty() {
        return;
    }
    let Some(reader) = mix::reader(client, "last-visitor").await else {
        return;
    };
    loop {
        let mut still = Vec::new();
        for name in online {
            let found = directory::look_up(client, &reader.devices[0], &name).await;
            if found.is_none_or(|found| found.online != Some(false)) {
                still.push(name);
            }
        }
        online = still;
        if online.is_empty() || Instant::now() >= until {
            return;
        }
        sleep(LOOK_EVERY).await;
    }
}
