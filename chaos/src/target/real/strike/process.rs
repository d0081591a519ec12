//! Faults of processes.

use std::os::unix::process::ExitStatusExt as _;
use std::process::ExitStatus;
use std::sync::Arc;
use std::time::Duration;

use cameo_harness::ProcessError;
use rustix::process::{Pid, Resource, Rlimit, prlimit};
use tokio::net::TcpStream;
use tokio::time::{Instant, sleep};

use super::{Signs, Strike};
use crate::history::Struck;
use crate::target::real::may_end::End;
use crate::target::real::member::Member;
use crate::target::real::stat::Stat;
use crate::target::real::world::World;

const SIGKILL: i32 = 9;
const SIGTERM: u32 = 15;
/// Longest wait until a process that has just begun hears that it should stop.
const HEARS_WITHIN: Duration = Duration::from_secs(5);
/// Longest wait for a sign of a fault, beyond its end.
const LINGER: Duration = Duration::from_secs(3);
/// Interval between two looks for a sign.
const LOOK_EVERY: Duration = Duration::from_millis(50);
/// Connections that wait for each descriptor that a node closes.
const IDLE_CONNECTIONS: usize = 64;

/// Waits until there is a sign, at most a while beyond the fault's planned end.
pub(super) async fn sign(strike: &Strike<'_>, look: impl AsyncFnMut() -> bool) -> bool {
    sign_until(strike.ends + LINGER, look).await
}

/// Waits until there is a sign.
pub(super) async fn sign_until(end: Instant, mut look: impl AsyncFnMut() -> bool) -> bool {
    loop {
        if look().await {
            return true;
        }
        if Instant::now() >= end {
            return false;
        }
        sleep(LOOK_EVERY).await;
    }
}

/// Starts the struck nodes again.
pub(super) async fn launch_all(strike: &Strike<'_>) {
    for member in strike.members() {
        launch(strike.world, &member).await;
    }
}

pub(super) async fn launch(world: &World, member: &Member) {
    if let Err(why) = member.launch().await {
        world.complain(why.to_string());
    }
}

/// Ends a process; how it ended, or why that is not known.
pub(super) async fn end(member: &Member, by_kill: bool) -> Result<ExitStatus, String> {
    let process = member.node.lock().await.process.take();
    let mut process = process.ok_or("it did not run")?;
    if let Some(status) = process.ended() {
        return Err(format!("it had ended before: {status}"));
    }
    let ended = if by_kill {
        process.kill().await
    } else {
        wait_until_it_hears(process.id()).await;
        process.stop().await
    };
    ended.map_err(|why: ProcessError| why.to_string())
}

/// A process that has hardly begun dies of the signal: it does not catch it yet.
async fn wait_until_it_hears(id: Option<u32>) {
    let Some(id) = id else { return };
    sign_until(Instant::now() + HEARS_WITHIN, async || {
        let status = std::fs::read_to_string(format!("/proc/{id}/status"));
        status.is_ok_and(|status| catches(&status, SIGTERM))
    })
    .await;
}

/// Whether a process catches a signal, by its `/proc/ID/status`: proc(5), `SigCgt`.
fn catches(status: &str, signal: u32) -> bool {
    let mut fields = status.lines().filter_map(|line| line.split_once(':'));
    let caught = fields.find(|(name, _)| *name == "SigCgt");
    let mask = caught.and_then(|(_, mask)| u64::from_str_radix(mask.trim(), 16).ok());
    mask.is_some_and(|mask| mask & (1 << (signal - 1)) != 0)
}

/// Has a process end in order. Where it ends otherwise, that is no fault of the node only if
/// another fault is upon it that may end it.
pub(super) async fn end_in_order(world: &World, member: &Member) -> Result<ExitStatus, String> {
    let ended = end(member, false).await;
    let wrong = match &ended {
        Ok(status) if status.success() => None,
        Ok(status) => Some(format!("{status}: {}", member.log_end())),
        Err(why) => Some(why.clone()),
    };
    if let Some(wrong) = wrong
        && member.may_end.end() == End::Fault
    {
        world.complain(format!("node {} was asked to stop: {wrong}", member.id));
    }
    ended
}

/// The struck nodes. One that still died of a fault before runs again.
async fn running(strike: &Strike<'_>) -> Vec<Arc<Member>> {
    let members = strike.members();
    for member in &members {
        if member.may_end.end() == End::Late {
            launch(strike.world, member).await;
        }
    }
    members
}

pub(super) async fn kill(strike: &Strike<'_>) -> Struck {
    let mut signs = Signs::new();
    let members = running(strike).await;
    let ends = members
        .iter()
        .map(async |member| (member, end(member, true).await));
    for (member, ended) in futures_util::future::join_all(ends).await {
        match ended {
            Ok(status) => signs.add(
                status.signal() == Some(SIGKILL),
                format!("node {} ended by {status}", member.id),
            ),
            Err(why) => signs.add(false, format!("node {}: {why}", member.id)),
        }
    }
    strike.hold().await;
    launch_all(strike).await;
    signs.struck()
}

