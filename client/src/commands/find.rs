//! Look-up of records by an id or its first digits.

use cameo_common::ids::{GrantId, RequestId};

use super::error::FindError;
use crate::flows::context::Context;
use crate::text::prefix;
use crate::vault::records::{GrantHeld, GrantOwned, Incoming};

/// A grant that this user made.
pub(super) fn owned_grant(ctx: &Context, text: &str) -> Result<GrantOwned, FindError> {
    let all = ctx.vault.list::<GrantOwned>()?;
    let ids = all.iter().map(|(_, owned)| owned.grant);
    let id: GrantId = prefix::resolve(text, ids, "grant of yours", "`cameo shared` lists them")?;
    let mut found = all.into_iter().map(|(_, owned)| owned);
    found
        .find(|owned| owned.grant == id)
        .ok_or(FindError::Gone("grant"))
}

/// A grant that this user received.
pub(super) fn held_grant(ctx: &Context, text: &str) -> Result<GrantHeld, FindError> {
    let all = ctx.vault.list::<GrantHeld>()?;
    let ids = all.iter().map(|(_, held)| held.grant);
    let id: GrantId = prefix::resolve(text, ids, "grant", "`cameo inbox` lists them")?;
    let mut found = all.into_iter().map(|(_, held)| held);
    found
        .find(|held| held.grant == id)
        .ok_or(FindError::Gone("grant"))
}

/// A request of another user.
pub(super) fn incoming(ctx: &Context, text: &str) -> Result<Incoming, FindError> {
    let all = ctx.vault.list::<Incoming>()?;
    let ids = all.iter().map(|(_, incoming)| incoming.request);
    let id: RequestId = prefix::resolve(text, ids, "request", "`cameo requests` lists them")?;
    let mut found = all.into_iter().map(|(_, incoming)| incoming);
    found
        .find(|incoming| incoming.request == id)
        .ok_or(FindError::Gone("request"))
}
