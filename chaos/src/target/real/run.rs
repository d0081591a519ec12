//! One run from start to end.

use std::fs::File;
use std::io::BufReader;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use cameo_common::ids::{Millis, NodeId};
use cameo_harness::{Binaries, Person};
use tokio::task::JoinSet;
use tokio::time::{Instant, timeout};

use super::guard::guard;
use super::members::Members;
use super::network::NetworkBy;
use super::observe::{look, observe};
use super::place::{Places, Wanted};
use super::port::{RealPort, unix_now};
use super::strike::carry_out;
use super::world::World;
use crate::faults::{Kind, plan};
use crate::history::{
    Begin, FORMAT, FaultArg, Happened, History, Key, Micros, Op, Operation, Recorder, read,
};
use crate::workload::{Journey, Run, Workload, read_all, work};

/// Longest time until a new cluster has formed.
const FORMS_WITHIN: Duration = Duration::from_secs(60);
/// Longest time of the reads after the end.
const READS_WITHIN: Duration = Duration::from_secs(240);
/// The photo of the journey.
const PHOTO: &[u8] = include_bytes!("../../../../photos/friends_by_Aitzol_Berasategi.jpg");
/// The client number of rows about the run itself.
const CLIENT: u64 = 1 << 42;

/// How a run is made.
#[derive(Debug, Clone)]
pub struct Options {
    pub nodes: u64,
    pub lasts: Duration,
    pub seed: u64,
    pub kinds: Vec<Kind>,
    pub network: NetworkBy,
    pub workloads: Vec<Workload>,
    /// A new folder for the history, the logs and the nodes' data.
    pub out: PathBuf,
    /// `cameod`.
    pub program: PathBuf,
    /// `cameo`, for the journey.
    pub client: Option<PathBuf>,
    /// Another build of it, for rolling restarts.
    pub other_build: Option<PathBuf>,
    /// The command that makes the run again.
    pub command: String,
}

/// What came of a run.
#[derive(Debug)]
pub struct Outcome {
    pub history: History,
    pub file: PathBuf,
    /// Faults that this machine or this cluster cannot have, with why.
    pub skipped: Vec<(Kind, String)>,
    /// What carried the links between nodes.
    pub network: &'static str,
    /// What must not be, beside the laws: a node that ends by itself, or does not stop.
    pub problems: Vec<String>,
}

/// Makes a run.
///
/// # Errors
/// When it cannot be made: there is no cluster to judge.
pub async fn run(options: &Options) -> anyhow::Result<Outcome> {
    std::fs::create_dir_all(&options.out)?;
    // Namespaces and mounts have paths of their own.
    let out = options.out.canonicalize()?;
    let file = out.join("history.jsonl");
    let recorder = Recorder::create(&file)
        .with_context(|| format!("{} belongs to another run", file.display()))?;
    let world = start(options, &out, recorder.clone()).await?;
    record_begin(&world, options);
    let skipped = record_skipped(&world, options);
    let network = world.places.network().name();
    let finished = go(&world, options, recorder, &skipped).await;
    if let Err(why) = &finished {
        world.complain(format!("{why:#}"));
    }
    stop_all(&world).await;
    world.flush();
    let problems = world.problems();
    drop(world);
    Ok(Outcome {
        history: read(BufReader::new(File::open(&file)?))?,
        file,
        skipped,
        network,
        problems,
    })
}

/// Starts the nodes, and waits until they have formed a cluster.
async fn start(options: &Options, out: &Path, recorder: Recorder) -> anyhow::Result<Arc<World>> {
    let places = Places::find(Wanted {
        folder: out,
        program: &options.program,
        nodes: options.nodes,
        seed: options.seed,
        kinds: &options.kinds,
        network: options.network,
    });
    let places = places.await?;
    eprintln!("network: {}", places.network());
    let members = Arc::new(Members::default());
    let founders: Vec<_> = (1..=options.nodes).map(NodeId).collect();
    for id in &founders {
        let member = members.add(places.founder(*id)?);
        member.launch().await?;
    }
    timeout(FORMS_WITHIN, members.agreed())
        .await
        .context("the cluster does not form in time")??;
    let other_build = options.other_build.clone();
    Ok(Arc::new(World::new(
        members,
        founders,
        places,
        other_build,
        recorder,
    )))
}

fn record_begin(world: &World, options: &Options) {
    let begin = Begin {
        format: FORMAT,
        target: "real".to_owned(),
        seed: options.seed,
        nodes: options.nodes,
        started: Millis(unix_now()),
        workloads: options
            .workloads
            .iter()
            .map(|workload| workload.name().to_owned())
            .collect(),
        command: options.command.clone(),
        liars: Vec::new(),
    };
    let op = Op::Begin(Operation {
        arg: begin,
        out: Some(Happened {}),
    });
    world.record(CLIENT, Key(String::new()), op, Micros(0));
}

