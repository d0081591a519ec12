//! Real nodes under CPU quotas: a leader without a quota, and workers with one each.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, ensure};
use cameo_common::ids::NodeId;
use cameo_dispatch::Policy;
use cameo_harness::{Binaries, Cluster, Process, until};
use tempfile::TempDir;

use super::cgroup::{Group, Groups};
use super::pinning;
use cameo_chaos::workload::{Nodes, User};

/// The CPU time of each job is in the nodes' logs.
const LOG: &str = "warn,openraft=error,cameo_cluster=info,cameo_cluster::jobs=debug";
/// Quota of a node until the leader is known: less than a core, so that it has one slot.
const INITIAL_QUOTA: u32 = 600;
/// Feature of `cameod` that adds the flags of baseline policies.
const BASELINES: &str = "cameo-cluster/baselines";
/// Time limit for a changed quota to appear in the leader's reports.
const REPORT_TIMEOUT: Duration = Duration::from_secs(20);

/// Placement settings of the nodes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PlacementSettings {
    pub policy: Policy,
    /// Interval at which the leader uses a worker's reports; zero for all of them.
    pub reports_every: Duration,
}

impl PlacementSettings {
    pub const OURS: PlacementSettings = PlacementSettings {
        policy: Policy::LeastProjected,
        reports_every: Duration::ZERO,
    };

    /// The flags of a node that places so.
    fn flags(self) -> Vec<OsString> {
        if self == PlacementSettings::OURS {
            return Vec::new();
        }
        let every = self.reports_every.as_millis().to_string();
        let policy = self.policy.name();
        ["--placement", policy, "--reports-every-ms", &every]
            .map(Into::into)
            .to_vec()
    }
}

/// A running cluster, its users, and its quotas.
#[derive(Debug)]
pub struct Testbed {
    pub cluster: Cluster,
    pub users: Vec<Arc<User>>,
    pub nodes: Arc<Nodes>,
    pub leader: NodeId,
    /// Millicores of each worker.
    pub quotas: BTreeMap<NodeId, u32>,
    by_node: BTreeMap<NodeId, Group>,
    // Dropped in this order: groups can be removed only after their processes.
    groups: Option<Groups>,
    folder: TempDir,
}

impl Testbed {
    /// Starts a leader and one worker per quota, and registers users. Fails when groups cannot be
    /// created, or nodes do not start.
    pub async fn start(
        quotas: &[u32],
        users: usize,
        settings: PlacementSettings,
    ) -> anyhow::Result<Self> {
        let mut groups = Groups::make()?;
        let group = |node| {
            let group = groups.group(&format!("node-{node}"))?;
            group.set_quota(Some(INITIAL_QUOTA))?;
            anyhow::Ok(Some(group))
        };
        let mut testbed = Self::nodes(quotas.len() as u64 + 1, settings, group).await?;
        testbed.groups = Some(groups);
        let followers = testbed.cluster.nodes.iter().map(|node| node.id);
        let followers = followers.filter(|id| *id != testbed.leader);
        testbed.quotas = followers.zip(quotas.iter().copied()).collect();
        testbed.apply_quotas().await?;
        testbed.register(users).await?;
        Ok(testbed)
    }

    /// Starts nodes that share the machine, and registers users.
    pub async fn start_without_quotas(
        nodes: u64,
        users: usize,
        settings: PlacementSettings,
    ) -> anyhow::Result<Self> {
        let mut testbed = Self::nodes(nodes, settings, |_| Ok(None)).await?;
        testbed.register(users).await?;
        Ok(testbed)
    }

    /// Starts nodes, each in its group if it has one.
    async fn nodes(
        count: u64,
        settings: PlacementSettings,
        mut group: impl FnMut(NodeId) -> anyhow::Result<Option<Group>>,
    ) -> anyhow::Result<Self> {
        let binaries = Binaries::build_with(&[BASELINES])?;
        if !settings.flags().is_empty() {
            knows_baselines(&binaries)?;
        }
        let folder = tempfile::tempdir()?;
        let mut cluster = Cluster::prepare(&binaries, folder.path(), count).await?;
        let mut by_node = BTreeMap::new();
        for node in &mut cluster.nodes {
            node.flags = settings.flags();
            node.log_filter = Some(LOG.to_owned());
            if let Some(group) = group(node.id)? {
                node.wrapper = group.command_prefix();
                by_node.insert(node.id, group);
            }
        }
        cluster.start_all().await?;
        let testbed = Self {
            quotas: BTreeMap::new(),
            nodes: Arc::new(Nodes::new(cluster.nodes.iter().map(url).collect())),
            users: Vec::new(),
            leader: cluster.leader().await?,
            cluster,
            by_node,
            groups: None,
            folder,
        };
        testbed.nodes.prefer(&testbed.leader_url()?);
        Ok(testbed)
    }

