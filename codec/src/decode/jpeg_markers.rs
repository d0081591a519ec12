//! A JPEG's segments as they follow each other (ITU-T T.81, annex B): frame, scans, EXIF, colour
//! profile, end. Thumbnails inside segments, and bytes after the picture's end, are not of it.

use jpeg_decoder::ColorTransform;

/// Second byte of a marker, after 0xff.
const SOI: u8 = 0xd8;
const EOI: u8 = 0xd9;
const SOS: u8 = 0xda;
const DRI: u8 = 0xdd;
const APP0: u8 = 0xe0;
const APP1: u8 = 0xe1;
const APP2: u8 = 0xe2;
const APP14: u8 = 0xee;

const EXIF: &[u8] = b"Exif\0";
const ICC: &[u8] = b"ICC_PROFILE\0";
/// Bytes of a coefficient in memory.
const COEFFICIENT_BYTES: u64 = 2;
/// Samples along the edge of a block.
const BLOCK_EDGE: u64 = 8;

/// How a frame is coded, as far as it decides who can read it and at what cost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Coding {
    /// Baseline and extended sequential, by Huffman.
    Sequential,
    Progressive,
    /// Not read here; the words say what it is.
    Other(&'static str),
}

/// A frame's header.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Frame {
    pub coding: Coding,
    pub width: u16,
    pub height: u16,
    /// Names of the components.
    pub ids: Vec<u8>,
    /// Horizontal and vertical sampling factor of each component.
    pub sampling: Vec<(u8, u8)>,
}

impl Frame {
    /// `length | precision | height | width | components | (id | factors | table)*`
    fn of(marker: u8, segment: &[u8]) -> Option<Self> {
        let [precision, h1, h0, w1, w0, _, components @ ..] = segment else {
            return None;
        };
        let coding = match (marker, *precision) {
            (0xc0..=0xc2, 9..) => Coding::Other("more than 8 bits a sample"),
            (0xc0 | 0xc1, _) => Coding::Sequential,
            (0xc2, _) => Coding::Progressive,
            (0xc3, _) => Coding::Other("lossless coding"),
            (0xc5..=0xc7 | 0xcd..=0xcf, _) => Coding::Other("hierarchical coding"),
            _ => Coding::Other("arithmetic coding"),
        };
        let components = components.as_chunks::<3>().0.iter();
        Some(Self {
            coding,
            height: u16::from_be_bytes([*h1, *h0]),
            width: u16::from_be_bytes([*w1, *w0]),
            ids: components.clone().map(|[id, ..]| *id).collect(),
            sampling: components.map(|[_, f, _]| (f >> 4, f & 15)).collect(),
        })
    }

    /// Samples of all components before they are brought to one size: whole blocks of each, as in
    /// memory.
    pub fn coded_samples(&self) -> u64 {
        let most = |pick: fn(&(u8, u8)) -> u8| {
            u64::from(self.sampling.iter().map(pick).max().unwrap_or(1).max(1))
        };
        let (across, down) = (most(|f| f.0), most(|f| f.1));
        let units = |edge: u16, most: u64| u64::from(edge).div_ceil(BLOCK_EDGE * most);
        let units = units(self.width, across) * units(self.height, down);
        let blocks: u64 = self
            .sampling
            .iter()
            .map(|(across, down)| u64::from(*across) * u64::from(*down))
            .sum();
        units * blocks * BLOCK_EDGE * BLOCK_EDGE
    }

    /// Memory for coefficients. A sequential frame needs none: its rows are finished as they come.
    pub fn coefficient_bytes(&self) -> u64 {
        match self.coding {
            Coding::Progressive => COEFFICIENT_BYTES * self.coded_samples(),
            _ => 0,
        }
    }
}

/// What the segments of a file say.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Markers<'a> {
    pub frame: Option<Frame>,
    pub scans: usize,
    /// The scans have restart markers.
    pub has_restarts: bool,
    is_jfif: bool,
    /// Which colours an Adobe program says that these are.
    adobe: Option<u8>,
    /// The first EXIF segment, from its TIFF header on: where there are several, it counts.
    pub exif: Option<&'a [u8]>,
    /// Parts of the colour profile with their numbers, as they come.
    icc: Vec<(u8, &'a [u8])>,
    /// The file has the end of its picture.
    pub has_end: bool,
}

