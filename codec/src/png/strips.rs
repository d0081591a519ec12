//! Parallel decoding of PNGs whose strips are compressed independently, as our writer makes them.
//!
//! The result must equal that of a sequential decoder. So each strip must contain whole rows, must
//! not refer to anything before it, and must end on a byte boundary between two DEFLATE blocks:
//! then the concatenated strips are one stream.

use fdeflate::Decompressor;
use rayon::prelude::*;

use crate::cancel::CancelToken;

use super::filter::{self, Filter};
use super::header::Head;
use super::strip::{self, adler, join_adler};
use super::write::ZLIB_HEADER;

/// Decodes independent strips in parallel. `None` when the chunks are no independent strips, or on
/// any error: then the sequential decoder runs, which also produces the error message.
pub(super) fn read(cancel: &CancelToken, head: &Head, idats: &[&[u8]]) -> Option<Vec<u8>> {
    let rows = strip::rows(head.width, head.channels);
    if idats.len() < 2 || idats.len() != (head.height as usize).div_ceil(rows) {
        return None;
    }
    let (last, before) = idats.split_last()?;
    let (last, sum) = last.split_last_chunk::<4>()?;
    let mut bodies = before.to_vec();
    bodies.push(last);
    bodies[0] = bodies[0].strip_prefix(&ZLIB_HEADER)?;

    let mut samples = vec![0; head.row_bytes() * head.height as usize];
    let sums: Option<Vec<(u32, usize)>> = samples
        .par_chunks_mut(rows * head.row_bytes())
        .zip(bodies)
        .enumerate()
        .map(|(i, (samples, body))| {
            cancel.check().ok()?;
            #[cfg(test)]
            crate::work::unit();
            read_strip(head, body, i + 1 == idats.len(), samples)
        })
        .collect();
    let joined = sums?
        .into_iter()
        .fold(1, |adler, (next, len)| join_adler(adler, next, len));
    (joined == u32::from_be_bytes(*sum)).then_some(samples)
}

/// Decodes one strip into `samples`. Returns its Adler-32 and the number of its filtered bytes.
fn read_strip(head: &Head, body: &[u8], last: bool, samples: &mut [u8]) -> Option<(u32, usize)> {
    let row_bytes = head.row_bytes();
    let len = samples.len() / row_bytes * (row_bytes + 1);
    let filtered = inflate(body, last, len)?;
    let mut above: Option<&mut [u8]> = None;
    for (raw, row) in filtered
        .chunks_exact(row_bytes + 1)
        .zip(samples.chunks_exact_mut(row_bytes))
    {
        let filter = Filter::from_byte(raw[0])?;
        row.copy_from_slice(&raw[1..]);
        match above {
            Some(above) => filter::undo(head.channels, filter, row, above),
            None if filter.is_independent() => filter::undo(head.channels, filter, row, &raw[1..]),
            None => return None,
        }
        above = Some(row);
    }
    Some((adler(&filtered), len))
}

