//! `log`: lists the charged views of a grant, for its owner.

use clap::Args;
use serde_json::{Value, json};

use super::error::FindError;
use super::find::owned_grant;
use crate::cluster_api::ClusterError;
use crate::error_kind::{Classified, ErrorKind};
use crate::flows::context::Context;
use crate::output::{Report, moment, table};
use crate::text::prefix::short;

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
    #[error(transparent)]
    Find(#[from] FindError),
    #[error(transparent)]
    Cluster(#[from] ClusterError),
}

impl Classified for Error {
    fn kind(&self) -> ErrorKind {
        match self {
            Error::Find(error) => error.kind(),
            Error::Cluster(error) => error.kind(),
        }
    }
}

pub async fn run(ctx: &Context, arguments: Arguments) -> Result<Report, Error> {
    let owned = owned_grant(ctx, &arguments.grant)?;
    let log = ctx.api.grant_log(&owned.grant).await?;
    let rows: Vec<Vec<String>> = log
        .views
        .iter()
        .map(|view| {
            vec![
                format!("view {}", view.number),
                moment(view.at),
                format!("device {}", short(&view.device)),
            ]
        })
        .collect();
    let views: Vec<Value> = log
        .views
        .iter()
        .map(|view| {
            json!({
                "number": view.number, "at": view.at, "device": view.device,
                "request": view.request,
            })
        })
        .collect();
    let text = if rows.is_empty() {
        format!("{} has used no view.", owned.viewer)
    } else {
        format!("{}:\n{}", owned.viewer, table(&rows))
    };
    Ok(Report::new(text)
        .with("grant", owned.grant)
        .with("viewer", &owned.viewer)
        .with("views", views))
}
