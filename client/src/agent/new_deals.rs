//! New deals of the owner's grants after a change of the cluster's nodes.

use std::time::Duration;

use tokio::time::{Instant, sleep, sleep_until};

use super::Core;
use crate::flows::LedgerError;
use crate::flows::deal_again::{Round, deal_again};
use crate::flows::notices::Notice;

/// Interval at which one node is asked for a newer descriptor; each round asks all.
const LOOK_INTERVAL: Duration = Duration::from_secs(60);
/// Pause after a round that has left nothing to do, unless the descriptor changes.
const INTERVAL: Duration = Duration::from_secs(3_600);
/// Pause after a round in which grants failed.
const RETRY_PAUSE: Duration = Duration::from_secs(60);
/// Pause after a round that has not come to the end.
const NEXT_ROUND: Duration = Duration::from_secs(1);

/// Deals what needs it at the start, at each change of the descriptor, and from time to time, while
/// a session runs, until dropped.
pub(super) async fn make(core: Core) {
    let mut epoch = core.epoch.subscribe();
    let mut number = core.ctx.api.descriptor_number();
    while epoch.wait_for(Option::is_some).await.is_ok() {
        number.mark_unchanged();
        let round = deal_again(&core.ctx).await;
        report(&core, &round);
        let end = Instant::now() + pause(&round);
        loop {
            tokio::select! {
                _ = number.changed() => break,
                () = sleep_until(end) => break,
                () = sleep(LOOK_INTERVAL) => drop(core.ctx.api.descriptor().await),
            }
        }
    }
}

fn pause(round: &Result<Round, LedgerError>) -> Duration {
    match round {
        Ok(round) if round.failed > 0 => RETRY_PAUSE,
        Ok(round) if round.is_unfinished => NEXT_ROUND,
        Ok(_) => INTERVAL,
        Err(_) => RETRY_PAUSE,
    }
}

fn report(core: &Core, round: &Result<Round, LedgerError>) {
    let why = match round {
        Ok(round) => {
            let Round {
                dealt,
                failed,
                elsewhere,
                ..
            } = *round;
            if dealt + elsewhere > 0 {
                tracing::info!(
                    dealt,
                    failed,
                    elsewhere,
                    "grants dealt to the present nodes"
                );
            }
            match failed {
                0 => return,
                many => format!("{many} grants were not dealt; it is tried again in a minute"),
            }
        }
        Err(error) => error.to_string(),
    };
    core.notices.publish(Notice::Trouble {
        what_failed: "dealing grants to the cluster's present nodes".into(),
        why,
    });
}
