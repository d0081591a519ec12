//! `device list`: the devices of this user, by statements that the user has signed.

use cameo_common::identity::MAX_DEVICES;
use serde_json::{Value, json};

use super::Error;
use crate::clock;
use crate::flows::context::Context;
use crate::flows::devices::{self, DeviceError, OwnDevice};
use crate::output::{Report, moment, table};
use crate::text::prefix::short;

pub async fn run(ctx: &Context) -> Result<Report, Error> {
    let devices = devices::list(ctx).await.map_err(DeviceError::from)?;
    let this = ctx.me.device_key().public();
    let rows: Vec<Vec<String>> = devices
        .iter()
        .map(|device| {
            vec![
                short(&device.device),
                state(device).to_owned(),
                format!("certified until {}", moment(device.not_after)),
                if device.device == this {
                    "this home"
                } else {
                    ""
                }
                .to_owned(),
            ]
        })
        .collect();
    let documents: Vec<Value> = devices
        .iter()
        .map(|device| {
            json!({
                "device": device.device, "this": device.device == this, "state": state(device),
                "not_after": device.not_after, "sequence": device.sequence,
            })
        })
        .collect();
    let text = format!(
        "{}{} of {MAX_DEVICES} devices.",
        table(&rows),
        devices.len()
    );
    Ok(Report::new(text)
        .with("devices", documents)
        .with("limit", MAX_DEVICES))
}

fn state(device: &OwnDevice) -> &'static str {
    if device.revoked {
        "revoked"
    } else if clock::now() >= device.not_after {
        "expired"
    } else {
        "active"
    }
}
