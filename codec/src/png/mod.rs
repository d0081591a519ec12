//! PNG for carriers and covers: 8-bit RGB and RGBA (PNG third edition; RFC 1950, 1951).
//!
//! A picture is written in strips of rows. Each strip is filtered and compressed independently of
//! those before it, and is an IDAT chunk that ends on a byte boundary, so all strips can be
//! compressed in parallel. Any decoder reads the result as one stream. Our decoder detects
//! independent strips and reads them in parallel too.

mod chunk;
mod deflate;
mod error;
mod filter;
mod header;
mod huffman;
mod read;
mod stream;
mod strip;
mod strips;
mod write;

pub use chunk::is_bare;
pub use error::PngError;
pub(crate) use header::size;
pub use read::read;
pub(crate) use read::read_cancellable;
pub(crate) use write::write_cancellable;
pub use write::{write, write_to};
