//! The reading at once of strips that stand alone, as our writer makes them.
//!
//! Whatever is read here has to be what a decoder that reads in order would see: each strip gives its rows, refers
//! to nothing before it, and ends on a whole byte between two blocks, so that the strips in a row are one stream.

use fdeflate::Decompressor;
use rayon::prelude::*;

use crate::stop::Stop;

use super::filter::{self, Filter};
use super::read::Head;
use super::strip::{self, adler, join_adler};
use super::write::ZLIB_HEADER;

/// `None` when the chunks are not strips that stand alone, or anything is wrong: then the stream is read in order,
/// which also finds the right words for what is wrong.
pub(super) fn read(stop: &Stop, head: &Head, idats: &[&[u8]]) -> Option<Vec<u8>> {
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
            stop.check().ok()?;
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

/// A strip's Adler-32 and the number of its filtered bytes.
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
            None if filter.stands_alone() => filter::undo(head.channels, filter, row, &raw[1..]),
            None => return None,
        }
        above = Some(row);
    }
    Some((adler(&filtered), len))
}

/// The `len` bytes that a strip inflates to. `None` unless it gives just these, and ends between two blocks; the last
/// one, at the end of the stream.
///
/// Where a decoder stands cannot be asked, only tried. So it is given a last block to read that holds the strip's own
/// hash, and has to give that back and to end just there. Between two blocks it must; within one, the same bits are
/// codes of a table, lengths of one, or bytes, and would have to come to a hash of what they were taken from.
fn inflate(body: &[u8], last: bool, len: usize) -> Option<Vec<u8>> {
    const STORED_AND_LAST: [u8; 5] = [1, blake3::OUT_LEN as u8, 0, !(blake3::OUT_LEN as u8), 0xff];
    let hash = blake3::hash(body);
    let (ending, told) = if last {
        (&[][..], &[][..])
    } else {
        (&STORED_AND_LAST[..], &hash.as_bytes()[..])
    };
    // Room for a byte too many, so that the decoder never waits for some.
    let mut filtered = vec![0; len + told.len() + 1];
    let mut inflate = Decompressor::new();
    inflate.ignore_adler32();
    let mut read = |input: &[u8], at, end| {
        let (_, written) = inflate.read(input, &mut filtered, at, end).ok()?;
        Some((written, inflate.is_done()))
    };
    if read(&[&ZLIB_HEADER, body].concat(), 0, false)? != (len, false) {
        return None;
    }
    // A decoder is done with the fourth byte of a checksum, whatever it is here: the stream has ended before these.
    let not_yet = [ending, told, &[0; 3]].concat();
    if read(&not_yet, len, false)? != (told.len(), false)
        || read(&[0], len + told.len(), true)? != (0, true)
    {
        return None;
    }
    if !filtered[len..].starts_with(told) {
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

    /// What a whole stream inflates to, if all of it is one, for the decoder that reads in order here.
    fn in_order(deflated: &[u8], raw: &[u8]) -> bool {
        let sum = adler(raw).to_be_bytes();
        let stream = [&ZLIB_HEADER, deflated, &sum].concat();
        fdeflate::decompress_to_vec(&stream).as_deref() == Ok(raw)
    }

    /// The same for another decoder. It is stricter: in a block without a code of its own, ours takes the two symbols
    /// that there are not (286, 287) for the block's end.
    fn elsewhere(deflated: &[u8], raw: &[u8]) -> bool {
        let mut seen = Vec::new();
        let mut inflate = flate2::bufread::DeflateDecoder::new(deflated);
        let read = inflate.read_to_end(&mut seen);
        read.is_ok() && inflate.total_in() == deflated.len() as u64 && seen == raw
    }

    /// A row in a stored block, and what is tried behind it.
    fn strip(tail: &[u8]) -> Vec<u8> {
        [&[0, 4, 0, 251, 255], &ROW[..], tail].concat()
    }

    /// Between two blocks anything may follow; where only some of it can be read, there is a block to be ended first.
    fn ends_between_blocks(strip: &[u8], is_read: impl Fn(&[u8], &[u8]) -> bool) -> bool {
        let any: [(&[u8], &[u8]); 3] = [
            (&[1, 0, 0, 0xff, 0xff], b""),
            (&[0xf8, 0, 0, 0xff, 0xff, 3, 0], b""),
            (&[0xf9, 3, 0, 0xfc, 0xff, b'e', b'n', b'd'], b"end"),
        ];
        any.iter()
            .all(|(end, raw)| is_read(&[strip, *end].concat(), &[&ROW, *raw].concat()))
    }

    fn assert_as_in_order(tail: &[u8]) {
        let strip = strip(tail);
        let here = |last| inflate(&strip, last, ROW.len()).inspect(|raw| assert_eq!(*raw, ROW));
        let (between, ended) = (here(false).is_some(), here(true).is_some());
        assert_eq!(
            between,
            ends_between_blocks(&strip, in_order),
            "{tail:02x?}"
        );
        assert_eq!(ended, in_order(&strip, &ROW), "the last, {tail:02x?}");
        assert!(
            between || !ends_between_blocks(&strip, elsewhere),
            "{tail:02x?}"
        );
        assert!(ended || !elsewhere(&strip, &ROW), "the last, {tail:02x?}");
    }

    #[test]
    fn what_two_bytes_can_end_or_begin_is_told_as_in_order() {
        assert_as_in_order(&[]);
        for first in 0..=255 {
            assert_as_in_order(&[first]);
            for second in 0..=255 {
                assert_as_in_order(&[first, second]);
            }
        }
    }

    /// The lowest bit first, up to the last whole byte.
    fn whole_bytes(bits: &[bool]) -> Vec<u8> {
        let byte = |bits: &[bool]| {
            bits.iter()
                .rev()
                .fold(0, |byte, &bit| byte << 1 | u8::from(bit))
        };
        bits.chunks_exact(8).map(byte).collect()
    }

    /// Empty blocks, so that what follows begins anywhere in a byte, and then the head of a block with its own code
    /// (RFC 1951, 3.2.7): one bit, 0 or 1, ends the block, and whatever begins with the other is a literal.
    fn head_of_a_block(empty: usize, last: bool, end: bool, spare: u32) -> Vec<bool> {
        let mut bits = Vec::new();
        let mut put = |value: u32, count: u32| bits.extend((0..count).map(|i| value >> i & 1 == 1));
        for _ in 0..empty {
            put(0b010, 10);
        }
        put(u32::from(last), 1);
        put(0b10, 2);
        // 257 literals and one distance; their lengths are coded by 00, 01, 10 and 11 for 0, 1, 2 and a run of zeros,
        // which stand at 3, 17, 15 and 2.
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
    fn a_block_that_any_single_bit_would_end_has_not_ended() {
        for (last, end) in [(false, false), (false, true), (true, false), (true, true)] {
            let mut whole = 0;
            for (empty, spare) in (0..4).flat_map(|empty| [(empty, 0), (empty, 1)]) {
                let bits = head_of_a_block(empty, last, end, spare);
                whole += usize::from(bits.len().is_multiple_of(8));
                let tail = whole_bytes(&bits);
                for cut in 0..=tail.len() {
                    assert_as_in_order(&tail[..cut]);
                    let strip = strip(&tail[..cut]);
                    let here = inflate(&strip, false, ROW.len()).is_some();
                    assert_eq!(here, ends_between_blocks(&strip, elsewhere));
                }
                // It is a block: once ended, and without a literal, it is taken.
                let ended = [&bits[..], &[end], &[false; 7]].concat();
                assert_as_in_order(&whole_bytes(&ended));
            }
            assert!(whole > 0, "some heads end on a whole byte");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2000))]

        #[test]
        fn whatever_is_behind_a_strip_is_told_as_in_order(
            head in (0usize..8, any::<bool>(), any::<bool>(), 0u32..2),
            behind in proptest::collection::vec(any::<bool>(), 0..90),
            cut in 0usize..60,
            noise in proptest::collection::vec(any::<u8>(), 0..40),
        ) {
            let (empty, last, end, spare) = head;
            let bits = [head_of_a_block(empty, last, end, spare), behind].concat();
            let tail = whole_bytes(&bits);
            assert_as_in_order(&tail);
            assert_as_in_order(&tail[..cut.min(tail.len())]);
            assert_as_in_order(&noise);
            // A stored block that takes what follows for its own.
            let takes = [&[0, 5, 0, 250, 255], &noise[..noise.len().min(4)]].concat();
            assert_as_in_order(&takes);
        }
    }
}
