//! The client of other agents for commands.

use std::sync::Arc;

use super::error::PeersError;
use crate::control::{self, ControlTransport};
use crate::flows::context::Context;
use crate::peer::Peers;

/// Uses the endpoint of this home's agent while it runs, else binds one in this process, so that
/// there is never more than one endpoint with this device's key.
///
/// # Errors
/// When no endpoint can be bound; when the agent is of another version.
pub(super) async fn peers(ctx: &Context) -> Result<Peers, PeersError> {
    let home = ctx.vault.home();
    if control::answers(home).await? {
        let device = ctx.me.device_key().public().0;
        let through = ControlTransport::to(home, device);
        return Ok(ctx.peers(Arc::new(through)));
    }
    Ok(ctx.peers(ctx.bind(Vec::new()).await?))
}
