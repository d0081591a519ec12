//! `log`: lists the charged views of a grant, for its owner, and verifies that the viewer asked for
//! each.

use cameo_common::api::GRANT_RETENTION;
use cameo_common::ids::UserName;
use clap::Args;
use serde_json::{Value, json};

use super::error::FindError;
use super::find::owned_grant;
use crate::cluster_api::ClusterError;
use crate::error_kind::{Classified, ErrorKind};
use crate::flows::context::Context;
use crate::flows::rights::{Absence, absence};
use crate::flows::views_taken::{ViewRow, prove};
use crate::output::{Report, moment, table};
use crate::text::prefix::short;
use crate::vault::VaultError;

/// Arguments of `log`.
#[derive(Debug, Args)]
pub struct Arguments {
    /// The grant's id, or its first digits; `cameo shared` lists them.
    #[arg(value_name = "GRANT")]
    grant: String,
}

/// A log that cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The ledger had the grant, and has compacted it.
    #[error(
        "the ledger no longer keeps this grant to {0}, nor when it was viewed: it ended more than \
         {days} days ago, and nothing is released for it",
        days = GRANT_RETENTION.as_secs() / 86_400
    )]
    NotKept(UserName),
    #[error(
        "the cluster was restored from a backup that is older than this grant to {0}: the ledger \
         has neither it nor when it was viewed, and nothing is released for it"
    )]
    NotRestored(UserName),
    #[error(transparent)]
    Vault(#[from] VaultError),
    #[error(transparent)]
    Find(#[from] FindError),
    #[error(transparent)]
    Cluster(#[from] ClusterError),
}

impl Classified for Error {
    fn kind(&self) -> ErrorKind {
        match self {
            Error::NotKept(_) | Error::NotRestored(_) => ErrorKind::NotFound,
            Error::Vault(error) => error.kind(),
            Error::Find(error) => error.kind(),
            Error::Cluster(error) => error.kind(),
        }
    }
}

pub async fn run(ctx: &Context, arguments: Arguments) -> Result<Report, Error> {
    let owned = owned_grant(ctx, &arguments.grant)?;
    let log = match ctx.api.grant_log(&owned.grant).await {
        Err(error) => match absence(ctx, &owned, &error).await? {
            None => return Err(error.into()),
            Some(Absence::Compacted) => return Err(Error::NotKept(owned.viewer)),
            Some(Absence::NotRestored) => return Err(Error::NotRestored(owned.viewer)),
        },
        Ok(log) => log,
    };
    let taken = prove(&owned, &log);
    let rows: Vec<Vec<String>> = taken.iter().map(line).collect();
    let views: Vec<Value> = taken.iter().map(value).collect();
    let proved = taken.iter().all(|view| view.asked.is_ok());
    let text = match (rows.is_empty(), proved) {
        (true, _) => format!("{} has used no view.", owned.viewer),
        (false, true) => format!(
            "{}, each signed by a device of theirs:\n{}",
            owned.viewer,
            table(&rows)
        ),
        (false, false) => format!(
            "{}; some rows are the word of a node alone, and prove nothing:\n{}",
            owned.viewer,
            table(&rows)
        ),
    };
    Ok(Report::new(text)
        .with("grant", owned.grant)
        .with("viewer", &owned.viewer)
        .with("proved", proved)
        .with("views", views))
}

fn line(view: &ViewRow) -> Vec<String> {
    let by = match &view.asked {
        Ok(asked) => format!("device {}", short(&asked.device)),
        Err(why) => format!("NOT PROVED: {why}"),
    };
    vec![format!("view {}", view.number), moment(view.at), by]
}

fn value(view: &ViewRow) -> Value {
    match &view.asked {
        Ok(asked) => json!({
            "number": view.number, "at": view.at, "proved": true, "device": asked.device,
            "request": asked.request,
        }),
        Err(why) => json!({
            "number": view.number, "at": view.at, "proved": false, "why": why.to_string(),
        }),
    }
}
