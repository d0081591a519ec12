//! Waiting for the carriers of requests.

use std::collections::BTreeMap;
use std::time::Duration;

use cameo_common::ids::RequestId;
use indicatif::ProgressBar;
use tokio::time::{Instant, timeout_at};

use super::Receiver;
use crate::flows::context::Context;
use crate::flows::notices::Notice;
use crate::output::Output;
use crate::vault::records::{Outgoing, OutgoingState};

/// Interval of reading the vault while waiting for notices.
const POLL_INTERVAL: Duration = Duration::from_millis(400);

/// Waits until every request is answered or the deadline passes. Returns the final state of each
/// request, if any, in their order.
pub(super) async fn all(
    ctx: &Context,
    receiver: &mut Receiver,
    requests: &[RequestId],
    deadline: Duration,
    bar: &ProgressBar,
) -> Vec<Option<OutgoingState>> {
    let end = Instant::now() + deadline;
    let mut transfers = Transfers::default();
    loop {
        let ended: Vec<_> = requests
            .iter()
            .map(|request| final_state(ctx, request))
            .collect();
        let open = ended.iter().filter(|ended| ended.is_none()).count();
        if open == 0 || Instant::now() >= end {
            return ended;
        }
        bar.set_message(match (open, requests.len()) {
            (_, 1) => "waiting for the carrier".to_owned(),
            (open, all) => format!("waiting for {open} of {all} carriers"),
        });
        let look = (Instant::now() + POLL_INTERVAL).min(end);
        if let Some(Notice::Arriving {
            request,
            received,
            length,
        }) = receiver.next(look).await
            && requests.contains(&request)
        {
            let (received, length) = transfers.record(request, received, length);
            Output::measure(bar, length);
            bar.set_position(received);
        }
    }
}

/// Received bytes and length of each carrier being received.
#[derive(Debug, Default)]
struct Transfers(BTreeMap<RequestId, (u64, u64)>);

impl Transfers {
    /// Records one carrier's progress, and returns the sums of all.
    fn record(&mut self, request: RequestId, received: u64, length: u64) -> (u64, u64) {
        self.0.insert(request, (received, length));
        let each = self.0.values();
        each.fold((0, 0), |(received, length), one| {
            (received.saturating_add(one.0), length.saturating_add(one.1))
        })
    }
}

fn final_state(ctx: &Context, request: &RequestId) -> Option<OutgoingState> {
    let kept = ctx.vault.get::<Outgoing>(&request.to_string()).ok()??;
    kept.state.is_answered().then_some(kept.state)
}

impl Receiver {
    /// The next notice, if one arrives in time.
    async fn next(&mut self, until: Instant) -> Option<Notice> {
        match self {
            Receiver::Running(following) => match timeout_at(until, following.next()).await {
                Ok(Ok(notice)) => Some(notice),
                // The agent has stopped: the vault still has the state.
                Ok(Err(_)) => {
                    tokio::time::sleep_until(until).await;
                    None
                }
                Err(_) => None,
            },
            Receiver::Own(_, notices) => timeout_at(until, notices.recv())
                .await
                .ok()
                .and_then(Result::ok),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn concurrent_carriers_share_one_progress_bar() {
        let (one, other) = (RequestId([1; 16]), RequestId([2; 16]));
        let mut transfers = Transfers::default();
        let shown: Vec<_> = [
            (one, 60, 100),
            (other, 5, 50),
            (one, 70, 100),
            (other, 50, 50),
        ]
        .map(|(request, received, length)| transfers.record(request, received, length))
        .into();
        assert_eq!(shown, [(60, 100), (65, 150), (75, 150), (120, 150)]);
    }
}