/// Inflates a strip to exactly `len` bytes. `None` unless the strip has exactly this many and ends
/// between two blocks; for the last strip, at the end of the stream.
///
/// fdeflate does not expose the decoder's state, so it is probed. After the strip, the decoder gets
/// a final stored block that contains the strip's own hash; it must return the hash and end exactly
/// there. Between two blocks it does so. Inside a block, the same bits are code tables, code
/// lengths or literals, and would have to decode to a hash of the bytes that contain them.
fn inflate(body: &[u8], last: bool, len: usize) -> Option<Vec<u8>> {
    const FINAL_STORED_BLOCK: [u8; 5] =
        [1, blake3::OUT_LEN as u8, 0, !(blake3::OUT_LEN as u8), 0xff];
    let hash = blake3::hash(body);
    let (ending, probe) = if last {
        (&[][..], &[][..])
    } else {
        (&FINAL_STORED_BLOCK[..], &hash.as_bytes()[..])
    };
    // One byte of spare room, so that the decoder never stops for lack of output space.
    let mut filtered = vec![0; len + probe.len() + 1];
    let mut inflate = Decompressor::new();
    inflate.ignore_adler32();
    let mut read = |input: &[u8], at, end| {
        let (_, written) = inflate.read(input, &mut filtered, at, end).ok()?;
        Some((written, inflate.is_done()))
    };
    if read(&[&ZLIB_HEADER, body].concat(), 0, false)? != (len, false) {
        return None;
    }
    // The decoder is done at the fourth byte of the checksum, right or wrong. Three bytes do not
    // end it.
    let unfinished = [ending, probe, &[0; 3]].concat();
    if read(&unfinished, len, false)? != (probe.len(), false)
        || read(&[0], len + probe.len(), true)? != (0, true)
    {
        return None;
    }
    if !filtered[len..].starts_with(probe) {
        return None;
    }
    filtered.truncate(len);
    Some(filtered)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::io::Read;

    use proptest::prelude::*;

    use super::*;

    const ROW: [u8; 4] = [0, 1, 2, 3];

    /// Whether our sequential decoder accepts the deflated bytes as one whole stream of `raw`.
    fn sequential(deflated: &[u8], raw: &[u8]) -> bool {
        let sum = adler(raw).to_be_bytes();
        let stream = [&ZLIB_HEADER, deflated, &sum].concat();
        fdeflate::decompress_to_vec(&stream).as_deref() == Ok(raw)
    }

    /// The same for flate2. It is stricter: in blocks with fixed codes, fdeflate takes the reserved
    /// symbols 286 and 287 for the end of the block.
    fn flate2_accepts(deflated: &[u8], raw: &[u8]) -> bool {
        let mut seen = Vec::new();
        let mut inflate = flate2::bufread::DeflateDecoder::new(deflated);
        let read = inflate.read_to_end(&mut seen);
        read.is_ok() && inflate.total_in() == deflated.len() as u64 && seen == raw
    }

    /// A row in a stored block, followed by the bytes under test.
    fn strip(tail: &[u8]) -> Vec<u8> {
        [&[0, 4, 0, 251, 255], &ROW[..], tail].concat()
    }

    /// Between two blocks anything may follow. All three endings must be accepted: one alone could
    /// be the rest of an open block.
    fn ends_between_blocks(strip: &[u8], is_read: impl Fn(&[u8], &[u8]) -> bool) -> bool {
        let any: [(&[u8], &[u8]); 3] = [
            (&[1, 0, 0, 0xff, 0xff], b""),
            (&[0xf8, 0, 0, 0xff, 0xff, 3, 0], b""),
            (&[0xf9, 3, 0, 0xfc, 0xff, b'e', b'n', b'd'], b"end"),
        ];
        any.iter()
            .all(|(end, raw)| is_read(&[strip, *end].concat(), &[&ROW, *raw].concat()))
    }

    fn assert_agrees_with_sequential(tail: &[u8]) {
        let strip = strip(tail);
        let here = |last| inflate(&strip, last, ROW.len()).inspect(|raw| assert_eq!(*raw, ROW));
        let (between, ended) = (here(false).is_some(), here(true).is_some());
        assert_eq!(
            between,
            ends_between_blocks(&strip, sequential),
            "{tail:02x?}"
        );
        assert_eq!(ended, sequential(&strip, &ROW), "the last, {tail:02x?}");
        assert!(
            between || !ends_between_blocks(&strip, flate2_accepts),
            "{tail:02x?}"
        );
        assert!(
            ended || !flate2_accepts(&strip, &ROW),
            "the last, {tail:02x?}"
        );
    }

    #[test]
    fn every_tail_of_two_bytes_is_judged_as_by_the_sequential_decoder() {
        assert_agrees_with_sequential(&[]);
        for first in 0..=255 {
            assert_agrees_with_sequential(&[first]);
            for second in 0..=255 {
                assert_agrees_with_sequential(&[first, second]);
            }
        }
    }

    /// Bits, lowest first, as bytes; a last incomplete byte is dropped.
    fn whole_bytes(bits: &[bool]) -> Vec<u8> {
        let byte = |bits: &[bool]| {
            bits.iter()
                .rev()
                .fold(0, |byte, &bit| byte << 1 | u8::from(bit))
        };
        bits.chunks_exact(8).map(byte).collect()
    }

    /// Empty blocks, which shift what follows to any bit of a byte, and then the head of a block
    /// with dynamic codes (RFC 1951, 3.2.7). Of its two one-bit codes, one ends the block and the
    /// other begins literals.
    fn head_of_block(empty: usize, last: bool, end: bool, spare: u32) -> Vec<bool> {
        let mut bits = Vec::new();
        let mut put = |value: u32, count: u32| bits.extend((0..count).map(|i| value >> i & 1 == 1));
        for _ in 0..empty {
            put(0b010, 10);
        }
        put(u32::from(last), 1);
        put(0b10, 2);
        // 257 literal codes and one distance code. Code lengths 0, 1, 2 and a run of zeros have the
        // codes 00, 01, 10 and 11; their places in the order are 3, 17, 15 and 2.
        put(0, 10);
        let coded = 18 + spare;
        put(coded - 4, 4);
        for at in 0..coded {
            put(if [2, 3, 15, 17].contains(&at) { 2 } else { 0 }, 3);
        }
        let (one, two, run) = (0b10, 0b01, 0b11);
        let (literals, zeros) = if end {
            (&[one][..], 255)
        } else {
            (&[two, two][..], 254)
        };
        literals.iter().for_each(|&length| put(length, 2));
        for zeros in [138, zeros - 138] {
            put(run, 2);
            put(zeros - 11, 7);
        }
        put(one, 2);
        put(one, 2);
        bits
    }

    #[test]
    fn a_block_that_a_single_bit_could_end_is_not_taken_as_ended() {
        for (last, end) in [(false, false), (false, true), (true, false), (true, true)] {
            let mut whole = 0;
            for (empty, spare) in (0..4).flat_map(|empty| [(empty, 0), (empty, 1)]) {
                let bits = head_of_block(empty, last, end, spare);
                whole += usize::from(bits.len().is_multiple_of(8));
                let tail = whole_bytes(&bits);
                for cut in 0..=tail.len() {
                    assert_agrees_with_sequential(&tail[..cut]);
                    let strip = strip(&tail[..cut]);
                    let here = inflate(&strip, false, ROW.len()).is_some();
                    assert_eq!(here, ends_between_blocks(&strip, flate2_accepts));
                }
                // Once ended, it is a complete block without literals, and is accepted.
                let ended = [&bits[..], &[end], &[false; 7]].concat();
                assert_agrees_with_sequential(&whole_bytes(&ended));
            }
            assert!(whole > 0, "some heads end on a whole byte");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2000))]

        #[test]
        fn anything_after_a_strip_is_judged_as_by_the_sequential_decoder(
            head in (0usize..8, any::<bool>(), any::<bool>(), 0u32..2),
            after in proptest::collection::vec(any::<bool>(), 0..90),
            cut in 0usize..60,
            noise in proptest::collection::vec(any::<u8>(), 0..40),
        ) {
            let (empty, last, end, spare) = head;
            let bits = [head_of_block(empty, last, end, spare), after].concat();
            let tail = whole_bytes(&bits);
            assert_agrees_with_sequential(&tail);
            assert_agrees_with_sequential(&tail[..cut.min(tail.len())]);
            assert_agrees_with_sequential(&noise);
            // A stored block whose length covers the bytes that follow.
            let takes = [&[0, 5, 0, 250, 255], &noise[..noise.len().min(4)]].concat();
            assert_agrees_with_sequential(&takes);
        }
    }
}
