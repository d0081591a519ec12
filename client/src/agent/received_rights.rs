//! Acknowledgement of the rights that this user receives as a viewer.

use cameo_common::ids::GrantId;

use super::Core;
use crate::flows::notices::Notice;
use crate::flows::receive;
use crate::vault::records::GrantHeld;

/// Acknowledges the newest rights to the ledger. If that fails, the outbox repeats it.
pub(super) async fn acknowledge(core: &Core, grant: &GrantId) {
    if let Err(error) = receive::acknowledge(&core.ctx, grant).await {
        tracing::info!(%grant, %error, "rights are not acknowledged yet");
        core.wake.notify_one();
    }
    if let Ok(Some(held)) = core.ctx.vault.get::<GrantHeld>(&grant.to_string()) {
        let (version, confirmed) = (held.version, held.confirmed >= held.version);
        if is_news(core, grant, (version, confirmed)) {
            core.notices.publish(Notice::Rights {
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
