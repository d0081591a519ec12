//! Rolling restarts: each node in turn goes on as another build.

use std::path::Path;
use std::time::Duration;

use cameo_common::api::{NodeStatus, paths};
use cameo_harness::until;

use super::process::{end_in_order, launch};
use super::{Signs, Strike};
use crate::history::Struck;

/// Longest wait until a restarted node has caught up with a leader; then the next has its turn.
const SERVES_WITHIN: Duration = Duration::from_secs(20);

/// From our build to the other, or back to ours if the other runs.
pub(super) async fn rolling(strike: &Strike<'_>) -> Struck {
    let mut signs = Signs::new();
    let Some(other) = &strike.world.other_build else {
        signs.add(false, "there is no other build");
        return signs.struck();
    };
    for member in strike.members() {
        let ours = strike.world.places.program();
        let next = if *member.program.lock() == ours {
            other.clone()
        } else {
            ours.to_owned()
        };
        // It complains itself.
        drop(end_in_order(strike.world, &member).await);
        member.program.lock().clone_from(&next);
        launch(strike.world, &member).await;
        let served = until("a restarted node to serve", SERVES_WITHIN, async || {
            let status: NodeStatus = member.ask(paths::STATUS).await?;
            status.leader.map(|_| ())
        });
        if served.await.is_err() {
            let what = format!("node {} does not serve after its restart", member.id);
            strike
                .world
                .complain(format!("{what}: {}", member.log_end()));
        }
        let runs = match member.process_id().await {
            Some(id) => program_of(id).is_some_and(|runs| Path::new(&runs) == next),
            None => false,
        };
        signs.add(runs, format!("node {} runs {}", member.id, next.display()));
    }
    strike.hold().await;
    signs.struck()
}

/// The file that a process runs.
fn program_of(id: u32) -> Option<std::path::PathBuf> {
    std::fs::read_link(format!("/proc/{id}/exe")).ok()
}
