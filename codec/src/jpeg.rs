//! What a JPEG says of itself before its picture is decoded: how much work its scans are, and how much memory.

use jpeg_decoder::{CodingProcess, Decoder, ImageInfo, PixelFormat};

use super::limits::{MAX_DECODE_BYTES, MAX_JPEG_SCANS};

/// Bytes of one coefficient, of which each component has one a pixel at most.
const COEFFICIENT_BYTES: u64 = 2;

pub(super) struct Outline<'a> {
    decoder: Decoder<&'a [u8]>,
    /// `None` where it is no kind of JPEG that the scaling decoder knows.
    info: Option<ImageInfo>,
    scans: usize,
    /// Components in the first scan, where it is found.
    in_first_scan: Option<u8>,
}

impl<'a> Outline<'a> {
    pub(super) fn of(file: &'a [u8]) -> Self {
        let mut decoder = Decoder::new(file);
        let info = decoder.read_info().ok().and_then(|()| decoder.info());
        let behind_the_head = behind_the_head(file);
        Outline {
            decoder,
            info,
            scans: scans(behind_the_head),
            in_first_scan: match behind_the_head {
                [0xff, SOS, _, _, components, ..] => Some(*components),
                _ => None,
            },
        }
    }

    /// What a decoder has to keep beside the picture: all coefficients, unless the first scan is the whole.
    pub(super) fn coefficient_bytes(&self, pixels: u64) -> u64 {
        match self.is_whole_at_once() {
            true => 0,
            false => COEFFICIENT_BYTES * self.components() * pixels,
        }
    }

    /// Whether a decoder that counts no scans may decode all of them. Decoders of progressive files count, and others
    /// end with the first scan if that is the whole.
    pub(super) fn has_too_many_scans(&self) -> bool {
        let counted = self.info.as_ref().is_some_and(is_progressive) || self.is_whole_at_once();
        self.scans > MAX_JPEG_SCANS && !counted
    }

    /// The decoder, for a picture of this size, if it gives grey or RGB within the limits.
    pub(super) fn scaling_decoder(self, (width, height): (u32, u32)) -> Option<Decoder<&'a [u8]>> {
        let pixels = u64::from(width) * u64::from(height);
        let held = self.coefficient_bytes(pixels);
        let info = self.info?;
        let fits = (u32::from(info.width), u32::from(info.height)) == (width, height)
            && matches!(info.pixel_format, PixelFormat::L8 | PixelFormat::RGB24)
            && self.scans <= MAX_JPEG_SCANS
            && held <= MAX_DECODE_BYTES;
        fits.then_some(self.decoder)
    }

    fn is_whole_at_once(&self) -> bool {
        self.info.as_ref().is_some_and(|info| {
            !is_progressive(info) && self.in_first_scan.map(u64::from) == Some(self.components())
        })
    }

    /// The most there are, where it is not known.
    fn components(&self) -> u64 {
        match self.info.as_ref().map(|info| info.pixel_format) {
            Some(PixelFormat::L8 | PixelFormat::L16) => 1,
            Some(PixelFormat::RGB24) => 3,
            Some(PixelFormat::CMYK32) | None => 4,
        }
    }
}

fn is_progressive(info: &ImageInfo) -> bool {
    info.coding_process == CodingProcess::DctProgressive
}

/// The marker that begins a scan, behind 0xff.
const SOS: u8 = 0xda;

/// From the first thing on that is no segment as stands in front of scans: what is in those, a thumbnail perhaps, is
/// no scan of this picture.
fn behind_the_head(file: &[u8]) -> &[u8] {
    let mut rest = file.get(2..).unwrap_or_default();
    while let [
        0xff,
        0xc0..=0xc2 | 0xc4 | 0xdb | 0xdd | 0xe0..=0xef | 0xfe,
        high,
        low,
        ..,
    ] = rest
    {
        let length = usize::from(u16::from_be_bytes([*high, *low]));
        rest = rest.get(2 + length..).unwrap_or_default();
    }
    rest
}

/// At least so many scans: no decoder sees one without its marker, though not each pair of bytes needs to be one.
fn scans(bytes: &[u8]) -> usize {
    let after = bytes.get(1..).unwrap_or_default();
    let pairs = bytes.iter().zip(after);
    pairs
        .filter(|&(&mark, &name)| mark == 0xff && name == SOS)
        .count()
}
