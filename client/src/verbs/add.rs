//! `add`: photos into one's own gallery. All of them, or none.

use std::path::{Path, PathBuf};

use cameo_common::codec::limits::MAX_PHOTO_BYTES;
use cameo_common::codec::{Codec, HideOptions, Preview, PreviewError, cover_from_picture, preview};
use cameo_common::ids::{Hash, Millis};
use clap::Args;
use serde_json::{Value, json};
use tokio::task::spawn_blocking;

use super::{length_of_time, views};
use crate::clock;
use crate::context::Context;
use crate::exit::Failure;
use crate::prefix::short;
use crate::print::{Report, table};
use crate::vault::records::{Image, Look, Policy, Terms};

/// Longest title, in characters.
const MAX_TITLE: usize = 100;
/// Longest file name that travels with a photo, in bytes.
const MAX_FILE_NAME: usize = 200;
/// What sealing adds to a photo, at most.
const SEALING_ADDS: usize = 1024;

/// What `add` needs.
#[derive(Debug, Args)]
pub struct Arguments {
    /// The photos; anything can be shared that has a preview.
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// Who may have them: whoever asks, whoever asks and gets your yes, or nobody.
    #[arg(long, value_enum, default_value = "ask")]
    policy: Policy,
    /// How often a viewer may look.
    #[arg(long, default_value = "1", value_parser = views)]
    views: u32,
    /// How long a viewer may look, from when he gets it: 12h, 7d, ...
    #[arg(long, value_parser = length_of_time)]
    expires: Option<Millis>,
    /// Viewers may save the photo to a file.
    #[arg(long)]
    may_save: bool,
    /// What others see it called; else the file's name without its ending.
    #[arg(long)]
    title: Option<String>,
    /// A picture to show in the gallery, for files that cannot be decoded here.
    #[arg(long, value_name = "FILE")]
    preview: Option<PathBuf>,
    /// How it is hidden: invisible to the eye, or in the alpha channel.
    #[arg(long, default_value = "veil")]
    codec: CodecName,
    /// A picture to hide it in; else a few soft colours of its own.
    #[arg(long, value_name = "FILE")]
    cover: Option<PathBuf>,
}

#[derive(Debug, Clone, Copy, clap::ValueEnum)]
enum CodecName {
    Veil,
    Alpha,
}

/// A file that was read and can be added.
struct Ready {
    image: Image,
    photo: Vec<u8>,
    preview: Vec<u8>,
    cover: Option<Vec<u8>>,
}

pub async fn run(ctx: &Context, arguments: Arguments) -> Result<Report, Failure> {
    if arguments.title.is_some() && arguments.files.len() > 1 {
        return Err(Failure::usage(
            "--title is for one file; add them one by one",
        ));
    }
    let bar = ctx.out.bar("reading");
    let work = move || {
        let read = |path: &PathBuf| prepare(path, &arguments);
        arguments
            .files
            .iter()
            .map(read)
            .collect::<Result<Vec<_>, _>>()
    };
    let ready = spawn_blocking(work)
        .await
        .map_err(|error| Failure::other("codec", error.to_string()))?;
    bar.finish_and_clear();
    let mut added: Vec<Value> = Vec::new();
    let mut rows = Vec::new();
    for ready in ready? {
        let image = keep(ctx, ready)?;
        rows.push(vec![
            short(&image.image),
            image.title.clone(),
            shape(&image),
        ]);
        added.push(json!({
            "image": image.image, "title": image.title, "width": image.width, "height": image.height,
            "bytes": image.bytes, "policy": image.policy, "views": image.terms.views,
            "media_type": image.media_type, "blake3": image.hash,
        }));
    }
    Ok(Report::new(table(&rows)).with("images", added))
}

fn shape(image: &Image) -> String {
    if image.width == 0 {
        return format!("{} bytes", image.bytes);
    }
    format!("{} x {}, {} bytes", image.width, image.height, image.bytes)
}

