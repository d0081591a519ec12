//! `reopen`: opens grants again that a restored cluster has closed.

use cameo_common::api::Role;
use clap::{ArgGroup, Args};
use serde_json::{Value, json};

use super::error::FindError;
use super::find::owned_grant;
use crate::cluster_api::ClusterError;
use crate::error_kind::{Classified, ErrorKind};
use crate::flows::context::Context;
use crate::flows::reopen::{ReopenError, Reopened, is_unnoticed, reopen};
use crate::output::Report;
use crate::text::prefix::short;
use crate::vault::VaultError;
use crate::vault::records::GrantOwned;

/// Arguments of `reopen`.
#[derive(Debug, Args)]
#[command(group(ArgGroup::new("which grants").required(true).args(["grant", "all"])))]
pub struct Arguments {
    /// The grant's id, or its first digits; `cameo shared` lists them.
    #[arg(value_name = "GRANT")]
    grant: Option<String>,
    /// Every closed grant that was made in this home, each with the views used that the ledger has.
    #[arg(long)]
    all: bool,
    /// Views that count as used, if more were seen than the backup has: never fewer.
    #[arg(long, value_name = "VIEWS", conflicts_with = "all")]
    used: Option<u32>,
}

/// Grants that were not opened.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Of `--all`. The others are open.
    #[error(
        "{opened} grants are open again, and {failed} are still closed; the first of these: \
             {first}"
    )]
    Some {
        opened: usize,
        failed: usize,
        first: Box<ReopenError>,
    },
    #[error(transparent)]
    Reopen(#[from] ReopenError),
    #[error(transparent)]
    Find(#[from] FindError),
    #[error(transparent)]
    Cluster(#[from] ClusterError),
    #[error(transparent)]
    Vault(#[from] VaultError),
}

impl Classified for Error {
    fn kind(&self) -> ErrorKind {
        match self {
            Error::Some { first, .. } => first.kind(),
            Error::Reopen(error) => error.kind(),
            Error::Find(error) => error.kind(),
            Error::Cluster(error) => error.kind(),
            Error::Vault(error) => error.kind(),
        }
    }
}

pub async fn run(ctx: &Context, arguments: Arguments) -> Result<Report, Error> {
    match arguments.grant {
        Some(text) => {
            let owned = owned_grant(ctx, &text)?;
            let opened = reopen(ctx, &owned, arguments.used).await?;
            Ok(report(&[(owned, opened)], &[]))
        }
        None => all(ctx).await,
    }
}

async fn all(ctx: &Context) -> Result<Report, Error> {
    let now = ctx.api.cluster_now();
    let live = ctx.api.grants().await?.into_iter().filter(|info| {
        let is_live = !info.revoked && info.expires.is_none_or(|end| now < end);
        info.role == Role::Owner && is_live
    });
    let (mut opened, mut ended) = (Vec::new(), Vec::new());
    let (mut failed, mut first) = (0, None);
    for info in live {
        // Made at another home, which has its share.
        let Some(owned) = ctx.vault.get::<GrantOwned>(&info.grant.to_string())? else {
            continue;
        };
        if !info.closed && !is_unnoticed(ctx, &owned, &info) {
            continue;
        }
        match reopen(ctx, &owned, None).await {
            Ok(done) => opened.push((owned, done)),
            // Since the backup.
            Err(ReopenError::Ended) => ended.push(owned),
            Err(error) => {
                tracing::warn!(grant = %owned.grant, %error, "a grant was not opened again");
                failed += 1;
                first.get_or_insert(error);
            }
        }
    }
    match first {
        None => Ok(report(&opened, &ended)),
        Some(first) => Err(Error::Some {
            opened: opened.len(),
            failed,
            first: Box::new(first),
        }),
    }
}

fn report(opened: &[(GrantOwned, Reopened)], ended: &[GrantOwned]) -> Report {
    let opened_line = |(owned, done): &(GrantOwned, Reopened)| {
        format!(
            "{} to {} is open again: {} of {} used.",
            short(&owned.grant),
            owned.viewer,
            done.used,
            done.permitted
        )
    };
    let ended_line = |owned: &GrantOwned| {
        let (grant, viewer) = (short(&owned.grant), &owned.viewer);
        format!("{grant} to {viewer} has ended: it stays closed.")
    };
    let lines = opened.iter().map(opened_line);
    let lines: Vec<_> = lines.chain(ended.iter().map(ended_line)).collect();
    let text = match lines.is_empty() {
        true => "No grant that was made in this home is closed.".to_owned(),
        false => lines.join("\n"),
    };
    let grants: Vec<Value> = opened
        .iter()
        .map(|(owned, done)| {
            json!({
                "grant": owned.grant, "viewer": owned.viewer,
                "used": done.used, "permitted": done.permitted,
            })
        })
        .collect();
    let ended: Vec<_> = ended.iter().map(|owned| owned.grant).collect();
    Report::new(text)
        .with("reopened", grants)
        .with("ended", ended)
}
