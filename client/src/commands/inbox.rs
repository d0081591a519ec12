//! `inbox`: lists the grants that this user received, refreshed from the ledger if it answers soon.

use std::sync::Arc;
use std::time::Duration;

use cameo_common::api::{GrantInfo, Role};
use clap::Args;
use serde_json::{Value, json};

use crate::cluster_api::ClusterApi;
use crate::flows::LedgerError;
use crate::flows::context::Context;
use crate::flows::receive::store_rights_of_ledger;
use crate::output::{Report, moment, table};
use crate::text::prefix::short;
use crate::vault::VaultError;
use crate::vault::records::{GrantHeld, change};

/// Bound on the wait for the ledger; after it the stored state is listed.
const REFRESH_TIMEOUT: Duration = Duration::from_secs(3);

/// Arguments of `inbox`.
#[derive(Debug, Args)]
pub struct Arguments {
    /// Do not ask the cluster; list the stored state.
    #[arg(long)]
    offline: bool,
}

pub async fn run(ctx: &Context, arguments: Arguments) -> Result<Report, LedgerError> {
    let fresh = !arguments.offline && refresh(ctx).await;
    let mut rows = Vec::new();
    let mut grants: Vec<Value> = Vec::new();
    for (_, held) in ctx.vault.list::<GrantHeld>()? {
        let rights = held.rights.verify()?;
        let left = rights.left(held.used);
        let carrier = ctx.vault.blob_path(GrantHeld::CARRIERS, &held.blob())?;
        let confirmed = held.confirmed >= held.version;
        let state = match (rights.revoked, rights.expires) {
            (true, _) => "revoked".to_owned(),
            (false, Some(at)) if at <= crate::clock::now() => "expired".to_owned(),
            (false, Some(at)) => format!("until {}", moment(at)),
            (false, None) => String::new(),
        };
        rows.push(vec![
            short(&held.grant),
            format!("from {}", held.owner),
            held.title.clone(),
            format!("{left} of {} left", rights.permitted),
            state,
        ]);
        grants.push(json!({
            "grant": held.grant, "owner": held.owner, "image": held.image, "title": held.title,
            "permitted": rights.permitted, "used": held.used, "left": left,
            "expires": rights.expires,
            "revoked": rights.revoked, "may_save": rights.may_save, "version": held.version,
            "confirmed": confirmed, "carrier": carrier, "received": held.received,
        }));
    }
    let mut text = table(&rows);
    if rows.is_empty() {
        text = "Nothing was shared with you yet.".to_owned();
    } else if !fresh {
        text.push_str("(as last known, without the cluster)");
    }
    Ok(Report::new(text)
        .with("fresh", fresh)
        .with("grants", grants))
}

/// Refreshes the stored grants from the ledger. False if it does not answer soon.
async fn refresh(ctx: &Context) -> bool {
    let device = Arc::new(ctx.me.device_key());
    let Ok(api) = ClusterApi::with_deadline(ctx.me.pinned(), device, REFRESH_TIMEOUT) else {
        return false;
    };
    match api.grants().await {
        Ok(grants) => {
            let held = grants.iter().filter(|info| info.role == Role::Viewer);
            held.map(|info| fold(ctx, info))
                .all(|folded| folded.is_ok())
        }
        Err(error) => {
            tracing::info!(%error, "the ledger could not be read");
            false
        }
    }
}

fn fold(ctx: &Context, info: &GrantInfo) -> Result<(), VaultError> {
    store_rights_of_ledger(&ctx.vault, &info.grant, &info.rights)?;
    change::<GrantHeld>(&ctx.vault, &info.grant.to_string(), |held| {
        held.used = held.used.max(info.used);
    })?;
    Ok(())
}
