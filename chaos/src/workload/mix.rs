//! All workloads of a run, and what is read once the cluster has healed.

use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use cameo_common::ids::UserName;
use tokio::task::JoinSet;
use tokio::time::Instant;

use super::client::Client;
use super::grant::Grant;
use super::person::Person;
use super::run::Run;
use super::{directory, dispatch, endings, held, ledger, mailbox, visits};

/// Pairs of people of the ledger's workload.
const LEDGER_PAIRS: usize = 2;
/// Pairs of the workload of rights.
const RIGHTS_PAIRS: usize = 2;
/// Groups of claimants of the directory's workload.
const DIRECTORY_GROUPS: usize = 1;
/// Clients with jobs.
const JOB_CLIENTS: usize = 1;
/// Time that a viewer stays online after the cluster has healed, at most.
const DRAINED_WITHIN: Duration = Duration::from_secs(30);
/// Time that a viewer stays on one stream.
const ONE_STREAM: Duration = Duration::from_secs(2);
/// Reads of one object after the cluster has healed, of which each node answers one.
const LAST_ATTEMPTS: usize = 40;

/// A part of the workload.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Workload {
    Directory,
    Rights,
    Ledger,
    Dispatch,
    Endings,
    /// Two people with the real client: only where there are real processes.
    Journey,
}

/// A name that is no workload.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "no workload is called {0}: there are directory, rights, ledger, dispatch, endings, and on \
     real nodes journey"
)]
pub struct UnknownWorkload(String);

impl Workload {
    /// All of them.
    pub const ALL: [Self; 6] = [
        Self::Directory,
        Self::Rights,
        Self::Ledger,
        Self::Dispatch,
        Self::Endings,
        Self::Journey,
    ];
    /// Those that need no processes.
    pub const CALLS: [Self; 5] = [
        Self::Directory,
        Self::Rights,
        Self::Ledger,
        Self::Dispatch,
        Self::Endings,
    ];

    /// As `--workload` and the history name it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Directory => "directory",
            Self::Rights => "rights",
            Self::Ledger => "ledger",
            Self::Dispatch => "dispatch",
            Self::Endings => "endings",
            Self::Journey => "journey",
        }
    }
}

impl FromStr for Workload {
    type Err = UnknownWorkload;
    fn from_str(text: &str) -> Result<Self, UnknownWorkload> {
        Self::ALL
            .into_iter()
            .find(|workload| workload.name() == text)
            .ok_or_else(|| UnknownWorkload(text.to_owned()))
    }
}

/// What was made in a run.
#[derive(Debug, Default)]
pub struct Made {
    names: Vec<UserName>,
    grants: Vec<Arc<Grant>>,
    /// Grants whose viewer follows their stream.
    mailed: Vec<Arc<Grant>>,
    /// People who went online and were not heard of again.
    gone: Vec<UserName>,
    /// Whether jobs were run.
    jobs: bool,
}

enum Part {
    Names(Vec<UserName>),
    Grants(Vec<Arc<Grant>>),
    Mailed(Vec<Arc<Grant>>),
    Gone(Vec<UserName>),
    Jobs,
}

/// Runs these workloads side by side until the time is over. A journey is begun, and run, by a
/// [`super::Journey`].
pub async fn work(run: &Arc<Run>, workloads: &[Workload], until: Instant) -> Made {
    let mut parts = JoinSet::new();
    for workload in workloads {
        let run = || run.clone();
        match workload {
            Workload::Directory => {
                for group in 0..DIRECTORY_GROUPS {
                    let names = directory::work(run(), group, until);
                    parts.spawn(async { Part::Names(names.await) });
                }
            }
            Workload::Rights => {
                for pair in 0..RIGHTS_PAIRS {
                    let grants = mailbox::work(run(), pair, until);
                    parts.spawn(async { Part::Mailed(grants.await) });
                }
                let gone = visits::work(run(), until);
                parts.spawn(async { Part::Gone(gone.await) });
            }
            Workload::Ledger => {
                for pair in 0..LEDGER_PAIRS {
                    let grants = ledger::work(run(), pair, until);
                    parts.spawn(async { Part::Grants(grants.await) });
                }
            }
            Workload::Journey => {}
            Workload::Endings => {
                let grants = endings::work(run(), until);
                parts.spawn(async { Part::Grants(grants.await) });
            }
            Workload::Dispatch => {
                for client in 0..JOB_CLIENTS {
                    let jobs = dispatch::work(run(), client, until);
                    parts.spawn(async {
                        jobs.await;
                        Part::Jobs
                    });
                }
            }
        }
    }
    let mut made = Made::default();
    for part in parts.join_all().await {
        match part {
            Part::Names(names) => made.names.extend(names),
            Part::Grants(grants) => made.grants.extend(grants),
            Part::Mailed(grants) => made.mailed.extend(grants),
            Part::Gone(gone) => made.gone.extend(gone),
            Part::Jobs => made.jobs = true,
        }
    }
    made
}

/// Reads everything once more, after the cluster has healed: each name and each grant, and each
/// mailbox is emptied by its viewer.
pub async fn read_all(run: &Arc<Run>, made: &Made) {
    let mut readers = JoinSet::new();
    for grant in &made.mailed {
        let (run, grant) = (run.clone(), grant.clone());
        readers.spawn(async move { drain(&run, &grant).await });
    }
    while readers.join_next().await.is_some() {}
    let mut client = Client::new(run, "last reads");
    if let Some(grant) = made.grants.last() {
        ledger::last_view(&mut client, grant).await;
    }
    for grant in made.grants.iter().chain(&made.mailed) {
        for _ in 0..LAST_ATTEMPTS {
            let node = client.any_node();
            let owner = &grant.owner.devices[0];
            let read = grant.usage(&mut client, owner, node).await;
            if read.ok().is_some() && grant.log(&mut client, node).await.ok().is_some() {
                break;
            }
        }
    }
    read_names(&mut client, made).await;
    if made.jobs {
        held::look(&mut client).await;
    }
    visits::look(&mut client, &made.gone).await;
}

async fn read_names(client: &mut Client, made: &Made) {
    if made.names.is_empty() {
        return;
    }
    let Some(reader) = reader(client, "last-reader").await else {
        return;
    };
    for name in &made.names {
        for _ in 0..3 {
            directory::look_up(client, &reader.devices[0], name).await;
        }
    }
}

/// Somebody who may look others up.
pub(super) async fn reader(client: &mut Client, name: &str) -> Option<Person> {
    let reader = Person::new(client, name.parse().ok()?, 1);
    for _ in 0..LAST_ATTEMPTS {
        if reader.register_all(client).await {
            return Some(reader);
        }
    }
    None
}

/// The viewer stays online and acknowledges everything, until the ledger says that nothing waits.
async fn drain(run: &Arc<Run>, grant: &Grant) {
    let mut client = Client::new(run, &format!("drain {}", grant.id));
    let end = Instant::now() + DRAINED_WITHIN;
    let mut highest = 0;
    while Instant::now() < end {
        let leave = end.min(Instant::now() + ONE_STREAM);
        highest = mailbox::online(&mut client, grant, highest, leave, 100).await;
        let node = client.any_node();
        let read = grant
            .usage(&mut client, &grant.viewer.devices[0], node)
            .await;
        if read.ok().is_some_and(|usage| !usage.in_mailbox) {
            break;
        }
    }
}
