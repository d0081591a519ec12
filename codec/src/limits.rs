//! Limits of the image path. Bytes and pixels are counted before memory is allocated for them.

/// Largest photo file that can be shared, in bytes.
pub const MAX_PHOTO_BYTES: usize = 64 << 20;

/// Largest payload that can be hidden, in bytes: a photo plus the overhead of sealing.
pub const MAX_PAYLOAD_BYTES: usize = MAX_PHOTO_BYTES + (64 << 10);

/// Longest edge of any picture that is read, in pixels.
pub const MAX_EDGE: u32 = 40_000;

/// Largest picture that is decoded for a preview or a cover, in pixels: phones take 108 million.
pub const MAX_PIXELS: u64 = 128 << 20;

/// Most that decoding one picture may allocate, in bytes.
pub const MAX_DECODE_BYTES: u64 = 512 << 20;

/// Scans in one JPEG. Each may cost a pass over the whole picture and take only a few bytes of the
/// file. Cameras write about ten.
pub const MAX_JPEG_SCANS: usize = 100;

/// Largest cover or carrier, in pixels. The largest payload fits at depth 2.
pub const MAX_CARRIER_PIXELS: u64 = 96 << 20;

/// Largest cover or carrier file, in bytes. Every picture within the limits fits, also where
/// nothing compresses.
pub const MAX_CARRIER_BYTES: usize = 4 * MAX_CARRIER_PIXELS as usize + (8 << 20);

/// Chunks in one PNG. Our files have one per strip and three more.
pub const MAX_PNG_CHUNKS: usize = 1 << 17;

/// Longest edge of a preview, in pixels.
pub const PREVIEW_EDGE: u32 = 320;

/// Largest preview, in bytes.
pub const MAX_PREVIEW_BYTES: usize = 48 << 10;

/// Longest edge of the thumbnail that a default cover is enlarged from, in pixels. It bounds what
/// the cover reveals of the photo.
pub const COVER_THUMBNAIL_EDGE: u32 = 64;

/// Largest ratio of the longer to the shorter edge of a default cover.
pub const MAX_COVER_ASPECT: u32 = 4;

/// Longest caption of a cover, in characters.
pub const MAX_CAPTION_CHARS: usize = 80;
