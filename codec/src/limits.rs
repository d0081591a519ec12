//! Every bound of the image path, in one place. Bytes and pixels are counted before memory is taken for them.

/// The largest photo file that can be shared.
pub const MAX_PHOTO_BYTES: usize = 64 << 20;

/// The largest payload that can be hidden: a photo and what its sealing adds.
pub const MAX_PAYLOAD_BYTES: usize = MAX_PHOTO_BYTES + (64 << 10);

/// The longest edge, in pixels, of any picture that is read.
pub const MAX_EDGE: u32 = 40_000;

/// The largest picture that is decoded for a preview or a cover, in pixels.
pub const MAX_PIXELS: u64 = 64 << 20;

/// What decoding one picture may allocate, in bytes.
pub const MAX_DECODE_BYTES: u64 = 512 << 20;

/// Scans of one JPEG: each may cost a pass over the whole picture and take a few bytes only. Cameras write about ten.
pub const MAX_JPEG_SCANS: usize = 100;

/// The largest cover or carrier, in pixels: the largest payload at depth 2 fits.
pub const MAX_CARRIER_PIXELS: u64 = 96 << 20;

/// The largest cover or carrier file, in bytes: holds every picture within the limits, also where nothing compresses.
pub const MAX_CARRIER_BYTES: usize = 4 * MAX_CARRIER_PIXELS as usize + (8 << 20);

/// Chunks in one PNG; ours have one per strip and three more.
pub const MAX_PNG_CHUNKS: usize = 1 << 17;

/// Longest edge of a preview, in pixels.
pub const PREVIEW_EDGE: u32 = 320;

/// The largest preview, in bytes.
pub const MAX_PREVIEW_BYTES: usize = 48 << 10;

/// Longest edge of the thumbnail that a default cover is enlarged from: it bounds what the cover tells.
pub const COVER_THUMBNAIL_EDGE: u32 = 64;

/// A default cover is no longer than this many times its width, nor wider than that many times its height.
pub const MAX_COVER_ASPECT: u32 = 4;

/// The longest caption on a cover, in characters.
pub const MAX_CAPTION_CHARS: usize = 80;
