//! `add`: adds photos to the user's own gallery, all of them or none.

mod title;

use std::path::{Path, PathBuf};
use std::time::Duration;

use cameo_codec::limits::MAX_PHOTO_BYTES;
use cameo_codec::{
    Caption, CaptionError, HideOptions, Preview, PreviewError, cover_from_picture,
    default_cover_from_file, is_cut_off, preview,
};
use cameo_common::ids::{Hash, UserName, whole_millis};
use clap::Args;
use serde_json::{Value, json};
use tokio::task::spawn_blocking;

use self::title::{MAX_TITLE, title};
use super::arguments::{length_of_time, views};
use super::look::{self, CUT_OFF, LookArguments, LookError};
use crate::clock;
use crate::control;
use crate::error_kind::{Classified, ErrorKind};
use crate::flows::context::Context;
use crate::output::{Output, Report, table};
use crate::text::prefix::short;
use crate::text::sanitize::sanitize;
use crate::vault::VaultError;
use crate::vault::files::{self, FileError};
use crate::vault::records::{Image, Look, Policy, Terms, UNTITLED};
use crate::viewer::Showable;

/// Longest stored file name, in bytes.
const MAX_FILE_NAME: usize = 200;
/// The help of `--caption`, which has a default of its own here.
const CAPTION: &str =
    r#"Caption of a default cover; without it "ask NAME for more", with your name"#;
/// Not decoded here, and shown by browsers.
const AVIF: &str = "image/avif";
/// Bound on the bytes that sealing adds to a photo.
const SEALING_OVERHEAD: usize = 1024;

/// Arguments of `add`.
#[derive(Debug, Args)]
#[command(mut_arg("caption", |caption| caption.help(CAPTION)))]
pub struct Arguments {
    /// The photos, or any files that have a preview.
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// The rule for requests of these photos.
    #[arg(long, value_enum, default_value = "ask")]
    policy: Policy,
    /// How many views each viewer gets.
    #[arg(long, default_value = "1", value_parser = views)]
    views: u32,
    /// How long a viewer may open the photo after the grant: 12h, 7d, ...
    #[arg(long, value_parser = length_of_time)]
    expires: Option<Duration>,
    /// Viewers may save the photo to a file.
    #[arg(long)]
    may_save: bool,
    /// The title that others see. They never see the file's name.
    #[arg(long, default_value = UNTITLED)]
    title: String,
    /// A picture to use as the preview, for files that Cameo cannot decode.
    #[arg(long, value_name = "FILE")]
    preview: Option<PathBuf>,
    #[command(flatten)]
    look: LookArguments,
}

/// A file that was read and checked.
struct Ready {
    image: Image,
    photo: Vec<u8>,
    preview: Vec<u8>,
    cover: Option<Vec<u8>>,
}

