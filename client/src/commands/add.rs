//! `add`: photos into one's own gallery. All of them, or none.

use std::path::{Path, PathBuf};
use std::time::Duration;

use cameo_codec::limits::MAX_PHOTO_BYTES;
use cameo_codec::{
    Caption, HideOptions, Preview, PreviewError, cover_from_picture, default_cover_from_file,
    preview,
};
use cameo_common::ids::{Hash, UserName, whole_millis};
use clap::Args;
use serde_json::{Value, json};
use tokio::task::spawn_blocking;

use super::{length_of_time, views};
use crate::cli::exit::Failure;
use crate::clock;
use crate::commands::look::{self, LookArguments};
use crate::control;
use crate::flows::context::Context;
use crate::output::{Report, table};
use crate::text::prefix::short;
use crate::text::sanitize::{misleads, shows, tidy};
use crate::vault::files;
use crate::vault::records::{Image, Look, Policy, Terms, UNTITLED};

/// Longest title, in characters.
const MAX_TITLE: usize = 100;
/// Longest file name that is kept, in bytes.
const MAX_FILE_NAME: usize = 200;
/// What `--caption` is here: photos in a gallery have words of their own.
const CAPTION: &str =
    r#"Words on the cover, where no picture is given; else "ask NAME for more", with your name"#;
/// What sealing adds to a photo, at most.
const SEALING_ADDS: usize = 1024;

/// What `add` needs.
#[derive(Debug, Args)]
#[command(mut_arg("caption", |caption| caption.help(CAPTION)))]
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
    expires: Option<Duration>,
    /// Viewers may save the photo to a file.
    #[arg(long)]
    may_save: bool,
    /// What others see it called. They never learn the file's name.
    #[arg(long, default_value = UNTITLED)]
    title: String,
    /// A picture to show in the gallery, for files that cannot be decoded here.
    #[arg(long, value_name = "FILE")]
    preview: Option<PathBuf>,
    #[command(flatten)]
    look: LookArguments,
}

/// A file that was read and can be added.
struct Ready {
    image: Image,
    photo: Vec<u8>,
    preview: Vec<u8>,
    cover: Option<Vec<u8>>,
}

