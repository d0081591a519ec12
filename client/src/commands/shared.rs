//! `shared`: lists the grants that this user made, with their state in the ledger.

use cameo_common::api::{GrantInfo, Role};
use clap::Args;
use serde_json::{Value, json};

use crate::flows::LedgerError;
use crate::flows::context::Context;
use crate::output::{Report, moment, table};
use crate::text::prefix::short;
use crate::vault::records::{Attempts, GrantOwned, Image, OutboxKey, Stage, UnconfirmedEnding};

/// `shared` has no arguments.
#[derive(Debug, Args)]
pub struct Arguments {}

pub async fn run(ctx: &Context, _: Arguments) -> Result<Report, LedgerError> {
    let ledger = ctx.api.grants().await?;
    let mut rows = Vec::new();
    let mut grants: Vec<Value> = Vec::new();
    for info in ledger.iter().filter(|info| info.role == Role::Owner) {
        let owned = ctx.vault.get::<GrantOwned>(&info.grant.to_string())?;
        let image = ctx.vault.get::<Image>(&info.image.to_string())?;
        let known_as = image
            .as_ref()
            .map_or_else(|| short(&info.image), Image::known_as);
        let sending = OutboxKey::Deliver(info.grant).id();
        let refused = ctx
            .vault
            .get::<Attempts>(&sending)?
            .filter(Attempts::is_given_up);
        let delivery = delivery(info, owned.as_ref(), refused.is_some());
        let unconfirmed = ctx
            .vault
            .get::<UnconfirmedEnding>(&info.grant.to_string())?
            .map(|ending| ending.version);
        rows.push(vec![
            short(&info.grant),
            format!("to {}", info.viewer),
            known_as,
            format!("{} of {} used", info.used, info.permitted),
            state(info, delivery, refused.as_ref(), unconfirmed),
        ]);
        grants.push(json!({
            "grant": info.grant, "viewer": info.viewer, "image": info.image,
            "title": image.as_ref().map(|image| &image.title),
            "name": image.as_ref().map(|image| &image.name),
            "permitted": info.permitted, "used": info.used, "left": info.left,
            "version": info.version,
            "expires": info.expires, "revoked": info.revoked, "acknowledged": info.acknowledged,
            "in_mailbox": info.in_mailbox, "delivery": delivery, "unconfirmed": unconfirmed,
            "refusal": refused.map(|refused| refused.last_error), "created": info.created,
            "worker": owned.as_ref().map(|owned| owned.worker),
            "leader": owned.as_ref().map(|owned| owned.leader),
        }));
    }
    let text = if rows.is_empty() {
        "You share nothing yet.".to_owned()
    } else {
        table(&rows)
    };
    Ok(Report::new(text).with("grants", grants))
}

fn delivery(info: &GrantInfo, owned: Option<&GrantOwned>, refused: bool) -> &'static str {
    match owned.map(|owned| owned.stage) {
        _ if info.receipt.is_some() => "received",
        Some(Stage::Delivered | Stage::Settled) => "received",
        _ if refused => "refused",
        _ => "waiting",
    }
}

fn state(
    info: &GrantInfo,
    delivery: &str,
    refused: Option<&Attempts>,
    unconfirmed: Option<u64>,
) -> String {
    let mut words = Vec::new();
    if unconfirmed.is_some() {
        words.push("NOT known to be in force: too few nodes have confirmed it".to_owned());
    }
    if info.revoked {
        words.insert(0, "revoked".to_owned());
        return words.join("; ");
    }
    if let Some(at) = info.expires {
        let word = if at <= crate::clock::now() {
            "expired"
        } else {
            "until"
        };
        words.push(format!("{word} {}", moment(at)));
    }
    match (delivery, refused) {
        ("waiting", _) => words.push("the carrier is not delivered yet".to_owned()),
        ("refused", Some(refused)) => words.push(format!(
            "the carrier was refused ({}); it is sent again when {} repeats the request, or when \
             your agent is restarted",
            refused.last_error, info.viewer
        )),
        _ => {}
    }
    if info.in_mailbox {
        words.push("new rights are in the mailbox".to_owned());
    }
    words.join("; ")
}
