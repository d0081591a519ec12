//! Division of rows into strips, which writer and reader share.

use crate::picture::Channels;

/// Filtered bytes of a strip: small enough for the cache, large enough that its code table costs
/// little.
const STRIP_BYTES: usize = 192 << 10;

/// Rows in each strip except the last.
pub(super) fn rows(width: u32, channels: Channels) -> usize {
    (STRIP_BYTES / filtered_row_bytes(width, channels)).max(1)
}

/// Bytes of a row including the filter type in front.
pub(super) fn filtered_row_bytes(width: u32, channels: Channels) -> usize {
    width as usize * channels.count() + 1
}

/// Adler-32 of two concatenated pieces, from that of each (RFC 1950). `len` is the length of the
/// second.
pub(super) fn join_adler(first: u32, second: u32, len: usize) -> u32 {
    const BASE: u64 = 65_521;
    let (a1, b1) = (u64::from(first & 0xffff), u64::from(first >> 16));
    let (a2, b2) = (u64::from(second & 0xffff), u64::from(second >> 16));
    let len = len as u64 % BASE;
    // Each sum starts at 1: the second's start is subtracted, the first's result added.
    let a = (a1 + a2 + BASE - 1) % BASE;
    let b = (b1 + b2 + len * (a1 + BASE - 1)) % BASE;
    (b << 16 | a) as u32
}

pub(super) fn adler(bytes: &[u8]) -> u32 {
    let mut adler = simd_adler32::Adler32::new();
    adler.write(bytes);
    adler.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn joined_checksums_equal_the_checksum_of_the_whole() {
        let bytes: Vec<u8> = (0..200_000u32)
            .map(|i| (i.wrapping_mul(i) >> 3) as u8)
            .collect();
        for cut in [0, 1, 2, 65_520, 65_521, 65_522, 131_072, bytes.len()] {
            let (first, second) = bytes.split_at(cut);
            assert_eq!(
                join_adler(adler(first), adler(second), second.len()),
                adler(&bytes),
                "cut at {cut}"
            );
        }
    }

    #[test]
    fn the_checksum_matches_the_rfc() {
        let slow = |bytes: &[u8]| {
            let (a, b) = bytes.iter().fold((1u32, 0u32), |(a, b), &byte| {
                let a = (a + u32::from(byte)) % 65_521;
                (a, (b + a) % 65_521)
            });
            b << 16 | a
        };
        for len in [0, 1, 31, 5551, 5553, 70_000] {
            let bytes = vec![255; len];
            assert_eq!(adler(&bytes), slow(&bytes));
        }
    }
}