pub async fn run(ctx: &Context, arguments: Arguments) -> Result<Report, Failure> {
    let wishes = Wishes::of(&ctx.me.name, &arguments)?;
    let bar = ctx.out.bar("reading");
    let work = move || {
        let read = |path: &PathBuf| prepare(path, &arguments, &wishes);
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
    let mut known = ctx.vault.list::<Image>()?;
    let mut added: Vec<Value> = Vec::new();
    let mut rows = Vec::new();
    for ready in ready? {
        let image = keep(ctx, ready)?;
        let before = known.iter().find(|(_, known)| known.hash == image.hash);
        let before = before.map(|(_, known)| known.image);
        if let Some(before) = before {
            ctx.out.note(format_args!(
                "{} was in your gallery already, as {}: it is there once more now.",
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
            "height": image.height, "bytes": image.bytes, "policy": image.policy, "views": image.terms.views,
            "media_type": image.media_type, "blake3": image.hash, "codec": image.look.codec,
            "depth": look::depth(&image.look.options()), "caption": image.look.caption, "same_as": before,
        }));
    }
    if control::answers(ctx.vault.home()).await != Ok(true) {
        ctx.out
            .note("Nobody can see it before `cameo agent` runs here.");
    }
    Ok(Report::new(table(&rows)).with("images", added))
}

/// What is asked of every file, checked before any is read.
struct Wishes {
    title: String,
    options: HideOptions,
    caption: Option<Caption>,
}

impl Wishes {
    fn of(owner: &UserName, arguments: &Arguments) -> Result<Self, Failure> {
        Ok(Self {
            title: title(&arguments.title)?,
            options: arguments.look.options()?,
            caption: caption(owner, &arguments.look)?,
        })
    }
}

/// The owner's words, or how to ask for more. A picture of his own is left as it is.
fn caption(owner: &UserName, look: &LookArguments) -> Result<Option<Caption>, Failure> {
    let given = look.caption()?;
    if given.is_some() || look.no_caption || look.cover.is_some() {
        return Ok(given);
    }
    Caption::new(&format!("ask {owner} for more"))
        .map(Some)
        .map_err(|error| Failure::other("caption", error.to_string()))
}

fn shape(image: &Image) -> String {
    if image.width == 0 {
        return format!("{} bytes", image.bytes);
    }
    format!("{} x {}, {} bytes", image.width, image.height, image.bytes)
}

fn prepare(path: &Path, arguments: &Arguments, wishes: &Wishes) -> Result<Ready, Failure> {
    let photo = read(path)?;
    let shown = path.display();
    let made = preview(&photo);
    let made = match (&arguments.preview, made) {
        (None, Ok(made)) => made,
        (None, Err(error)) => return Err(Failure::usage(format!("{shown}: {error}"))),
        (Some(given), made) => given_preview(given, made.ok())?,
    };
    let cover = arguments.look.cover.as_deref();
    let cover = cover
        .map(|cover| own_cover(cover, photo.len(), wishes))
        .transpose()?;
    if cover.is_none() {
        try_cover(path, &made.jpeg, photo.len(), wishes)?;
    }
    let image = Image {
        image: clock::image_id(),
        title: wishes.title.clone(),
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
            codec: wishes.options.codec,
            depth: wishes.options.depth,
            caption: wishes
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

/// The file of a picture that the photo fits into.
fn own_cover(path: &Path, photo: usize, wishes: &Wishes) -> Result<Vec<u8>, Failure> {
    let picture = read(path)?;
    cover_from_picture(&picture, photo + SEALING_ADDS, &wishes.options)
        .map_err(|error| look::unfit(path, &error, &wishes.options))?;
    Ok(picture)
}

/// The cover is made when somebody asks for the photo; that it can be made is seen now.
fn try_cover(path: &Path, preview: &[u8], photo: usize, wishes: &Wishes) -> Result<(), Failure> {
    let payload = photo + SEALING_ADDS;
    default_cover_from_file(preview, wishes.caption.as_ref(), payload, &wishes.options)
        .map(drop)
        .map_err(|error| look::unfit(path, &error, &wishes.options))
}

/// The picture that was given to be shown; what is known of the photo itself stays.
fn given_preview(path: &Path, photo: Option<Preview>) -> Result<Preview, Failure> {
    let given = preview(&read(path)?).map_err(|error| {
        let why = match error {
            PreviewError::NoPicture(error) | PreviewError::Refused(error) => error.to_string(),
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
    let bytes = files::read(path, MAX_PHOTO_BYTES)?;
    if bytes.is_empty() {
        return Err(Failure::usage(format!("{} is empty", path.display())));
    }
    Ok(bytes)
}

fn title(given: &str) -> Result<String, Failure> {
    let title = given.trim();
    if title.chars().any(char::is_control) {
        return Err(Failure::usage("a title is one line of text"));
    }
    if let Some(c) = title.chars().find(|&c| misleads(c)) {
        return Err(Failure::usage(format!(
            "a title has only what is seen in it: leave out U+{:04X}",
            u32::from(c)
        )));
    }
    if !shows(title) || !(1..=MAX_TITLE).contains(&title.chars().count()) {
        return Err(Failure::usage(format!(
            "a title has 1 to {MAX_TITLE} characters"
        )));
    }
    Ok(title.to_owned())
}

fn file_name(path: &Path) -> String {
    let mut name = tidy(&path.file_name().unwrap_or_default().to_string_lossy());
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

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_title_is_what_is_seen_of_it() {
        for good in ["At sea", "שלום", "👩\u{200d}👧", " the sea "] {
            assert_eq!(title(good).unwrap(), good.trim());
        }
        for (bad, says) in [
            ("", "1 to 100"),
            ("\u{200d}", "1 to 100"),
            ("a\nb", "one line"),
            ("gnp\u{202e}exe", "U+202E"),
            ("a\u{2067}b", "U+2067"),
            ("\u{ad}", "U+00AD"),
        ] {
            let refused = title(bad).unwrap_err().message;
            assert!(refused.contains(says), "{refused}");
        }
        assert!(title(&"x".repeat(MAX_TITLE + 1)).is_err());
    }
}
