//! `device new`: a device key of its own for this home.

use cameo_common::keys::PublicKey;

use super::Error;
use crate::flows::context::Context;
use crate::flows::devices::{self, Renewed};
use crate::output::Report;
use crate::text::prefix::short;

pub async fn run(ctx: &Context) -> Result<Report, Error> {
    let before = ctx.me.device_key().public();
    let renewed = devices::renew(ctx).await?;
    Ok(Report::new(text(&before, &renewed))
        .with("device", renewed.device)
        .with("before", before)
        .with("before_revoked", renewed.before_revoked))
}

fn text(before: &PublicKey, renewed: &Renewed) -> String {
    let (device, before) = (short(&renewed.device), short(before));
    let then = match renewed.before_revoked {
        Some(true) => format!("Device {before} stays revoked."),
        Some(false) => format!(
            "Device {before} stays registered: a copy of this home goes on with it; if there is \
             none, `cameo device revoke {before}`."
        ),
        None => format!("`cameo device list` says whether device {before} is revoked."),
    };
    format!("This home is device {device} now. {then}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_device_before_is_said_to_be_registered_only_if_it_is() {
        let told = |before_revoked| {
            let device = PublicKey([2; 32]);
            let renewed = Renewed {
                device,
                before_revoked,
            };
            text(&PublicKey([1; 32]), &renewed)
        };
        assert!(told(Some(false)).contains("stays registered"));
        assert!(told(Some(true)).contains("stays revoked"));
        for revoked in [Some(true), None] {
            assert!(!told(revoked).contains("registered"));
        }
    }
}