impl<'a> Markers<'a> {
    /// Reads a file's segments up to the picture's end, or as far as they go.
    pub fn of(file: &'a [u8]) -> Self {
        let mut found = Self::default();
        let mut rest = file.strip_prefix(&[0xff, SOI]).unwrap_or_default();
        while let Some((marker, after)) = next_marker(rest) {
            rest = after;
            match marker {
                EOI => {
                    found.has_end = true;
                    break;
                }
                // No segment follows these.
                0x01 | 0xd0..=SOI => continue,
                _ => {}
            }
            let Some(segment) = segment(rest) else { break };
            rest = &rest[2 + segment.len()..];
            found.take(marker, segment);
            if marker == SOS {
                rest = after_coded_data(rest);
            }
        }
        found
    }

    fn take(&mut self, marker: u8, segment: &'a [u8]) {
        match marker {
            // All frames but the tables that lie between them.
            0xc0..=0xcf if !matches!(marker, 0xc4 | 0xc8 | 0xcc) && self.frame.is_none() => {
                self.frame = Frame::of(marker, segment);
            }
            SOS => self.scans += 1,
            DRI => self.has_restarts = segment != [0, 0],
            APP0 => self.is_jfif |= segment.starts_with(b"JFIF\0"),
            APP14 => {
                if let [.., transform] = segment
                    && segment.starts_with(b"Adobe")
                {
                    self.adobe = Some(*transform);
                }
            }
            APP1 if self.exif.is_none() => {
                // The name, a zero, and a byte that fills.
                self.exif = segment.strip_prefix(EXIF).and_then(|rest| rest.get(1..));
            }
            APP2 => {
                if let Some([number, _, part @ ..]) = segment.strip_prefix(ICC) {
                    self.icc.push((*number, part));
                }
            }
            _ => {}
        }
    }

    /// Which colours the frame's components are, in the order in which other decoders decide it:
    /// JFIF, then Adobe, then the components' names.
    pub fn colours(&self) -> ColorTransform {
        let ids = self.frame.as_ref().map_or(&[][..], |frame| &frame.ids);
        match (ids.len(), self.adobe) {
            (1, _) => ColorTransform::Grayscale,
            (4, None | Some(0)) => ColorTransform::CMYK,
            (4, Some(_)) => ColorTransform::YCCK,
            _ if self.is_jfif => ColorTransform::YCbCr,
            (_, Some(0)) => ColorTransform::RGB,
            (_, Some(_)) => ColorTransform::YCbCr,
            _ if ids == b"RGB" => ColorTransform::RGB,
            _ => ColorTransform::YCbCr,
        }
    }

    /// The colour profile, of all its parts in the order of their numbers.
    pub fn icc_profile(&self) -> Option<Vec<u8>> {
        let mut parts = self.icc.clone();
        parts.sort_by_key(|(number, _)| *number);
        let profile: Vec<u8> = parts.iter().flat_map(|(_, part)| *part).copied().collect();
        (!profile.is_empty()).then_some(profile)
    }
}

/// The next marker's second byte, and what follows it. Fill bytes may come before any marker
/// (B.1.1.2), and decoders skip bytes that belong to none.
fn next_marker(bytes: &[u8]) -> Option<(u8, &[u8])> {
    let at = bytes.iter().position(|byte| *byte == 0xff)?;
    let filled = bytes[at..].iter().position(|byte| *byte != 0xff)?;
    let rest = &bytes[at + filled..];
    match rest {
        [0, after @ ..] => next_marker_after_zero(after),
        [marker, after @ ..] => Some((*marker, after)),
        [] => None,
    }
}

/// A zero after 0xff is no marker: the search goes on behind it, without recursion.
fn next_marker_after_zero(bytes: &[u8]) -> Option<(u8, &[u8])> {
    let at = bytes
        .windows(2)
        .position(|pair| pair[0] == 0xff && !matches!(pair[1], 0 | 0xff))?;
    Some((bytes[at + 1], &bytes[at + 2..]))
}

/// A segment's bytes without its length.
fn segment(bytes: &[u8]) -> Option<&[u8]> {
    let length = usize::from(u16::from_be_bytes(*bytes.first_chunk()?));
    bytes.get(2..length.max(2))
}

/// What follows a scan's coded data: in it, 0xff is followed by a zero or by a restart's number.
fn after_coded_data(bytes: &[u8]) -> &[u8] {
    let mut pairs = bytes.windows(2);
    let at = pairs.position(|pair| pair[0] == 0xff && !matches!(pair[1], 0 | 0xd0..=0xd7 | 0xff));
    at.map_or(&[], |at| &bytes[at..])
}

