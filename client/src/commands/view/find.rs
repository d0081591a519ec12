//! The carrier that the argument of `view` names.

use std::path::Path;

use cameo_codec::limits::MAX_CARRIER_BYTES;
use cameo_codec::{CodecKey, identify, png};
use cameo_common::ids::Hash;
use tokio::task::spawn_blocking;

use super::error::Error;
use crate::commands::find::held_grant;
use crate::flows::context::Context;
use crate::flows::open::{self, Prepared};
use crate::vault::files;
use crate::vault::records::{GrantHeld, GrantOwned};

/// Finds a grant by its id, or by a carrier's file.
pub(super) async fn find(ctx: &Context, what: &str) -> Result<Prepared, Error> {
    let path = Path::new(what);
    if !(what.contains('/') || what.contains('.') || path.is_file()) {
        let held = held_grant(ctx, what)?;
        return Ok(open::prepare(&ctx.vault, &ctx.me, held).await?);
    }
    let png = files::read(path, MAX_CARRIER_BYTES)?;
    let hash = Hash::of(&png);
    let held = ctx.vault.list::<GrantHeld>()?;
    if let Some((_, held)) = held.iter().find(|(_, held)| held.carrier == hash) {
        return Ok(open::prepare_from(&ctx.me, held.clone(), png).await?);
    }
    if let Some((_, owned)) = ctx
        .vault
        .list::<GrantOwned>()?
        .iter()
        .find(|(_, owned)| owned.carrier == hash)
    {
        return Err(Error::OwnCarrier(owned.viewer.clone()));
    }
    let shown = path.display().to_string();
    let candidates: Vec<GrantHeld> = held.into_iter().map(|(_, held)| held).collect();
    let work = move || identify_grant(png, candidates, &shown);
    let (held, png) = spawn_blocking(work)
        .await
        .map_err(|error| Error::Codec(error.to_string()))??;
    Ok(open::prepare_from(&ctx.me, held, png).await?)
}

/// Finds the grant of a carrier that another program has rewritten without changing its samples.
fn identify_grant(
    file: Vec<u8>,
    candidates: Vec<GrantHeld>,
    shown: &str,
) -> Result<(GrantHeld, Vec<u8>), Error> {
    let carrier = png::read(&file).map_err(|error| Error::NotAPng {
        file: shown.to_owned(),
        error,
    })?;
    for held in candidates {
        let key = CodecKey::from_bytes(*held.codec_key.expose());
        if identify(&carrier, &key).is_ok() {
            return Ok((held, file));
        }
    }
    Err(Error::NothingInIt(shown.to_owned()))
}
