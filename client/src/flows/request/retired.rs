//! Requests to owners and of viewers whom the operator has retired: nobody answers them any more.

use std::collections::BTreeSet;

use cameo_common::ids::UserName;

use super::ask::{end, open_requests};
use crate::directory::{self, DirectoryError};
use crate::flows::context::Context;
use crate::vault::VaultError;
use crate::vault::records::Outgoing;

/// Bound on the users that are looked up at once.
const MAX_LOOKED_UP: usize = 32;

/// Ends the open requests to owners who are retired, and returns them. Owners that cannot be looked
/// up are left for the next time.
///
/// # Errors
/// When the vault cannot be used.
pub async fn end_those_to_retired(ctx: &Context) -> Result<Vec<Outgoing>, VaultError> {
    let open = open_requests(&ctx.vault)?;
    let owners: BTreeSet<_> = open.iter().map(|outgoing| &outgoing.owner).collect();
    let mut ended = Vec::new();
    for owner in owners.into_iter().take(MAX_LOOKED_UP) {
        let found = directory::look_up_active(&ctx.api, &ctx.vault, owner).await;
        let Err(error @ DirectoryError::Retired(_)) = found else {
            continue;
        };
        for outgoing in open.iter().filter(|outgoing| outgoing.owner == *owner) {
            end(ctx, outgoing, &error)?;
            ended.push(outgoing.clone());
        }
    }
    Ok(ended)
}

/// Those of these viewers who are retired. Viewers that cannot be looked up are left out.
pub async fn retired_viewers(ctx: &Context, viewers: &BTreeSet<UserName>) -> BTreeSet<UserName> {
    let mut retired = BTreeSet::new();
    for viewer in viewers.iter().take(MAX_LOOKED_UP) {
        let found = directory::look_up_active(&ctx.api, &ctx.vault, viewer).await;
        if let Err(DirectoryError::Retired(viewer)) = found {
            retired.insert(viewer);
        }
    }
    retired
}
