//! Integration tests of the image path: hide, reveal, PNG files, covers, previews.

#![allow(clippy::unwrap_used)]

mod checks;
mod covers;
mod damage;
mod must_fail;
mod other_decoders;
mod pictures;
mod png_files;
mod previews;
mod round_trip;
mod vectors;
mod world;
