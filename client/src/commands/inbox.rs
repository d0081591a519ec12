//! `inbox`: lists the grants that this user received, refreshed from the ledger if it answers soon.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use cameo_common::api::{GrantInfo, Role};
use cameo_common::ids::{GrantId, Millis};
use clap::Args;
use serde_json::{Value, json};

use crate::flows::LedgerError;
use crate::flows::context::Context;
use crate::flows::receive::store_rights_of_ledger;
use crate::flows::used_views::store_used_of_ledger;
use crate::output::{Report, moment, table};
use crate::text::prefix::short;
use crate::vault::VaultError;
use crate::vault::records::GrantHeld;

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
    let told = match arguments.offline {
        true => None,
        false => refresh(ctx).await,
    };
    let fresh = told.is_some();
    let Told { retired, closed } = told.unwrap_or_default();
    let mut rows = Vec::new();
    let mut grants: Vec<Value> = Vec::new();
    for (_, held) in ctx.vault.list::<GrantHeld>()? {
        let rights = held.rights.verify()?;
        let left = rights.left(held.used);
        let carrier = ctx.vault.blob_path(GrantHeld::CARRIERS, &held.blob())?;
        let confirmed = held.confirmed >= held.version;
        let mut state = match (rights.revoked, rights.expires) {
            (true, _) => "revoked".to_owned(),
            (false, Some(at)) if at <= ctx.api.cluster_now() => "expired".to_owned(),
            (false, Some(at)) => format!("until {}", moment(at)),
            (false, None) => String::new(),
        };
        let is_closed = closed.contains(&held.grant);
        if is_closed {
            let owner = &held.owner;
            state = format!("{state}; closed, since the cluster was restored: {owner} can open it");
        }
        let owner_retired = retired.get(&held.grant);
        if owner_retired.is_some() {
            state = format!("{state}; the operator has retired {}", held.owner);
        }
        rows.push(vec![
            short(&held.grant),
            format!("from {}", held.owner),
            held.title.clone(),
            format!("{left} of {} left", rights.permitted),
            state.trim_start_matches("; ").to_owned(),
        ]);
        grants.push(json!({
            "grant": held.grant, "owner": held.owner, "image": held.image, "title": held.title,
            "permitted": rights.permitted, "used": held.used, "left": left,
            "expires": rights.expires,
            "revoked": rights.revoked, "may_save": rights.may_save, "version": held.version,
            "confirmed": confirmed, "carrier": carrier, "received": held.received,
            "owner_retired": owner_retired, "closed": is_closed,
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

/// What the ledger says of grants, and is not stored.
#[derive(Default)]
struct Told {
    /// Those whose owner is retired, with the time.
    retired: BTreeMap<GrantId, Millis>,
    /// Those that a restore has closed.
    closed: BTreeSet<GrantId>,
}

/// Refreshes the stored grants from the ledger; `None` if it does not answer soon.
async fn refresh(ctx: &Context) -> Option<Told> {
    let Ok(api) = ctx.api_within(REFRESH_TIMEOUT) else {
        return None;
    };
    match api.grants().await {
        Ok(grants) => {
            let held = grants.iter().filter(|info| info.role == Role::Viewer);
            let mut told = Told::default();
            for info in held {
                fold(ctx, info).ok()?;
                let retired = info.other_retired.map(|at| (info.grant, at));
                told.retired.extend(retired);
                told.closed.extend(info.closed.then_some(info.grant));
            }
            Some(told)
        }
        Err(error) => {
            tracing::info!(%error, "the ledger could not be read");
            None
        }
    }
}

fn fold(ctx: &Context, info: &GrantInfo) -> Result<(), VaultError> {
    store_rights_of_ledger(&ctx.vault, &info.grant, &info.rights)?;
    store_used_of_ledger(&ctx.vault, &info.grant, info.used)
}
