//! Reports that a counterparty does not answer.

use cameo_common::ids::UserName;

use super::context::Context;
use super::notices::{Notice, Notices};

/// Tells the directory that a counterparty does not answer; it probes for itself before it ends the session.
pub async fn report_offline(ctx: &Context, notices: &Notices, name: &UserName) {
    let reported = async {
        let info = ctx.api.user(name).await?;
        match info.epoch {
            Some(epoch) if info.online == Some(true) => ctx
                .api
                .report_offline(name, epoch)
                .await
                .map(|told| told.offline),
            _ => Ok(info.online == Some(false)),
        }
    };
    match reported.await {
        Ok(true) => notices.tell(Notice::Offline { user: name.clone() }),
        Ok(false) => tracing::info!(%name, "reported offline, but gave a sign of life"),
        Err(error) => notices.tell(Notice::Trouble {
            what_failed: format!("reporting that {name} is offline"),
            why: error.to_string(),
        }),
    }
}
