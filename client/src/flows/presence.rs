//! Offline reports of counterparties.

use cameo_common::ids::UserName;

use super::context::Context;
use super::notices::{Notice, Notices};

/// Reports to the directory that a counterparty does not answer. The node that serves the
/// counterparty probes it before it ends the session.
pub async fn report_offline(ctx: &Context, notices: &Notices, name: &UserName) {
    let reported = async {
        let info = ctx.api.user(name).await?;
        match info.epoch {
            Some(epoch) if info.online == Some(true) => ctx
                .api
                .report_offline(name, epoch)
                .await
                .map(|report| report.offline),
            _ => Ok(info.online == Some(false)),
        }
    };
    match reported.await {
        Ok(true) => notices.publish(Notice::Offline { user: name.clone() }),
        Ok(false) => tracing::info!(%name, "reported offline, but answered the probe"),
        Err(error) => notices.publish(Notice::Trouble {
            what_failed: format!("reporting that {name} is offline"),
            why: error.to_string(),
        }),
    }
}
