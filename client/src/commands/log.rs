//! `log`: when each view of a photo was taken, for its owner.

use clap::Args;
use serde_json::{Value, json};

use super::owned_grant;
use crate::cli::exit::Failure;
use crate::flows::context::Context;
use crate::output::{Report, moment, table};
use crate::text::prefix::short;

/// What `log` needs.
#[derive(Debug, Args)]
pub struct Arguments {
    /// The grant's id, or its first digits; `cameo shared` lists them.
    #[arg(value_name = "GRANT")]
    grant: String,
}

pub async fn run(ctx: &Context, arguments: Arguments) -> Result<Report, Failure> {
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
                "number": view.number, "at": view.at, "device": view.device, "request": view.request,
            })
        })
        .collect();
    let text = if rows.is_empty() {
        format!("{} has not looked at it.", owned.viewer)
    } else {
        format!("{}:\n{}", owned.viewer, table(&rows))
    };
    Ok(Report::new(text)
        .with("grant", owned.grant)
        .with("viewer", &owned.viewer)
        .with("views", views))
}
