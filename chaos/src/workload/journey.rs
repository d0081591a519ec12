//! The workload of two people with the real client: one shares a photo and changes the rights, the
//! other opens it, goes offline and comes back.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use cameo_common::api::ErrorCode;
use cameo_common::ids::Hash;
use cameo_harness::{CommandResult, Person};
use rand::RngExt as _;
use serde_json::Value;
use tokio::time::Instant;

use super::client::Client;
use super::run::Run;
use crate::history::{Answer, Key, Micros, Op, Opened, Operation, PermitArg, Permitted, Shown};

/// Exit codes of the client.
const OK: i32 = 0;
const DENIED: i32 = 4;
const USED_UP: i32 = 5;
const QUEUED: i32 = 6;
/// Pause between two commands of one person, at most.
const THINK: Duration = Duration::from_millis(600);
/// Longest wait for a grant, while nodes die.
const SHARED_WITHIN: Duration = Duration::from_secs(90);
/// Tries of what has to succeed once the cluster has healed.
const LAST_ATTEMPTS: usize = 20;
/// Views that the photo is first shared with.
const FIRST_VIEWS: u32 = 3;

/// Two people, a photo and its grant.
#[derive(Debug)]
pub struct Journey {
    run: Arc<Run>,
    owner: Person,
    viewer: Person,
    photo: Hash,
    grant: String,
    key: Key,
}

impl Journey {
    /// Registers an owner, ada, and a viewer, starts their agents, and shares the photo.
    /// `cameo init` takes the `urls`.
    ///
    /// # Errors
    /// When a file cannot be written, an agent does not start, or nothing is shared in time.
    pub async fn begin(
        run: Arc<Run>,
        [mut owner, mut viewer]: [Person; 2],
        urls: &str,
        photo: &Path,
    ) -> anyhow::Result<Self> {
        let end = Instant::now() + SHARED_WITHIN;
        for person in [&mut owner, &mut viewer] {
            let name = person.name.clone();
            until_ok(person, &["init", &name, "--cluster", urls], end).await?;
            person.start_agent().await?;
        }
        let bytes = std::fs::read(photo)?;
        let path = photo.display().to_string();
        let views = FIRST_VIEWS.to_string();
        let add = ["add", &path, "--policy", "open", "--views", &views];
        let added = owner.ok(&add).await?;
        let image = text(&added["images"][0]["image"])?;
        let shared = until_ok(&viewer, &["request", "ada", &image], end).await?;
        let grant = text(&shared["grant"])?;
        let key = Key(format!("grant/{grant}"));
        record_first(&run, &key);
        Ok(Self {
            run,
            owner,
            viewer,
            photo: Hash::of(&bytes),
            key,
            grant,
        })
    }

    /// Both act until the time is over, each on their own.
    ///
    /// # Errors
    /// When a program does not start, or breaks its word about its output.
    pub async fn work(&mut self, until: Instant) -> anyhow::Result<()> {
        let mut owner = Client::new(&self.run, "journey owner");
        let mut viewer = Client::new(&self.run, "journey viewer");
        let shared = Shared {
            run: &self.run,
            photo: self.photo,
            grant: &self.grant,
            key: &self.key,
        };
        let (ada, ben) = (&self.owner, &mut self.viewer);
        let permits = async {
            let mut permitted = FIRST_VIEWS;
            while Instant::now() < until {
                owner.pause(THINK).await;
                shared.permit(&mut owner, ada, &mut permitted).await?;
            }
            anyhow::Ok(())
        };
        let opens = async {
            while Instant::now() < until {
                viewer.pause(THINK).await;
                if viewer.chance(10) {
                    ben.kill_agent().await?;
                    viewer.pause(THINK).await;
                    // An agent that finds no cluster waits for it.
                    ben.start_agent().await?;
                }
                shared.open(&mut viewer, ben).await?;
            }
            anyhow::Ok(())
        };
        tokio::try_join!(permits, opens)?;
        Ok(())
    }

    /// Once the cluster has healed: one more version arrives, what the ledger says is read, and the
    /// agents stop.
    ///
    /// # Errors
    /// When one of these does not succeed, which after healing it must.
    pub async fn finish(mut self) -> anyhow::Result<()> {
        let mut client = Client::new(&self.run, "journey end");
        let shared = Shared {
            run: &self.run,
            photo: self.photo,
            grant: &self.grant,
            key: &self.key,
        };
        for attempt in 1.. {
            let shown = shared.shown(&mut client, &self.owner).await?;
            if shown.is_some_and(|shown| !shown.in_mailbox) {
                break;
            }
            anyhow::ensure!(
                attempt < LAST_ATTEMPTS,
                "ben's mailbox is not emptied after the cluster has healed"
            );
            client.pause(2 * THINK).await;
        }
        shared.open(&mut client, &self.viewer).await?;
        self.owner.stop_agent().await?;
        self.viewer.stop_agent().await?;
        Ok(())
    }
}