    async fn register(&mut self, users: usize) -> anyhow::Result<()> {
        for n in 0..users {
            let name = format!("client-{n}").parse()?;
            let user = User::register(&self.leader_url()?, name).await?;
            self.users.push(Arc::new(user));
        }
        Ok(())
    }

    /// Applies the quotas, and waits until the leader's reports contain them.
    async fn apply_quotas(&self) -> anyhow::Result<()> {
        for (node, group) in &self.by_node {
            group.set_quota(self.quotas.get(node).copied())?;
        }
        self.pin_all()?;
        until("reports with the new quotas", REPORT_TIMEOUT, || {
            self.reports_have_quotas()
        })
        .await?;
        Ok(())
    }

    /// Pins each worker to a core with enough capacity; the leader may use all cores.
    fn pin_all(&self) -> anyhow::Result<()> {
        let cores = pinning::cores()?;
        let assigned = pinning::assign_cores(&self.quotas, &cores);
        for node in &self.cluster.nodes {
            let process = node.process().and_then(Process::id);
            let process = process.context("every node runs")?;
            match assigned.get(&node.id) {
                Some(core) => pinning::pin(process, &[*core])?,
                None => pinning::pin(process, &cores)?,
            }
        }
        Ok(())
    }

    /// The core of a worker.
    pub fn core_of(&self, worker: NodeId) -> anyhow::Result<usize> {
        let assigned = pinning::assign_cores(&self.quotas, &pinning::cores()?);
        assigned
            .get(&worker)
            .copied()
            .context("a worker has a core")
    }

    async fn reports_have_quotas(&self) -> Option<()> {
        let status = self.cluster.node(self.leader)?.status().await?;
        let members = status["members"].as_array()?;
        let reported = |id: NodeId| {
            let member = members.iter().find(|member| member["id"] == id.0)?;
            member["load"]["quota_millicores"].as_u64()
        };
        let all = self
            .quotas
            .iter()
            .all(|(id, quota)| reported(*id) == Some(u64::from(*quota)));
        all.then_some(())
    }

    /// Base URL of the leader.
    pub fn leader_url(&self) -> anyhow::Result<String> {
        let leader = self
            .cluster
            .node(self.leader)
            .context("the leader is a node")?;
        Ok(url(leader))
    }

    /// The group of a node.
    pub fn group(&self, node: NodeId) -> anyhow::Result<&Group> {
        self.by_node.get(&node).context("each node has a group")
    }

    /// Kills the leader and restarts it with the quota of its successor, whose quota is removed.
    pub async fn change_leader(&mut self) -> anyhow::Result<()> {
        let old = self.leader;
        let node = self.cluster.node_mut(old).context("the leader is a node")?;
        node.kill().await?;
        self.leader = self.cluster.leader().await?;
        let quota = self.quotas.remove(&self.leader);
        let quota = quota.context("the new leader was a worker")?;
        self.quotas.insert(old, quota);
        self.group(self.leader)?.set_quota(None)?;
        self.group(old)?.set_quota(Some(quota))?;
        let node = self.cluster.node_mut(old).context("it is still a node")?;
        node.start().await?;
        self.pin_all()
    }

    /// Kills all nodes.
    pub async fn stop(mut self) -> anyhow::Result<()> {
        for node in &mut self.cluster.nodes {
            node.kill().await?;
        }
        drop((self.groups, self.folder));
        Ok(())
    }
}

fn url(node: &cameo_harness::Node) -> String {
    format!("https://{}", node.http)
}

/// Whether `cameod` was built with the feature.
fn knows_baselines(binaries: &Binaries) -> anyhow::Result<()> {
    let output = Command::new(&binaries.node)
        .args(["--placement", Policy::One.name(), "--version"])
        .output()?;
    ensure!(
        output.status.success(),
        "{} places by no baseline policy: build it with `--features {BASELINES}`",
        binaries.node.display()
    );
    Ok(())
}
