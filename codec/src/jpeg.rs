//! Cost of decoding a JPEG, from its headers: number of scans, and memory for coefficients. And
//! whether the file has its end.

use jpeg_decoder::{CodingProcess, Decoder, ImageInfo, PixelFormat};

use super::limits::{MAX_DECODE_BYTES, MAX_JPEG_SCANS};

/// Bytes of one coefficient. Each component has at most one a pixel.
const COEFFICIENT_BYTES: u64 = 2;

pub(super) struct JpegHeaders<'a> {
    decoder: Decoder<&'a [u8]>,
    /// `None` for kinds of JPEG that the scaling decoder does not support.
    info: Option<ImageInfo>,
    scans: usize,
    /// Components in the first scan, if it was found.
    first_scan_components: Option<u8>,
}

impl<'a> JpegHeaders<'a> {
    pub(super) fn of(file: &'a [u8]) -> Self {
        let mut decoder = Decoder::new(file);
        let info = decoder.read_info().ok().and_then(|()| decoder.info());
        let after_leading_segments = after_leading_segments(file);
        JpegHeaders {
            decoder,
            info,
            scans: scans(after_leading_segments),
            first_scan_components: match after_leading_segments {
                [0xff, SOS, _, _, components, ..] => Some(*components),
                _ => None,
            },
        }
    }

    /// Memory that a decoder needs beside the picture: all coefficients, unless there is a single
    /// scan.
    pub(super) fn coefficient_bytes(&self, pixels: u64) -> u64 {
        match self.has_single_scan() {
            true => 0,
            false => COEFFICIENT_BYTES * self.components() * pixels,
        }
    }

    /// Whether the file has too many scans and its decoder would not stop by itself. Decoders of
    /// progressive files limit scans; others end with the first scan if it is complete.
    pub(super) fn has_too_many_scans(&self) -> bool {
        let counted = self.info.as_ref().is_some_and(is_progressive) || self.has_single_scan();
        self.scans > MAX_JPEG_SCANS && !counted
    }

    /// The scaling decoder for a picture of this size, if its output is grey or RGB within the
    /// limits.
    pub(super) fn scaling_decoder(self, (width, height): (u32, u32)) -> Option<Decoder<&'a [u8]>> {
        let pixels = u64::from(width) * u64::from(height);
        let coefficients = self.coefficient_bytes(pixels);
        let info = self.info?;
        let fits = (u32::from(info.width), u32::from(info.height)) == (width, height)
            && matches!(info.pixel_format, PixelFormat::L8 | PixelFormat::RGB24)
            && self.scans <= MAX_JPEG_SCANS
            && coefficients <= MAX_DECODE_BYTES;
        fits.then_some(self.decoder)
    }

    fn has_single_scan(&self) -> bool {
        self.info.as_ref().is_some_and(|info| {
            !is_progressive(info)
                && self.first_scan_components.map(u64::from) == Some(self.components())
        })
    }

    /// Number of components; the maximum where it is unknown.
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

/// Second byte of the marker that starts a scan, after 0xff.
const SOS: u8 = 0xda;

/// The file without the segments that precede scans, from a marker on. A thumbnail inside those
/// segments is no scan of this picture.
fn after_leading_segments(file: &[u8]) -> &[u8] {
    let mut rest = without_fill(file.get(2..).unwrap_or_default());
    while let [
        0xff,
        0xc0..=0xc2 | 0xc4 | 0xdb | 0xdd | 0xe0..=0xef | 0xfe,
        high,
        low,
        ..,
    ] = rest
    {
        let length = usize::from(u16::from_be_bytes([*high, *low]));
        rest = without_fill(rest.get(2 + length..).unwrap_or_default());
    }
    rest
}

/// Without the fill bytes that any marker may have before it (ITU-T T.81, B.1.1.2).
fn without_fill(mut bytes: &[u8]) -> &[u8] {
    while let [0xff, 0xff, ..] = bytes {
        bytes = &bytes[1..];
    }
    bytes
}

/// Upper bound of the number of scans: every scan has a marker, but not every such pair of bytes is
/// one.
fn scans(bytes: &[u8]) -> usize {
    let after = bytes.get(1..).unwrap_or_default();
    let pairs = bytes.iter().zip(after);
    pairs
        .filter(|&(&mark, &name)| mark == 0xff && name == SOS)
        .count()
}

/// Second byte of the marker that ends a picture.
const EOI: u8 = 0xd9;

/// Whether a file is a JPEG that ends before its picture does. Decoders fill what is missing with
/// grey, and say nothing. Bytes after the picture are no part of it, and in its scans 0xff begins
/// nothing but markers. A cut is not noticed after a segment between two scans that has the bytes
/// of an end in it, as a thumbnail or a table may.
#[must_use]
pub fn is_cut_off(file: &[u8]) -> bool {
    let mut pairs = after_leading_segments(file).windows(2);
    file.starts_with(&[0xff, 0xd8, 0xff]) && !pairs.any(|pair| pair == [0xff, EOI])
}

#[cfg(test)]
mod tests {
    use super::is_cut_off;

    /// A thumbnail with an end of its own, a scan with a stuffed byte and a restart, and what
    /// cameras append.
    const FILE: [u8; 29] = [
        0xff, 0xd8, 0xff, 0xe1, 0, 6, 0xff, 0xd8, 0xff, 0xd9, 0xff, 0xda, 0, 3, 1, 7, 0xff, 0, 9,
        0xff, 0xd0, 8, 0xff, 0xff, 0xd9, b'a', b'p', b'p', b'!',
    ];

    #[test]
    fn a_jpeg_is_cut_off_until_the_end_of_its_picture() {
        for length in 3..FILE.len() {
            assert_eq!(is_cut_off(&FILE[..length]), length < 25, "{length}");
        }
        assert!(!is_cut_off(&FILE));
        for other in [&b""[..], b"\x89PNG", b"\xff\xd8", b"text"] {
            assert!(!is_cut_off(other));
        }
        // The same with bytes that fill the room before a marker.
        let (head, rest) = FILE.split_at(2);
        let (exif, scans) = rest.split_at(8);
        let filled = [head, &[0xff], exif, &[0xff, 0xff], scans].concat();
        for length in 4..filled.len() {
            assert_eq!(is_cut_off(&filled[..length]), length < 28, "{length}");
        }
        // A segment that says that it is longer than the file.
        assert!(is_cut_off(&[
            0xff, 0xd8, 0xff, 0xe0, 0xff, 0xff, 0xff, 0xd9
        ]));
    }
}
