//! The viewer's side of the agent: acknowledgement of rights, and repetition of unanswered
//! requests.

use cameo_common::ids::GrantId;
use futures_util::{StreamExt, stream};

use super::Core;
use crate::flows::notices::Notice;
use crate::flows::{receive, request};
use crate::vault::records::{GrantHeld, Outgoing};

/// Bound on the requests that are sent again at the start of a session.
const MAX_ASKED_AGAIN: usize = 32;

/// Acknowledges the newest rights to the ledger. If that fails, the outbox repeats it.
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

/// Whether a notice of these rights is due. The same rights come from the owner and from the
/// ledger, and get one notice.
fn is_news(core: &Core, grant: &GrantId, now: (u64, bool)) -> bool {
    let mut notified = core.notified_rights.lock();
    let news = notified.get(grant).is_none_or(|before| *before < now);
    if news {
        notified.insert(*grant, now);
    }
    news
}

/// Sends all unanswered requests again. An owner whose delivery failed learns thereby that this
/// device is back.
pub(super) async fn ask_again(core: &Core) {
    let Ok(waiting) = request::open_requests(&core.ctx.vault) else {
        return;
    };
    let core = core.clone();
    tokio::spawn(async move {
        let again = stream::iter(waiting.into_iter().take(MAX_ASKED_AGAIN));
        let ask_one = async |outgoing: Outgoing| {
            if let Err(error) = request::ask(&core.ctx, &core.peers, &outgoing).await {
                tracing::info!(owner = %outgoing.owner, %error, "the request was not sent again");
            }
        };
        again
            .for_each_concurrent(request::ASKED_AT_ONCE, ask_one)
            .await;
    });
}
