//! The image path from outside: hide, reveal, PNG files, covers, previews.

#![allow(clippy::unwrap_used)]

mod checks;
mod covers;
mod damage;
mod elsewhere;
mod pictures;
mod png_files;
mod previews;
mod round_trip;
mod vectors;