/// One grant, as both use it.
struct Shared<'a> {
    run: &'a Run,
    photo: Hash,
    grant: &'a str,
    key: &'a Key,
}

impl Shared<'_> {
    async fn permit(
        &self,
        client: &mut Client,
        owner: &Person,
        permitted: &mut u32,
    ) -> anyhow::Result<()> {
        let revoked = client.chance(15);
        *permitted += client.rng.random_range(0..=2);
        let arg = PermitArg {
            permitted: *permitted,
            revoked,
        };
        let views = permitted.to_string();
        let call = self.run.port.elapsed();
        let ran = if revoked {
            owner.run(&["revoke", self.grant]).await?
        } else {
            owner
                .run(&["rights", self.grant, "--views", &views])
                .await?
        };
        let out = match ran.code {
            OK | QUEUED => Some(Answer::Ok(Permitted {
                version: number(&ran.json["version"])?,
                delivered: ran.json["delivered"] == true,
            })),
            _ => None,
        };
        self.record(client, Op::Permit(Operation { arg, out }), call);
        Ok(())
    }

    async fn open(&self, client: &mut Client, viewer: &Person) -> anyhow::Result<()> {
        let call = self.run.port.elapsed();
        let ran = viewer
            .run(&["view", self.grant, "--yes", "--no-show"])
            .await?;
        let out = match ran.code {
            OK => Some(Answer::Ok(self.opened(&ran)?)),
            DENIED => Some(Answer::Refused(ErrorCode::Revoked)),
            USED_UP => Some(Answer::Refused(ErrorCode::UsedUp)),
            // Charged or not: it can be resumed.
            _ => None,
        };
        self.record(client, Op::Open(Operation { arg: (), out }), call);
        Ok(())
    }

    fn opened(&self, ran: &CommandResult) -> anyhow::Result<Opened> {
        let count = |key: &str| anyhow::Ok(u32::try_from(number(&ran.json[key])?)?);
        Ok(Opened {
            number: count("number")?,
            resumed: ran.json["resumed"] == true,
            used: count("used")?,
            left: count("left")?,
            genuine: ran.json["blake3"] == self.photo.to_string().as_str(),
        })
    }

    async fn shown(&self, client: &mut Client, owner: &Person) -> anyhow::Result<Option<Shown>> {
        let call = self.run.port.elapsed();
        let ran = owner.run(&["shared"]).await?;
        let rows = ran.json["grants"].as_array();
        let row = rows.and_then(|rows| rows.iter().find(|row| row["grant"] == self.grant));
        let shown = match row {
            Some(row) if ran.code == OK => Some(Shown {
                version: number(&row["version"])?,
                permitted: u32::try_from(number(&row["permitted"])?)?,
                used: u32::try_from(number(&row["used"])?)?,
                acknowledged: number(&row["acknowledged"])?,
                in_mailbox: row["in_mailbox"] == true,
            }),
            _ => None,
        };
        let out = shown.clone().map(Answer::Ok);
        self.record(client, Op::Shown(Operation { arg: (), out }), call);
        Ok(shown)
    }

    fn record(&self, client: &mut Client, op: Op, call: Micros) {
        client.record(self.key, op, call);
    }
}

/// The rights that the grant was made with.
fn record_first(run: &Arc<Run>, key: &Key) {
    let arg = PermitArg {
        permitted: FIRST_VIEWS,
        revoked: false,
    };
    let out = Some(Answer::Ok(Permitted {
        version: 1,
        delivered: true,
    }));
    Client::new(run, "journey begin").note(key, Op::Permit(Operation { arg, out }));
}

/// Repeats a command until it succeeds: nodes die meanwhile.
async fn until_ok(person: &Person, command: &[&str], end: Instant) -> anyhow::Result<Value> {
    loop {
        let ran = person.run(command).await?;
        if ran.code == OK {
            return Ok(ran.json);
        }
        anyhow::ensure!(
            Instant::now() < end,
            "{}: `cameo {}` still ends with {}: {}{}",
            person.name,
            command.join(" "),
            ran.code,
            ran.stdout,
            ran.stderr
        );
    }
}

fn text(value: &Value) -> anyhow::Result<String> {
    Ok(value
        .as_str()
        .context("the client's JSON lacks a text")?
        .to_owned())
}

fn number(value: &Value) -> anyhow::Result<u64> {
    value.as_u64().context("the client's JSON lacks a number")
}
