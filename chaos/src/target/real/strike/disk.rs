//! Faults of disks.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::process::{end, launch, sign, sign_until};
use super::{Signs, Strike};
use crate::faults::{Kind, Strength};
use crate::history::Struck;
use crate::target::real::boot::{boot_file, new_boot};
use crate::target::real::disk::{Disk, Trouble};
use crate::target::real::member::Member;

/// A start reads its files in this time.
const READS_WITHIN: Duration = Duration::from_secs(5);
/// Most starts until a node reads a damaged bit.
const STARTS: u64 = 8;

const NO_DISK: &str = "it has no disk of its own";

/// The machine of each victim stops at once, and starts when the fault ends, without what its disk
/// had not synced.
pub(super) async fn power_failure(strike: &Strike<'_>) -> Struck {
    let mut signs = Signs::new();
    let members = strike.members();
    for member in &members {
        if let Some(disk) = &member.disk {
            disk.fail_power();
        }
    }
    let ends = members.iter().map(|member| lose_power(strike, member));
    for (member, ended) in members
        .iter()
        .zip(futures_util::future::join_all(ends).await)
    {
        match ended {
            Ok((bit, seen)) => signs.add(bit, format!("node {} {seen}", member.id)),
            Err(why) => signs.add(false, format!("node {}: {why}", member.id)),
        }
    }
    strike.hold().await;
    for member in &members {
        launch(strike.world, member).await;
    }
    signs.struck()
}

/// Kills the process whose disk has failed, and takes back what was not synced.
async fn lose_power(strike: &Strike<'_>, member: &Member) -> Result<(bool, String), String> {
    let disk = member.disk.as_ref().ok_or(NO_DISK)?;
    let before = disk.counts();
    let killed = end_without_power(member, disk).await;
    let tear = match strike.planned.strength {
        Strength::Where(tear) if strike.planned.kind == Kind::TornTail => Some(tear),
        _ => None,
    };
    let after = disk.restore_power(tear).map_err(|why| why.to_string())?;
    new_boot(&boot_file(&member.folder)).map_err(|why| why.to_string())?;
    killed?;
    let lost = after.lost - before.lost;
    let torn = after.torn - before.torn;
    let bit = tear.is_none() || torn > 0;
    let seen = match tear {
        Some(_) => format!("lost {lost} unsynced changes, and {torn} write was torn"),
        None => format!("lost {lost} unsynced changes"),
    };
    Ok((bit, seen))
}

/// The kill comes first: nothing that the disk answers is heard by anybody.
async fn end_without_power(member: &Member, disk: &Disk) -> Result<(), String> {
    let id = member.process_id().await;
    let sent = id.map(crate::target::real::owner::kill_now);
    disk.let_die();
    let ended = end(member, true).await;
    match sent {
        Some(true) => Ok(()),
        _ => ended.map(|_| ()),
    }
}

/// A disk that fails, is full, or is slow, until the fault ends. A node may end of it, and then has
/// to come back.
pub(super) async fn trouble(strike: &Strike<'_>) -> Struck {
    let trouble = match (strike.planned.kind, strike.planned.strength) {
        (_, Strength::Delay(by)) => Trouble::SlowSync(by),
        (Kind::DiskFull, _) => Trouble::Full,
        (Kind::FailingSync, _) => Trouble::FailingSync,
        _ => Trouble::Error,
    };
    let mut signs = Signs::new();
    let members = strike.members();
    for member in &members {
        member.may_end.begin();
        if let Some(disk) = &member.disk {
            disk.set(trouble);
        }
    }
    let befores: Vec<_> = members.iter().map(|member| touched(member)).collect();
    strike.hold().await;
    // A node without a leader has nothing to sync: one slow disk of all is a sign.
    let all = members.iter().zip(&befores);
    let somewhere = || {
        all.clone()
            .any(|(member, before)| touched(member) > *before)
    };
    let is_slow =
        matches!(trouble, Trouble::SlowSync(_)) && sign(strike, async || somewhere()).await;
    for (member, &before) in members.iter().zip(&befores) {
        let bit = is_slow || sign(strike, async || touched(member) > before).await;
        let calls = touched(member).saturating_sub(before);
        signs.add(
            bit,
            format!("the disk of node {} did that to {calls} calls", member.id),
        );
    }
    for member in &members {
        if let Some(disk) = &member.disk {
            disk.set(Trouble::None);
        }
        bring_back(strike, member, &mut signs).await;
    }
    signs.struck()
}

