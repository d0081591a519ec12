//! A PNG built around a fuzzer's header and stream with correct checksums, so that the code behind
//! the checksums is reached.

use std::io::Read;

use cameo_codec::Picture;

use super::carrier::{area, decode_elsewhere, read_everywhere};
use super::input::Input;

/// The `png` crate allocates what a header claims; ours compares it with the stream's length first.
const MAX_PIXELS: u64 = 4 << 20;

/// `[flags][IHDR: 13][cuts][where to cut: 2 bytes each][stream]`
pub fn carrier_built(data: &[u8]) {
    let mut input = Input(data);
    let flags = input.byte();
    let ihdr: [u8; 13] = input.array();
    let cuts: Vec<usize> = (0..input.byte() % 8).map(|_| input.short()).collect();
    let mut stream = input.0.to_vec();
    if flags & 1 == 0 {
        end_with_its_sum(&mut stream);
    }
    let file = png(&ihdr, &stream, &cuts);
    let inflated = inflated(&stream);
    match read_everywhere(&file) {
        Ok(picture) => assert_eq!(inflated, Some(filtered(&picture))),
        Err(_) if area(&file) > MAX_PIXELS => {}
        // Other decoders stop at the last row, and do not see errors after it.
        Err(error) => {
            if let Ok(seen) = decode_elsewhere(&file) {
                assert_ne!(inflated, Some(filtered(&seen)), "only here: {error}");
            }
        }
    }
}

/// Number of bytes of the stream by a third decoder, if the stream is whole and its checksum is
/// correct.
fn inflated(stream: &[u8]) -> Option<usize> {
    let mut raw = Vec::new();
    let inflate = flate2::read::ZlibDecoder::new(stream);
    let read = inflate.take(32 << 20).read_to_end(&mut raw);
    read.ok().map(|_| raw.len())
}

/// Bytes of a picture's stream: its samples, and a filter byte a row.
fn filtered(picture: &Picture) -> usize {
    picture.samples().len() + picture.height() as usize
}

/// Appends the correct Adler-32 to a zlib stream without one; a stream that does not inflate stays
/// as it is.
fn end_with_its_sum(stream: &mut Vec<u8>) {
    let Some(deflated) = stream.get(2..) else {
        return;
    };
    let mut raw = Vec::new();
    let mut inflate = flate2::bufread::DeflateDecoder::new(deflated);
    if inflate
        .by_ref()
        .take(32 << 20)
        .read_to_end(&mut raw)
        .is_ok()
    {
        stream.truncate(2 + inflate.total_in() as usize);
        let mut adler = simd_adler32::Adler32::new();
        adler.write(&raw);
        stream.extend(adler.finish().to_be_bytes());
    }
}

/// Cuts the stream into IDAT chunks of the given lengths, the last one with the rest.
pub fn png(ihdr: &[u8], stream: &[u8], cuts: &[usize]) -> Vec<u8> {
    let mut file = b"\x89PNG\r\n\x1a\n".to_vec();
    let mut chunk = |name: &[u8; 4], data: &[u8]| {
        file.extend((data.len() as u32).to_be_bytes());
        let body = [name, data].concat();
        file.extend(&body);
        file.extend(crc32fast::hash(&body).to_be_bytes());
    };
    chunk(b"IHDR", ihdr);
    let mut rest = stream;
    for &cut in cuts {
        let (idat, after) = rest.split_at(cut.min(rest.len()));
        chunk(b"IDAT", idat);
        rest = after;
    }
    chunk(b"IDAT", rest);
    chunk(b"IEND", &[]);
    file
}