fn prepare(path: &Path, arguments: &Arguments) -> Result<Ready, Failure> {
    let photo = read(path)?;
    let shown = path.display();
    let made = preview(&photo);
    let made = match (&arguments.preview, made) {
        (None, Ok(made)) => made,
        (None, Err(error)) => return Err(Failure::usage(format!("{shown}: {error}"))),
        (Some(given), made) => given_preview(given, made.ok())?,
    };
    let options = match arguments.codec {
        CodecName::Veil => HideOptions::default(),
        CodecName::Alpha => HideOptions::alpha(),
    };
    let cover = match &arguments.cover {
        None => None,
        Some(path) => {
            let picture = read(path)?;
            cover_from_picture(&picture, photo.len() + SEALING_ADDS, &options)
                .map_err(|error| Failure::usage(format!("{}: {error}", path.display())))?;
            Some(picture)
        }
    };
    let image = Image {
        image: clock::image_id(),
        title: title(path, arguments)?,
        name: file_name(path),
        media_type: made.media_type,
        bytes: photo.len() as u64,
        hash: Hash::of(&photo),
        width: made.width,
        height: made.height,
        policy: arguments.policy,
        terms: Terms {
            views: arguments.views,
            expires_after: arguments.expires,
            may_save: arguments.may_save,
        },
        look: Look {
            codec: match arguments.codec {
                CodecName::Veil => Codec::Veil,
                CodecName::Alpha => Codec::Alpha,
            },
            own_cover: cover.is_some(),
        },
        added: clock::now(),
    };
    Ok(Ready {
        image,
        photo,
        preview: made.jpeg,
        cover,
    })
}

/// The picture that was given to be shown; what is known of the photo itself stays.
fn given_preview(path: &Path, photo: Option<Preview>) -> Result<Preview, Failure> {
    let given = preview(&read(path)?).map_err(|error| {
        let why = match error {
            PreviewError::NoPicture(error) => error.to_string(),
            other => other.to_string(),
        };
        Failure::usage(format!("{} cannot be the preview: {why}", path.display()))
    })?;
    Ok(Preview {
        jpeg: given.jpeg,
        width: photo.as_ref().map_or(0, |photo| photo.width),
        height: photo.as_ref().map_or(0, |photo| photo.height),
        media_type: photo.map_or_else(
            || "application/octet-stream".into(),
            |photo| photo.media_type,
        ),
    })
}

fn read(path: &Path) -> Result<Vec<u8>, Failure> {
    let shown = path.display();
    let unreadable = |error: std::io::Error| match error.kind() {
        std::io::ErrorKind::NotFound => Failure::not_found(format!("there is no file {shown}")),
        _ => Failure::other("io", format!("{shown} cannot be read: {error}")),
    };
    let found = std::fs::metadata(path).map_err(unreadable)?;
    if !found.is_file() {
        return Err(Failure::usage(format!("{shown} is no file")));
    }
    if found.len() > MAX_PHOTO_BYTES as u64 {
        return Err(Failure::usage(format!(
            "{shown} has {} bytes; at most {MAX_PHOTO_BYTES} can be shared",
            found.len()
        )));
    }
    if found.len() == 0 {
        return Err(Failure::usage(format!("{shown} is empty")));
    }
    std::fs::read(path).map_err(unreadable)
}

fn title(path: &Path, arguments: &Arguments) -> Result<String, Failure> {
    let title = match &arguments.title {
        Some(title) => title.clone(),
        None => path
            .file_stem()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned(),
    };
    if title.chars().any(char::is_control) {
        return Err(Failure::usage("a title is one line of text"));
    }
    if arguments.title.is_some() && title.chars().count() > MAX_TITLE {
        return Err(Failure::usage(format!(
            "a title has at most {MAX_TITLE} characters"
        )));
    }
    Ok(title.chars().take(MAX_TITLE).collect())
}

fn file_name(path: &Path) -> String {
    let mut name = path
        .file_name()
        .unwrap_or_default()
        .to_string_lossy()
        .into_owned();
    while name.len() > MAX_FILE_NAME {
        name.pop();
    }
    name
}

/// The bytes first: an image that is listed is there. What cannot be listed leaves nothing.
fn keep(ctx: &Context, ready: Ready) -> Result<Image, Failure> {
    let id = ready.image.image.to_string();
    let kept = write(ctx, &id, &ready);
    if kept.is_err() {
        for kind in [Image::PHOTOS, Image::PREVIEWS, Image::COVERS] {
            // The first error is the one to tell.
            let _ = ctx.vault.delete_blob(kind, &id);
        }
    }
    kept.map(|()| ready.image)
}

fn write(ctx: &Context, id: &str, ready: &Ready) -> Result<(), Failure> {
    ctx.vault.put_blob(Image::PHOTOS, id, &ready.photo)?;
    ctx.vault.put_blob(Image::PREVIEWS, id, &ready.preview)?;
    if let Some(cover) = &ready.cover {
        ctx.vault.put_blob(Image::COVERS, id, cover)?;
    }
    Ok(ctx.vault.put(id, &ready.image)?)
}
