//! The way to other agents.

use std::sync::Arc;

use super::error::PeersError;
use crate::control::{self, ControlTransport};
use crate::flows::context::Context;
use crate::peer::Peers;

/// Through the agent of this home while it runs, else by an endpoint of this process. So there is
/// never more than one endpoint with this device's key.
///
/// # Errors
/// When no endpoint can be bound; when the agent is of another version.
pub(super) async fn peers(ctx: &Context) -> Result<Peers, PeersError> {
    let home = ctx.vault.home();
    if control::answers(home).await? {
        let device = ctx.me.device_key().public().0;
        let through = ControlTransport::to(home, device);
        return Ok(ctx.speaking_over(Arc::new(through)));
    }
    Ok(ctx.speaking_over(ctx.bind(Vec::new()).await?))
}
