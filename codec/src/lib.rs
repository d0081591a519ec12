//! Steganography for sealed payloads: hiding bytes in a cover picture and extracting them.
//!
//! [`hide`] (workers) and [`reveal`] (clients) are pure functions of their input and run on the
//! rayon pool they are called in. [`cover`] makes covers, [`mod@preview`] makes previews, [`png`]
//! reads and writes pictures.
//!
//! A `veil` carrier is invisible to the eye. It is not undetectable, and secrecy does not depend on
//! it: payloads are sealed before they reach this crate.

mod alpha;
mod cancel;
mod caption;
mod check;
pub mod cover;
mod decode;
mod header;
mod hide;
mod inspect;
pub mod job;
mod key;
mod layout;
pub mod limits;
mod memory;
mod options;
mod picture;
pub mod png;
pub mod preview;
mod reveal;
mod scale;
mod size;
mod symbols;
mod veil;
#[cfg(test)]
mod work;

pub use cancel::{CancelToken, Cancelled};
pub use caption::{Caption, CaptionError};
pub use check::{CheckError, check};
pub use cover::{CoverError, cover_from_picture, default_cover, default_cover_from_file};
pub use decode::{Appearance, DecodeError, appearance, dimensions, is_cut_off, is_guarded};
pub use hide::{HideError, TooSmall, embed, hide, hide_to};
pub use inspect::{Inspection, inspect};
pub use key::CodecKey;
pub use memory::Memory;
pub use options::{Codec, DepthError, HideOptions};
pub use picture::{Channels, Picture};
pub use png::PngError;
pub use preview::{Preview, PreviewError, preview, upright_png};
pub use reveal::{Identity, RevealError, extract, identify, reveal};
pub use size::capacity;
