//! The user's own gallery, with closed images and file names.

use std::path::Path;

use serde_json::{Value, json};

use super::{Error, save, size};
use crate::flows::context::Context;
use crate::output::{Report, table};
use crate::text::prefix::short;
use crate::vault::records::{Image, Policy};

pub(super) fn list(ctx: &Context, folder: &Path) -> Result<Report, Error> {
    let mut all = ctx.vault.list::<Image>()?;
    all.sort_by_key(|(_, image)| image.added);
    let mut images: Vec<Value> = Vec::new();
    let mut rows = Vec::new();
    for (id, image) in &all {
        let preview = ctx.vault.get_blob(Image::PREVIEWS, id)?;
        let path = save(folder, &image.image, &preview.unwrap_or_default())?;
        rows.push(vec![
            short(&image.image),
            image.known_as(),
            size(image.width, image.height, image.bytes),
            policy(image.policy).to_owned(),
        ]);
        images.push(json!({
            "image": image.image, "title": image.title, "name": image.name, "width": image.width,
            "height": image.height, "bytes": image.bytes, "policy": image.policy,
            "asks": image.policy == Policy::Ask,
            "preview": path.as_deref().map(Path::to_string_lossy),
        }));
    }
    let text = if rows.is_empty() {
        "Your gallery is empty: `cameo add FILE` adds a photo.".to_owned()
    } else {
        format!("{}The previews are in {}.", table(&rows), folder.display())
    };
    Ok(Report::new(text)
        .with("user", &ctx.me.name)
        .with_file("folder", folder)
        .with("images", images))
}

fn policy(policy: Policy) -> &'static str {
    match policy {
        Policy::Open => "open",
        Policy::Ask => "asks first",
        Policy::Closed => "closed: not listed to others",
    }
}
