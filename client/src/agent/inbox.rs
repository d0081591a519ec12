//! The viewer's side: rights that are acknowledged, and requests that are asked again.

use cameo_common::ids::GrantId;
use futures_util::{StreamExt, stream};

use super::Core;
use crate::flows::notices::Notice;
use crate::flows::{receive, request};
use crate::vault::records::{GrantHeld, Outgoing};

/// Requests that are asked again at the start of a session.
const MAX_ASKED_AGAIN: usize = 32;

/// Tells the ledger that the newest rights arrived; what does not work now waits in the outbox.
pub(super) async fn acknowledge(core: &Core, grant: &GrantId) {
    if let Err(error) = receive::acknowledge(&core.ctx, grant).await {
        tracing::info!(%grant, %error, "rights are not acknowledged yet");
        core.wake.notify_one();
    }
    if let Ok(Some(held)) = core.ctx.vault.get::<GrantHeld>(&grant.to_string()) {
        let (version, confirmed) = (held.version, held.confirmed >= held.version);
        if is_news(core, grant, (version, confirmed)) {
            core.notices.tell(Notice::Rights {
                grant: *grant,
                version,
                confirmed,
            });
        }
    }
}

/// The same rights come from their owner and from the ledger; the person is told once.
fn is_news(core: &Core, grant: &GrantId, now: (u64, bool)) -> bool {
    let mut told = core.told.lock();
    let news = told.get(grant).is_none_or(|before| *before < now);
    if news {
        told.insert(*grant, now);
    }
    news
}

/// Asks again for everything that no answer has come to: an owner whose carrier found nobody at
/// home learns that we are back.
pub(super) async fn ask_again(core: &Core) {
    let Ok(waiting) = request::open_requests(&core.ctx.vault) else {
        return;
    };
    let core = core.clone();
    tokio::spawn(async move {
        let again = stream::iter(waiting.into_iter().take(MAX_ASKED_AGAIN));
        let ask_one = async |outgoing: Outgoing| {
            if let Err(error) = request::ask(&core.ctx, &core.peers, &outgoing).await {
                tracing::info!(owner = %outgoing.owner, %error, "not asked again yet");
            }
        };
        again
            .for_each_concurrent(request::ASKED_AT_ONCE, ask_one)
            .await;
    });
}
