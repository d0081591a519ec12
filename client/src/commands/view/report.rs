//! The report of a view.

use cameo_common::api::RESUME_WINDOW;
use cameo_common::ids::{Hash, Millis};

use super::show::Shown;
use crate::flows::open::Viewed;
use crate::output::Report;
use crate::text::sanitize::sanitize;
use crate::vault::records::GrantHeld;
use crate::viewer::{Host, PAGE_LIFE};

pub(super) fn report(
    grant: &GrantHeld,
    viewed: &Viewed,
    shown: &Shown,
    owner_retired: Option<Millis>,
) -> Report {
    let photo = &viewed.photo;
    let how = match shown {
        Shown::Saved(target) => format!("saved to {}", target.display()),
        Shown::Page(_) => "shown in your browser".to_owned(),
        Shown::Decoded(width, height) => {
            format!("opened: {width} x {height} pixels, not shown")
        }
        Shown::NoPicture => format!(
            "opened, but it is not a picture that can be shown here; if its owner permits that, \
             `--save` saves it without another charge, until {} minutes after the charge",
            RESUME_WINDOW.as_secs() / 60
        ),
    };
    let mut text = format!(
        "View {} of {}: {how}. {} left.",
        viewed.number,
        viewed.used + viewed.left,
        viewed.left
    );
    if viewed.resumed {
        text.push_str(" It was begun before, and was charged once.");
    }
    match shown {
        Shown::Page(Host::Agent) => text.push_str(&format!(
            " The page can be reloaded for {} minutes.",
            PAGE_LIFE.as_secs() / 60
        )),
        Shown::Page(Host::Command) => {
            text.push_str(" The page cannot be reloaded: that takes a running `cameo agent`.");
        }
        _ => {}
    }
    if owner_retired.is_some() {
        let owner = &grant.owner;
        text.push_str(&format!(
            " The operator has retired {owner}: there will be no more."
        ));
    }
    let report = Report::new(text)
        .with("grant", grant.grant)
        .with("owner", &grant.owner)
        .with("owner_retired", owner_retired)
        .with("blake3", Hash::of(&photo.bytes))
        .with("bytes", photo.bytes.len())
        .with("media_type", &photo.info.media_type)
        .with("name", sanitize(&photo.info.name))
        .with("number", viewed.number)
        .with("used", viewed.used)
        .with("left", viewed.left)
        .with("resumed", viewed.resumed);
    match shown {
        Shown::Saved(target) => report.with("shown", "saved").with_file("saved", target),
        Shown::Page(host) => report
            .with("shown", "page")
            .with("reloads", *host == Host::Agent),
        Shown::Decoded(width, height) => report
            .with("shown", "decoded")
            .with("width", width)
            .with("height", height),
        Shown::NoPicture => report.with("shown", "no_picture"),
    }
}
