//! The cover, shown when the photo does not open.

use std::fs::File;
use std::path::Path;

use super::error::Error;
use crate::error_kind::{Classified, ErrorKind};
use crate::flows::context::Context;
use crate::output::Output;
use crate::vault::files::{FileError, NewFile};
use crate::vault::records::GrantHeld;

/// Adds the cover to an error about missing rights: the carrier itself is an ordinary picture.
pub(super) fn with_cover(
    ctx: &Context,
    out: Output,
    grant: &GrantHeld,
    target: Option<&Path>,
    error: Error,
) -> Error {
    if !(error.kind().is_denial() || error.kind() == ErrorKind::UsedUp) {
        return error;
    }
    let Ok(carrier) = ctx.vault.blob_path(GrantHeld::CARRIERS, &grant.blob()) else {
        return error;
    };
    let (cover, uncopied) = match target.map(|target| (target, copy(&carrier, target))) {
        Some((target, Ok(()))) => (target.to_owned(), None),
        Some((_, Err(error))) => (carrier, Some(error.in_short())),
        None => (carrier, None),
    };
    out.note(format_args!("The cover: {}", cover.display()));
    Error::CoverOnly {
        source: Box::new(error),
        grant: grant.grant,
        cover,
        uncopied,
    }
}

fn copy(from: &Path, target: &Path) -> Result<(), FileError> {
    let mut file = NewFile::create(target)?;
    let copied = File::open(from).and_then(|mut from| std::io::copy(&mut from, file.writer()));
    copied.map_err(file.unwritten())?;
    file.commit().map(drop)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_cover_is_copied_completely_and_never_over_another_file() {
        let folder = tempfile::tempdir().unwrap();
        let [from, to] = ["carrier.png", "cover.png"].map(|name| folder.path().join(name));
        std::fs::write(&from, b"a carrier").unwrap();
        copy(&from, &to).unwrap();
        assert_eq!(std::fs::read(&to).unwrap(), b"a carrier");
        std::fs::write(&to, b"mine").unwrap();
        assert!(matches!(copy(&from, &to), Err(FileError::Exists(_))));
        assert_eq!(std::fs::read(&to).unwrap(), b"mine");
    }
}