/// Calls that a disk in trouble has refused or kept waiting, or answered that it is full.
fn touched(member: &Member) -> u64 {
    let counts = member.disk.as_ref().map(Disk::counts);
    counts.map_or(0, |counts| {
        counts.refused + counts.slow_syncs + counts.told_full
    })
}

/// A node that has ended is started; one that goes on may not end any more.
async fn bring_back(strike: &Strike<'_>, member: &Arc<Member>, signs: &mut Signs) {
    let ended = {
        let mut node = member.node.lock().await;
        node.process.as_mut().and_then(|process| process.ended())
    };
    if let Some(status) = ended {
        signs.add(true, format!("node {} ended with {status}", member.id));
    }
    launch(strike.world, member).await;
    member.may_end.over();
}

/// A node that was killed finds a bit of a file turned around when it starts. It may notice, and
/// stop; when the bit is as it was, it has to come back.
pub(super) async fn bit_flip(strike: &Strike<'_>) -> Struck {
    let mut signs = Signs::new();
    let Strength::Where(choice) = strike.planned.strength else {
        signs.add(false, "no bit was chosen");
        return signs.struck();
    };
    for member in strike.members() {
        member.may_end.begin();
        let (bit, seen) = damage_until_read(strike, &member, choice).await;
        signs.add(bit, seen);
        bring_back(strike, &member, &mut signs).await;
    }
    signs.struck()
}

/// Where there is nothing to damage yet, or too little of it is read, another start reads another
/// folder.
async fn damage_until_read(strike: &Strike<'_>, member: &Member, choice: u64) -> (bool, String) {
    let mut last = String::new();
    for start in 0..STARTS {
        let choice = choice.wrapping_add(start);
        let damaged = damage(strike, member, choice).await;
        if let Some(disk) = &member.disk {
            disk.mend();
        }
        match damaged {
            Ok((true, seen)) => return (true, seen),
            Ok((false, seen)) => last = seen,
            Err(why) => last = format!("node {}: {why}", member.id),
        }
    }
    (false, last)
}

async fn damage(
    strike: &Strike<'_>,
    member: &Member,
    choice: u64,
) -> Result<(bool, String), String> {
    let disk = member.disk.as_ref().ok_or(NO_DISK)?;
    let (folder, another_boot) = match choice % 4 {
        0 => ("wal", false),
        1 => ("state-", false),
        2 => ("wal", true),
        _ => ("snapshots", true),
    };
    // It may have ended by itself, or by the start before.
    drop(end(member, true).await);
    let before = disk.counts().damaged_reads;
    if !disk.damage(folder, choice).map_err(|why| why.to_string())? {
        return Err(format!("it has no closed file in {folder}"));
    }
    if another_boot {
        new_boot(&boot_file(&member.folder)).map_err(|why| why.to_string())?;
    }
    launch(strike.world, member).await;
    let read = async || disk.counts().damaged_reads > before;
    let bit = sign_until(Instant::now() + READS_WITHIN, read).await;
    if bit {
        strike.hold().await;
    }
    let reads = disk.counts().damaged_reads - before;
    let file = disk.damaged().unwrap_or_default();
    let seen = format!(
        "node {} read {} damaged {reads} times",
        member.id,
        file.display()
    );
    Ok((bit, seen))
}