/// Photos that were not added.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("a title is one line of text")]
    TitleLines,
    #[error("a title has visible characters only: leave out U+{:04X}", u32::from(*.0))]
    TitleUnseen(char),
    #[error("a title has 1 to {MAX_TITLE} characters")]
    TitleLength,
    #[error("{0}")]
    Caption(CaptionError),
    #[error("{} is empty", .0.display())]
    Empty(PathBuf),
    #[error("{}: {error}", file.display())]
    NoPreview { file: PathBuf, error: PreviewError },
    #[error(
        "{} {CUT_OFF}, so that viewers would miss a part of it: add a complete copy, or share it \
         as it is with a preview of your own (--preview FILE)",
        .0.display()
    )]
    CutOff(PathBuf),
    #[error("{} cannot be used as the preview: {why}", file.display())]
    BadPreview { file: PathBuf, why: String },
    #[error("{0}")]
    Codec(String),
    #[error(transparent)]
    Look(#[from] LookError),
    #[error(transparent)]
    File(#[from] FileError),
    #[error(transparent)]
    Vault(#[from] VaultError),
}

impl Classified for Error {
    fn kind(&self) -> ErrorKind {
        match self {
            Error::TitleLines
            | Error::TitleUnseen(_)
            | Error::TitleLength
            | Error::Empty(_)
            | Error::CutOff(_)
            | Error::NoPreview { .. }
            | Error::BadPreview { .. } => ErrorKind::Usage,
            Error::Caption(_) | Error::Codec(_) => ErrorKind::Other,
            Error::Look(error) => error.kind(),
            Error::File(error) => error.kind(),
            Error::Vault(error) => error.kind(),
        }
    }
}

pub async fn run(ctx: &Context, out: Output, arguments: Arguments) -> Result<Report, Error> {
    let settings = Settings::of(&ctx.me.name, &arguments)?;
    let bar = out.bar("reading");
    let work = move || {
        let read = |path: &PathBuf| prepare(path, &arguments, &settings);
        arguments
            .files
            .iter()
            .map(read)
            .collect::<Result<Vec<_>, _>>()
    };
    let ready = spawn_blocking(work)
        .await
        .map_err(|error| Error::Codec(error.to_string()))?;
    bar.finish_and_clear();
    let mut known = ctx.vault.list::<Image>()?;
    let mut added: Vec<Value> = Vec::new();
    let mut rows = Vec::new();
    for ready in ready? {
        let is_shown = is_shown(&ready);
        let image = keep(ctx, ready)?;
        if !is_shown {
            out.note(only_saved(&image));
        }
        let before = known
            .iter()
            .find(|(_, known)| known.hash == image.hash)
            .map(|(_, known)| known.image);
        if let Some(before) = before {
            out.note(format_args!(
                "{} was in your gallery already, as {}; it was added once more.",
                image.name,
                short(&before)
            ));
        }
        known.push((image.image.to_string(), image.clone()));
        rows.push(vec![
            short(&image.image),
            image.title.clone(),
            image.name.clone(),
            shape(&image),
        ]);
        added.push(json!({
            "image": image.image, "title": image.title, "name": image.name, "width": image.width,
            "height": image.height, "bytes": image.bytes, "policy": image.policy,
            "views": image.terms.views,
            "media_type": image.media_type, "blake3": image.hash, "codec": image.look.codec,
            "depth": look::depth(&image.look.options()), "caption": image.look.caption,
            "same_as": before, "shown": is_shown,
        }));
    }
    if control::answers(ctx.vault.home()).await != Ok(true) {
        out.note("Others cannot see it until `cameo agent` runs here.");
    }
    Ok(Report::new(table(&rows)).with("images", added))
}

/// The settings for all files, checked before any is read.
struct Settings {
    title: String,
    options: HideOptions,
    caption: Option<Caption>,
}

impl Settings {
    fn of(owner: &UserName, arguments: &Arguments) -> Result<Self, Error> {
        Ok(Self {
            title: title(&arguments.title)?,
            options: arguments.look.options()?,
            caption: caption(owner, &arguments.look)?,
        })
    }
}

/// The given caption, or the default one. A cover of the owner's own gets no caption.
fn caption(owner: &UserName, look: &LookArguments) -> Result<Option<Caption>, Error> {
    let given = look.caption()?;
    if given.is_some() || look.no_caption || look.cover.is_some() {
        return Ok(given);
    }
    Caption::new(&format!("ask {owner} for more"))
        .map(Some)
        .map_err(Error::Caption)
}

/// Whether `cameo view` can show it: a browser does, or it can be converted.
fn is_shown(ready: &Ready) -> bool {
    ready.image.width > 0 || ready.image.media_type == AVIF
}

/// What to tell of a file that no browser shows.
fn only_saved(image: &Image) -> String {
    let name = &image.name;
    let mut words = format!("No browser shows {name}: a viewer can only save it.");
    words.push_str(match image.terms.may_save {
        true => " Add it as JPEG, PNG, WebP, GIF, AVIF, TIFF or BMP, if it is to be seen.",
        false => {
            " Its terms do not permit saving, so nobody will see it: add it once more with \
             --may-save, or as JPEG, PNG, WebP, GIF, AVIF, TIFF or BMP."
        }
    });
    words
}

fn shape(image: &Image) -> String {
    if image.width == 0 {
        return format!("{} bytes", image.bytes);
    }
    format!("{} x {}, {} bytes", image.width, image.height, image.bytes)
}

fn prepare(path: &Path, arguments: &Arguments, settings: &Settings) -> Result<Ready, Error> {
    let photo = read(path)?;
    let made = made_preview(path, &photo, arguments.preview.as_deref())?;
    let cover = arguments
        .look
        .cover
        .as_deref()
        .map(|cover| own_cover(cover, photo.len(), settings))
        .transpose()?;
    if cover.is_none() {
        try_cover(path, &made.jpeg, photo.len(), settings)?;
    }
    let image = Image {
        image: clock::image_id(),
        title: settings.title.clone(),
        name: file_name(path),
        media_type: made.media_type,
        bytes: photo.len() as u64,
        hash: Hash::of(&photo),
        width: made.width,
        height: made.height,
        policy: arguments.policy,
        terms: Terms {
            views: arguments.views,
            expires_after_ms: arguments.expires.map(whole_millis),
            may_save: arguments.may_save,
        },
        look: Look {
            codec: settings.options.codec,
            depth: settings.options.depth,
            caption: settings
                .caption
                .as_ref()
                .map(|caption| caption.as_str().to_owned()),
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

/// Reads the owner's cover and checks that the photo fits into it.
fn own_cover(path: &Path, photo: usize, settings: &Settings) -> Result<Vec<u8>, Error> {
    let picture = read(path)?;
    look::check_complete(path, &picture)?;
    cover_from_picture(&picture, photo + SEALING_OVERHEAD, &settings.options)
        .map_err(|error| look::unfit(path, error, &settings.options))?;
    Ok(picture)
}

/// Checks that the default cover can be made, which happens only when the photo is shared.
fn try_cover(path: &Path, preview: &[u8], photo: usize, settings: &Settings) -> Result<(), Error> {
    let payload = photo + SEALING_OVERHEAD;
    default_cover_from_file(
        preview,
        settings.caption.as_ref(),
        payload,
        &settings.options,
    )
    .map_err(|error| look::unfit(path, error, &settings.options))?;
    Ok(())
}

/// The preview of a photo that has its end, or of the picture given in its place.
fn made_preview(path: &Path, photo: &[u8], given: Option<&Path>) -> Result<Preview, Error> {
    match given {
        None if is_cut_off(photo) => Err(Error::CutOff(path.to_owned())),
        None => preview(photo).map_err(|error| {
            let file = path.to_owned();
            Error::NoPreview { file, error }
        }),
        Some(given) => {
            let mut made = given_preview(given, preview(photo).ok())?;
            if Showable::of(photo) == Showable::AsItIs(AVIF) {
                made.media_type = AVIF.to_owned();
            }
            Ok(made)
        }
    }
}

/// The preview from the given picture. Size and media type remain those of the photo, if known.
fn given_preview(path: &Path, photo: Option<Preview>) -> Result<Preview, Error> {
    let bytes = read(path)?;
    if is_cut_off(&bytes) {
        let (file, why) = (path.to_owned(), format!("it {CUT_OFF}"));
        return Err(Error::BadPreview { file, why });
    }
    let given = preview(&bytes).map_err(|error| {
        let why = match error {
            PreviewError::NoPicture(error) | PreviewError::Refused(error) => error.to_string(),
            other => other.to_string(),
        };
        let file = path.to_owned();
        Error::BadPreview { file, why }
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

fn read(path: &Path) -> Result<Vec<u8>, Error> {
    let bytes = files::read(path, MAX_PHOTO_BYTES)?;
    if bytes.is_empty() {
        return Err(Error::Empty(path.to_owned()));
    }
    Ok(bytes)
}

fn file_name(path: &Path) -> String {
    let mut name = sanitize(&path.file_name().unwrap_or_default().to_string_lossy());
    while name.len() > MAX_FILE_NAME {
        name.pop();
    }
    name
}

/// Stores an image, its files first, so that every listed image is complete. Removes the files
/// after an error.
fn keep(ctx: &Context, ready: Ready) -> Result<Image, VaultError> {
    let id = ready.image.image.to_string();
    let kept = write(ctx, &id, &ready);
    if kept.is_err() {
        for kind in [Image::PHOTOS, Image::PREVIEWS, Image::COVERS] {
            // The first error is the one to report.
            let _ = ctx.vault.delete_blob(kind, &id);
        }
    }
    kept.map(|()| ready.image)
}

fn write(ctx: &Context, id: &str, ready: &Ready) -> Result<(), VaultError> {
    ctx.vault.put_blob(Image::PHOTOS, id, &ready.photo)?;
    ctx.vault.put_blob(Image::PREVIEWS, id, &ready.preview)?;
    if let Some(cover) = &ready.cover {
        ctx.vault.put_blob(Image::COVERS, id, cover)?;
    }
    ctx.vault.put(id, &ready.image)
}
