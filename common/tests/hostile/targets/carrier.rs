//! Any bytes as a carrier's file, compared with the `png` crate.

use cameo_codec::png::{self, PngError};
use cameo_codec::{Channels, CodecKey, Picture, RevealError, identify, inspect, reveal};

/// The key of the pinned carriers, so that some of the fuzzer's files open.
pub const KEY: [u8; 32] = [
    0x57, 0xa7, 0x7f, 0x0e, 0xa2, 0x0a, 0x83, 0x99, 0xfb, 0xc2, 0xe5, 0x56, 0xe1, 0x5c, 0x04, 0x41,
    0x84, 0xa3, 0x47, 0xbc, 0xac, 0x1a, 0xcf, 0x0a, 0x6e, 0x74, 0x46, 0x7e, 0xbd, 0x2d, 0xea, 0x2f,
];

pub fn carrier(file: &[u8]) {
    let _ = read_everywhere(file);
}

/// Reads a file with every function of the codec. All must agree, and a picture must be the one
/// that the `png` crate reads.
pub fn read_everywhere(file: &[u8]) -> Result<Picture, PngError> {
    let key = CodecKey::from_bytes(KEY);
    let read = png::read(file);
    let (inspected, revealed) = (inspect(file), reveal(file, &key));
    match &read {
        Ok(picture) => {
            let identified = identify(picture, &key);
            assert!(decode_elsewhere(file).is_ok_and(|seen| seen == *picture));
            let inspected = inspected.expect("what can be read can be inspected");
            assert_eq!((inspected.width, inspected.height), picture.size());
            match revealed {
                Ok(payload) => {
                    let header = identified.expect("a payload has a header");
                    assert_eq!(payload.len() as u64, header.payload);
                }
                Err(RevealError::NotOurs) => assert_eq!(identified, Err(RevealError::NotOurs)),
                Err(RevealError::Damaged | RevealError::Unknown) => {}
                Err(RevealError::Png(error)) => panic!("read, and not revealed: {error}"),
            }
        }
        Err(error) => {
            assert_eq!(inspected.as_ref(), Err(error));
            assert_eq!(revealed, Err(RevealError::Png(error.clone())));
        }
    }
    read
}

/// The picture by the `png` crate, read to its end with all checksums.
pub fn decode_elsewhere(file: &[u8]) -> Result<Picture, String> {
    let mut options = ::png::DecodeOptions::default();
    options.set_ignore_adler32(false);
    let decoder = ::png::Decoder::new_with_options(std::io::Cursor::new(file), options);
    let mut reader = decoder.read_info().map_err(|error| error.to_string())?;
    let mut samples = vec![0; reader.output_buffer_size().ok_or("too large")?];
    let info = reader
        .next_frame(&mut samples)
        .map_err(|error| error.to_string())?;
    reader.finish().map_err(|error| error.to_string())?;
    let channels = match (info.color_type, info.bit_depth) {
        (::png::ColorType::Rgb, ::png::BitDepth::Eight) => Channels::Rgb,
        (::png::ColorType::Rgba, ::png::BitDepth::Eight) => Channels::Rgba,
        other => return Err(format!("{other:?}")),
    };
    Picture::new(info.width, info.height, channels, samples).ok_or("empty".into())
}

/// Pixels that a PNG's header claims; 0 where there is none.
pub fn area(file: &[u8]) -> u64 {
    let edge = |at: usize| {
        let bytes = file.get(at..at + 4).and_then(|bytes| bytes.try_into().ok());
        u64::from(u32::from_be_bytes(bytes.unwrap_or_default()))
    };
    edge(16) * edge(20)
}
