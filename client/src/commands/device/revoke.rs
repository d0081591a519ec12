//! `device revoke`: ends a device for good, and says how many nodes refuse it.

use clap::Args;

use super::Error;
use crate::flows::context::Context;
use crate::flows::devices::{self, DeviceError, Refusing};
use crate::output::Report;
use crate::text::prefix::{resolve, short};

/// Arguments of `device revoke`.
#[derive(Debug, Args)]
pub struct Arguments {
    /// The device's key, or its first digits; `cameo device list` lists them.
    #[arg(value_name = "DEVICE")]
    device: String,
    /// Revoke the device of this home itself.
    #[arg(long)]
    this: bool,
}

pub async fn run(ctx: &Context, arguments: Arguments) -> Result<Report, Error> {
    let known = devices::list(ctx).await.map_err(DeviceError::from)?;
    let keys = known.iter().map(|device| device.device);
    let hint = "`cameo device list` lists them";
    let key = resolve(&arguments.device, keys, "device of yours", hint)?;
    let device = known
        .iter()
        .find(|device| device.device == key)
        .ok_or(DeviceError::NoSuchDevice)?;
    let of_this_home = key == ctx.me.device_key().public();
    if of_this_home && !arguments.this {
        return Err(DeviceError::ThisDevice.into());
    }
    let refusing = devices::revoke(ctx, device).await?;
    let report = Report::new(text(&short(&key), refusing))
        .with("device", key)
        .with("this", of_this_home)
        .with("in_force", refusing.is_in_force())
        .with("nodes", refusing);
    Ok(if refusing.is_in_force() {
        report
    } else {
        report.queued()
    })
}

fn text(device: &str, refusing: Refusing) -> String {
    let Refusing {
        confirmed,
        needed,
        nodes,
    } = refusing;
    if refusing.is_in_force() {
        format!(
            "Device {device} is revoked for good: {confirmed} of {nodes} nodes say that they \
             refuse it. What was released to it before stays open to it."
        )
    } else {
        format!(
            "The revocation of device {device} is recorded, and NOT known to be in force: \
             {confirmed} of {nodes} nodes say that they refuse it, and {needed} have to. Run the \
             command again."
        )
    }
}