/// The faults that cannot be had, each with a row.
fn record_skipped(world: &World, options: &Options) -> Vec<(Kind, String)> {
    let mut skipped = Vec::new();
    for kind in &options.kinds {
        let no_build = || match &world.other_build {
            _ if *kind != Kind::RollingRestart => None,
            Some(other) => world.places.why_not_as(other),
            None => Some("there is no other build: give one by --other-build".to_owned()),
        };
        let why = kind.impossible(options.nodes).map(str::to_owned);
        let Some(why) = why
            .or_else(|| world.places.why_not(*kind))
            .or_else(no_build)
        else {
            continue;
        };
        let op = Op::Skipped(Operation {
            arg: FaultArg {
                kind: kind.name().to_owned(),
                on: String::new(),
            },
            out: Some(why.clone()),
        });
        world.record(CLIENT, Key(String::new()), op, world.elapsed());
        skipped.push((*kind, why));
    }
    skipped
}

/// Clients work while faults strike; then everything is whole again, and read once more.
async fn go(
    world: &Arc<World>,
    options: &Options,
    recorder: Recorder,
    skipped: &[(Kind, String)],
) -> anyhow::Result<()> {
    let mut watchers = JoinSet::new();
    watchers.spawn(observe(world.clone()));
    watchers.spawn(guard(world.clone()));
    let port = RealPort::new(
        world.members.clone(),
        world.founders.clone(),
        world.clients_cut.clone(),
        world.began,
    );
    let clients = Run::begin(Arc::new(port), recorder, options.seed).await?;
    let mut plan = plan(options.seed, options.lasts, options.nodes, &options.kinds);
    plan.retain(|planned| skipped.iter().all(|(kind, _)| *kind != planned.kind));
    let until = world.began + options.lasts;
    let (made, healed, journey) = tokio::join!(
        work(&clients, &options.workloads, until),
        async {
            carry_out(world, plan).await;
            heal(world).await
        },
        journey(world, options, &clients, until)
    );
    healed?;
    if let Some(journey) = journey.context("the journey")? {
        let finished = timeout(READS_WITHIN, journey.finish()).await;
        finished.context("the journey does not end")??;
    }
    timeout(READS_WITHIN, read_all(&clients, &made))
        .await
        .context("the last reads do not end")?;
    last_states(world).await
}

/// Two people share with the real client, if that is wanted.
async fn journey(
    world: &World,
    options: &Options,
    clients: &Arc<Run>,
    until: Instant,
) -> anyhow::Result<Option<Journey>> {
    if !options.workloads.contains(&Workload::Journey) {
        return Ok(None);
    }
    let client = options.client.clone();
    let binaries = Binaries {
        node: options.program.clone(),
        client: client.context("it needs the client's program")?,
    };
    let folder = options.out.canonicalize()?.join("people");
    std::fs::create_dir_all(&folder)?;
    let photo = folder.join("photo.jpg");
    std::fs::write(&photo, PHOTO)?;
    let urls = world.members.urls(clients.cluster);
    let person = |name| {
        let mut person = Person::new(&binaries, &folder, name)?;
        // An agent outlives this process if that is killed.
        person.environment = vec![world.places.mark()];
        Ok::<_, anyhow::Error>(person)
    };
    let people = [person("ada")?, person("ben")?];
    let mut journey = Journey::begin(clients.clone(), people, &urls, &photo).await?;
    journey.work(until).await?;
    Ok(Some(journey))
}

/// All faults are over: waits until the nodes agree, and says so in the history.
async fn heal(world: &Arc<World>) -> anyhow::Result<()> {
    let call = world.elapsed();
    let agreed = world.members.agreed().await;
    agreed.context("after all faults were over")?;
    let op = Op::Healed(Operation {
        arg: (),
        out: Some(Happened {}),
    });
    world.record(CLIENT, Key(String::new()), op, call);
    let at = world.age().as_secs_f64();
    eprintln!("{at:7.1} s  healed: all nodes run and agree");
    Ok(())
}

/// The states of all nodes at one index (law D3).
async fn last_states(world: &Arc<World>) -> anyhow::Result<()> {
    let states = world.members.states().await?;
    for (node, _) in &states {
        if let Some(member) = world.members.get(*node) {
            look(world, &member, true).await;
        }
    }
    Ok(())
}

/// Each node is asked to stop, and has to.
async fn stop_all(world: &Arc<World>) {
    let members = world.members.all();
    let stops = members.iter().map(|member| async {
        let mut node = member.node.lock().await;
        if let Err(why) = node.stop().await {
            world.complain(why.to_string());
        }
    });
    futures_util::future::join_all(stops).await;
}