/// Whether a file is a JPEG that ends before its picture does. Decoders fill what is missing with
/// grey, and say nothing.
#[must_use]
pub fn is_cut_off(file: &[u8]) -> bool {
    file.starts_with(&[0xff, SOI, 0xff]) && !Markers::of(file).has_end
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    /// A thumbnail with an end of its own, a scan with a stuffed byte and a restart, and what
    /// cameras append.
    const FILE: [u8; 31] = [
        0xff, 0xd8, 0xff, 0xe1, 0, 6, 0xff, 0xd8, 0xff, 0xd9, 0xff, 0xda, 0, 3, 1, 7, 0xff, 0, 9,
        0xff, 0xd0, 8, 0xff, 0xff, 0xd9, b'a', 0xff, 0xda, 0, 2, b'!',
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

    #[test]
    fn neither_thumbnails_nor_bytes_behind_the_picture_count_as_scans() {
        assert_eq!(Markers::of(&FILE).scans, 1);
        // Between two scans a segment with an end and a scan in it.
        let between = [0xff, 0xe1, 0, 6, 0xff, 0xd9, 0xff, 0xda];
        let twice = [&FILE[..22], &between, &[0xff, 0xda, 0, 2, 5, 0xff, 0xd9]].concat();
        let markers = Markers::of(&twice);
        assert_eq!((markers.scans, markers.has_end), (2, true));
    }

    #[test]
    fn the_first_exif_counts_and_the_profile_s_parts_come_in_their_order() {
        let mut file = vec![0xff, SOI];
        let mut put = |marker: u8, bytes: &[u8]| {
            file.extend([0xff, marker]);
            file.extend((bytes.len() as u16 + 2).to_be_bytes());
            file.extend(bytes);
        };
        put(APP2, b"ICC_PROFILE\0\x02\x02le");
        put(APP1, b"http://ns.adobe.com/xap/1.0/\0");
        put(APP1, b"Exif\0\0first");
        put(APP1, b"Exif\0\0second");
        put(APP2, b"ICC_PROFILE\0\x01\x02profi");
        let markers = Markers::of(&file);
        assert_eq!(markers.exif, Some(&b"first"[..]));
        assert_eq!(markers.icc_profile().unwrap(), b"profile");
    }

    #[test]
    fn what_the_components_are_is_told_by_jfif_then_adobe_then_their_names() {
        let colours = |ids: &[u8], is_jfif, adobe| {
            let mut segment = vec![8, 0, 8, 0, 8, ids.len() as u8];
            segment.extend(ids.iter().flat_map(|id| [*id, 0x11, 0]));
            let markers = Markers {
                frame: Frame::of(0xc0, &segment),
                is_jfif,
                adobe,
                ..Markers::default()
            };
            markers.colours()
        };
        assert_eq!(colours(&[1, 2, 3], false, Some(0)), ColorTransform::RGB);
        assert_eq!(colours(b"RGB", true, None), ColorTransform::YCbCr);
        assert_eq!(colours(b"RGB", false, None), ColorTransform::RGB);
        assert_eq!(colours(&[0, 1, 2], false, None), ColorTransform::YCbCr);
        assert_eq!(colours(&[1, 2, 3, 4], true, None), ColorTransform::CMYK);
        assert_eq!(colours(&[1, 2, 3, 4], false, Some(2)), ColorTransform::YCCK);
        assert_eq!(colours(&[1], false, None), ColorTransform::Grayscale);
    }

    #[test]
    fn what_a_frame_takes_is_counted_in_whole_blocks() {
        let frame = |marker, factors: &[u8]| {
            let mut segment = vec![8, 0, 17, 0, 33, factors.len() as u8];
            segment.extend(factors.iter().flat_map(|factors| [1, *factors, 0]));
            Frame::of(marker, &segment).unwrap()
        };
        // 33 x 17 with chroma at half: three by two units of 16 x 16, each of six blocks.
        let halved = frame(0xc2, &[0x22, 0x11, 0x11]);
        assert_eq!((halved.width, halved.height), (33, 17));
        assert_eq!(halved.coded_samples(), 3 * 2 * 6 * 64);
        assert_eq!(halved.coefficient_bytes(), 2 * halved.coded_samples());
        assert_eq!(frame(0xc0, &[0x22, 0x11, 0x11]).coefficient_bytes(), 0);
        assert_eq!(frame(0xc0, &[0x11]).coded_samples(), 5 * 3 * 64);
        for (marker, words) in [(0xc3, "lossless"), (0xc9, "arithmetic"), (0xc6, "hierarch")] {
            let coding = frame(marker, &[0x11]).coding;
            assert!(matches!(coding, Coding::Other(found) if found.contains(words)));
        }
    }
}