pub(super) async fn stop(strike: &Strike<'_>) -> Struck {
    let mut signs = Signs::new();
    let members = running(strike).await;
    let ends = members.iter().map(async |member| {
        let ended = end_in_order(strike.world, member).await;
        (member, ended)
    });
    for (member, ended) in futures_util::future::join_all(ends).await {
        let (bit, how) = match ended {
            Ok(status) => (true, format!("stopped with {status}")),
            Err(why) => (member.may_end.end() != End::Fault, why),
        };
        signs.add(bit, format!("node {} {how}", member.id));
    }
    strike.hold().await;
    launch_all(strike).await;
    signs.struck()
}

pub(super) async fn pause(strike: &Strike<'_>) -> Struck {
    let mut signs = Signs::new();
    let members = strike.members();
    for member in &members {
        let node = member.node.lock().await;
        let paused = node
            .process()
            .map(|process| (process.pause(), process.id()));
        drop(node);
        match paused {
            Some((Ok(()), Some(id))) => {
                let stopped = sign(strike, async || is_stopped(id)).await;
                signs.add(stopped, format!("node {} in state T", member.id));
            }
            _ => signs.add(false, format!("node {} did not run", member.id)),
        }
    }
    strike.hold().await;
    for member in &members {
        let node = member.node.lock().await;
        if let Some(Err(why)) = node.process().map(cameo_harness::Process::resume) {
            strike.world.complain(why.to_string());
        }
    }
    signs.struck()
}

fn is_stopped(id: u32) -> bool {
    Stat::of(id).is_some_and(|stat| stat.state == 'T')
}

/// The nodes have to go on without anybody who reads their logs. They are started again at the end,
/// so that what follows is in the logs.
pub(super) async fn log_reader_gone(strike: &Strike<'_>) -> Struck {
    let mut signs = Signs::new();
    for member in strike.members() {
        let mut node = member.node.lock().await;
        let closed = node
            .process
            .as_mut()
            .is_some_and(|process| process.close_log());
        signs.add(
            closed,
            format!("node {} writes its log to nobody", member.id),
        );
    }
    strike.hold().await;
    for member in strike.members() {
        // It complains itself.
        drop(end_in_order(strike.world, &member).await);
    }
    launch_all(strike).await;
    signs.struck()
}

/// The limit is lowered to what is open: a node may end, and then has to come back.
pub(super) async fn descriptors(strike: &Strike<'_>) -> Struck {
    let mut signs = Signs::new();
    let members = strike.members();
    let mut held = Vec::new();
    for member in &members {
        member.may_end.begin();
        let Some(id) = member.process_id().await else {
            signs.add(false, format!("node {} did not run", member.id));
            continue;
        };
        let (limited, full, idle) = use_up(strike, member, id).await;
        held.push(idle);
        let what = format!("node {} at its limit of {limited}", member.id);
        signs.add(full, what);
    }
    strike.hold().await;
    drop(held);
    for member in &members {
        if let Some(id) = member.process_id().await {
            limit(id, None);
        }
        launch(strike.world, member).await;
        member.may_end.over();
    }
    signs.struck()
}

/// Lowers the limit to what is open, and takes up what is closed from then on, until the process
/// does not answer any more, or has ended of it.
async fn use_up(strike: &Strike<'_>, member: &Member, id: u32) -> (u64, bool, Vec<TcpStream>) {
    let open = open_descriptors(id).unwrap_or_default();
    limit(id, Some(open));
    let mut idle = Vec::new();
    for _ in 0..IDLE_CONNECTIONS {
        idle.extend(member.dialer.connect(member.http).await);
    }
    let path = cameo_common::api::paths::STATUS;
    let full = sign(strike, async || {
        member.ask::<serde_json::Value>(path).await.is_none()
    });
    (open, full.await, idle)
}

fn open_descriptors(id: u32) -> Option<u64> {
    let open = std::fs::read_dir(format!("/proc/{id}/fd")).ok()?;
    u64::try_from(open.count()).ok()
}

/// Sets how many descriptors the process may have; None as many as it is allowed to.
fn limit(id: u32, most: Option<u64>) {
    let Some(id) = i32::try_from(id).ok().and_then(Pid::from_raw) else {
        return;
    };
    let now = rustix::process::getrlimit(Resource::Nofile);
    let limit = Rlimit {
        current: most.or(now.current),
        maximum: now.maximum,
    };
    // A process that has ended has no limits.
    let _ended = prlimit(Some(id), Resource::Nofile, limit);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_that_has_hardly_begun_does_not_catch_the_signal_to_stop() {
        let status =
            |caught| format!("Name:\tcameod\nSigIgn:\t0000000000001000\nSigCgt:\t{caught}\n");
        assert!(!catches(&status("0000000000000000"), SIGTERM));
        assert!(catches(&status("0000000100004002"), SIGTERM));
        assert!(!catches("", SIGTERM));
    }
}
