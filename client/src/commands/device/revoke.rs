//! `device revoke`: ends a device for good, and says how many nodes refuse it.

use clap::Args;

use super::Error;
use crate::error_kind::ErrorKind;
use crate::flows::context::Context;
use crate::flows::devices::{self, DeviceError, OwnDevice, Refusing};
use crate::output::Report;
use crate::text::prefix::{resolve, short};

/// Arguments of `device revoke`.
#[derive(Debug, Args)]
pub struct Arguments {
    /// The device's key, or its first digits; `cameo device list` lists them.
    #[arg(value_name = "DEVICE", required_unless_present = "this")]
    device: Option<String>,
    /// Revoke the device of this home itself.
    #[arg(long)]
    this: bool,
}

pub async fn run(ctx: &Context, arguments: Arguments) -> Result<Report, Error> {
    let device = match &arguments.device {
        // The directory may refuse this device already.
        None => devices::own(ctx)?,
        Some(device) => named(ctx, device, arguments.this).await?,
    };
    let key = device.device;
    let of_this_home = key == ctx.me.device_key().public();
    let refusing = devices::revoke(ctx, &device).await?;
    let mut text = text(&short(&key), refusing);
    if of_this_home {
        text.push_str(
            " That is this home: its agent and commands are refused; `cameo device new` makes it \
             another device.",
        );
    }
    let report = Report::new(text)
        .with("device", key)
        .with("this", of_this_home)
        .with("in_force", refusing.is_in_force())
        .with("nodes", refusing);
    Ok(if refusing.is_in_force() {
        report
    } else {
        report.problem(ErrorKind::ClusterAway)
    })
}

/// The device that the argument names, which is this home's only with `--this`.
async fn named(ctx: &Context, device: &str, this: bool) -> Result<OwnDevice, Error> {
    let known = devices::list(ctx).await.map_err(DeviceError::from)?;
    let keys = known.iter().map(|device| device.device);
    let hint = "`cameo device list` lists them";
    let key = resolve(device, keys, "device of yours", hint)?;
    match (key == ctx.me.device_key().public(), this) {
        (true, false) => return Err(DeviceError::ThisDevice.into()),
        (false, true) => return Err(DeviceError::TwoDevices.into()),
        _ => {}
    }
    let mut known = known.into_iter();
    let found = known.find(|device| device.device == key);
    Ok(found.ok_or(DeviceError::NoSuchDevice)?)
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
