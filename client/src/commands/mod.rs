//! One use case a file: arguments, and one function from an open home to a report.

pub mod add;
pub mod agent;
pub mod approve;
pub mod deny;
pub mod gallery;
pub mod hide;
pub mod inbox;
pub mod init;
pub mod inspect;
pub mod lock;
pub mod log;
pub mod look;
pub mod request;
pub mod requests;
pub mod reveal;
pub mod revoke;
pub mod rights;
pub mod shared;
pub mod status;
pub mod unlock;
pub mod view;
pub mod who;

use std::time::Duration;

use cameo_common::ids::{GrantId, RequestId};

use crate::cli::exit::Failure;
use crate::flows::context::Context;
use crate::text::{duration, prefix};
use crate::vault::records::{GrantHeld, GrantOwned, Incoming};

/// A grant of this owner, by its first digits.
fn owned_grant(ctx: &Context, text: &str) -> Result<GrantOwned, Failure> {
    let all = ctx.vault.list::<GrantOwned>()?;
    let ids = all.iter().map(|(_, owned)| owned.grant);
    let id: GrantId = prefix::resolve(text, ids, "grant of yours", "`cameo shared` lists them")?;
    let found = all.into_iter().map(|(_, owned)| owned);
    found
        .into_iter()
        .find(|owned| owned.grant == id)
        .ok_or_else(|| Failure::not_found("the grant has just gone"))
}

/// A grant that this viewer holds, by its first digits.
fn held_grant(ctx: &Context, text: &str) -> Result<GrantHeld, Failure> {
    let all = ctx.vault.list::<GrantHeld>()?;
    let ids = all.iter().map(|(_, held)| held.grant);
    let id: GrantId = prefix::resolve(text, ids, "grant", "`cameo inbox` lists what you hold")?;
    let found = all.into_iter().map(|(_, held)| held);
    found
        .into_iter()
        .find(|held| held.grant == id)
        .ok_or_else(|| Failure::not_found("the grant has just gone"))
}

/// A request of somebody else, by its first digits.
fn incoming(ctx: &Context, text: &str) -> Result<Incoming, Failure> {
    let all = ctx.vault.list::<Incoming>()?;
    let ids = all.iter().map(|(_, incoming)| incoming.request);
    let id: RequestId = prefix::resolve(text, ids, "request", "`cameo requests` lists them")?;
    let found = all.into_iter().map(|(_, incoming)| incoming);
    found
        .into_iter()
        .find(|incoming| incoming.request == id)
        .ok_or_else(|| Failure::not_found("the request has just gone"))
}

/// For clap: a length of time.
fn length_of_time(text: &str) -> Result<Duration, String> {
    duration::parse(text).map_err(|error| error.to_string())
}

/// For clap: a number of views.
fn views(text: &str) -> Result<u32, String> {
    let most = cameo_common::rights::MAX_PERMITTED;
    match text.parse::<u32>() {
        Ok(views) if (1..=most).contains(&views) => Ok(views),
        _ => Err(format!("a number from 1 to {most} is needed")),
    }
}
