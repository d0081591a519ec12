//! `revoke`: ends a viewer's rights. Once enough nodes have confirmed it, no view is released.

use clap::Args;

use super::find::owned_grant;
use super::rights::{Error, change_and_send};
use crate::flows::context::Context;
use crate::output::Report;

/// Arguments of `revoke`.
#[derive(Debug, Args)]
pub struct Arguments {
    /// The grant's id, or its first digits; `cameo shared` lists them.
    #[arg(value_name = "GRANT")]
    grant: String,
}

pub async fn run(ctx: &Context, arguments: Arguments) -> Result<Report, Error> {
    let owned = owned_grant(ctx, &arguments.grant)?;
    let changed = change_and_send(ctx, owned, |next| next.revoked = true).await?;
    Ok(changed.report())
}
