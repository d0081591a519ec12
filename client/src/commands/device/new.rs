//! `device new`: a device key of its own for this home.

use super::Error;
use crate::flows::context::Context;
use crate::flows::devices;
use crate::output::Report;
use crate::text::prefix::short;

pub async fn run(ctx: &Context) -> Result<Report, Error> {
    let before = ctx.me.device_key().public();
    let device = devices::renew(ctx).await?;
    let text = format!(
        "This home is device {} now. Device {} stays registered: a copy of this home goes on with \
         it; if there is none, `cameo device revoke {}`.",
        short(&device),
        short(&before),
        short(&before)
    );
    Ok(Report::new(text)
        .with("device", device)
        .with("before", before))
}
