//! PNG for carriers and covers: 8-bit RGB and RGBA (PNG third edition; RFC 1950, 1951).
//!
//! A picture is written in strips of rows. Each strip is filtered and compressed by itself, refers to nothing
//! before it, and is an IDAT chunk of its own that ends on a whole byte: all strips can be written at once. Any
//! decoder reads the result as one stream; ours, seeing strips that stand alone, reads them at once too.

mod chunk;
mod deflate;
mod filter;
mod huffman;
mod read;
mod stream;
mod strip;
mod strips;
mod write;

pub use chunk::is_bare;
pub use read::{PngError, read};
pub(crate) use read::{read_unless, size};
pub(crate) use write::write_unless;
pub use write::{write, write_to};
