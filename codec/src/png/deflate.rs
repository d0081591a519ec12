//! DEFLATE encoder for strips (RFC 1951): dynamic codes, literals, and runs of zeros where they
//! pay.
//!
//! The low bits of carriers are noise, in which a search for repeats finds nothing and takes most
//! of the time. Smooth covers are mostly zeros once filtered; their runs are matches at distance 1.

use super::huffman;

/// Longest code in bits. Four codes and a remainder fit into 64 bits, and decoders need one table
/// only.
const CODE_LIMIT: usize = 12;
const END_OF_BLOCK: usize = 256;
const SYMBOLS: usize = 286;
const LONGEST_RUN: usize = 258;
const SHORTEST_RUN: usize = 3;
const STORED_LIMIT: usize = 65_535;

/// Most bytes that the code table and the end of the block can take.
const TABLE_ROOM: usize = 1024;

/// Compresses a strip to blocks that end on a byte boundary; the last strip ends the stream.
pub(super) fn strip(bytes: &[u8], last: bool) -> Vec<u8> {
    let literals = literal_counts(bytes);
    let plan = if literals[0] as usize > bytes.len() / 2 {
        Plan::new(run_counts(bytes), true)
    } else {
        Plan::new(literals, false)
    };
    if plan.bits / 8 + TABLE_ROOM as u64 / 2 >= bytes.len() as u64 {
        return stored(bytes, last);
    }
    let mut out = Bits::with_room(TABLE_ROOM + (plan.bits / 8) as usize);
    out.put(u64::from(last), 1);
    out.put(0b10, 2);
    plan.write_table(&mut out);
    if plan.runs {
        plan.write_runs(bytes, &mut out);
    } else {
        plan.write_literals(bytes, &mut out);
    }
    out.put(
        u64::from(plan.codes[END_OF_BLOCK]),
        plan.lengths[END_OF_BLOCK].into(),
    );
    if !last {
        out.put(0, 3);
    }
    out.align();
    if !last {
        // An empty stored block, so that the next strip begins on a byte boundary.
        out.put(0xffff_0000, 32);
    }
    out.finish()
}

fn stored(bytes: &[u8], last: bool) -> Vec<u8> {
    let blocks = bytes.len().div_ceil(STORED_LIMIT);
    let mut out = Vec::with_capacity(bytes.len() + 5 * blocks);
    for (i, block) in bytes.chunks(STORED_LIMIT).enumerate() {
        let length = block.len() as u16;
        out.push(u8::from(last && i + 1 == blocks));
        out.extend_from_slice(&length.to_le_bytes());
        out.extend_from_slice(&(!length).to_le_bytes());
        out.extend_from_slice(block);
    }
    out
}

type Counts = [u32; SYMBOLS];

/// Byte counts, over four tables so that equal neighbours do not stall on one counter.
fn literal_counts(bytes: &[u8]) -> Counts {
    let mut four = [[0u32; 256]; 4];
    let mut chunks = bytes.chunks_exact(4);
    for chunk in &mut chunks {
        for (table, &byte) in four.iter_mut().zip(chunk) {
            table[usize::from(byte)] += 1;
        }
    }
    for &byte in chunks.remainder() {
        four[0][usize::from(byte)] += 1;
    }
    let mut counts = [0; SYMBOLS];
    for (i, count) in counts.iter_mut().take(256).enumerate() {
        *count = four.iter().map(|table| table[i]).sum();
    }
    counts[END_OF_BLOCK] = 1;
    counts
}

fn run_counts(bytes: &[u8]) -> Counts {
    let mut counts = [0; SYMBOLS];
    for_each_token(bytes, |token| match token {
        Token::Literal(byte) => counts[usize::from(byte)] += 1,
        Token::Run(length) => counts[run_symbol(length).0] += 1,
    });
    counts[END_OF_BLOCK] = 1;
    counts
}

enum Token {
    Literal(u8),
    /// Number of further zeros, 3 to 258.
    Run(usize),
}

/// Splits bytes into tokens. A run of zeros is one literal and then matches at distance 1.
fn for_each_token(bytes: &[u8], mut emit: impl FnMut(Token)) {
    let mut rest = bytes;
    while let Some((&byte, after)) = rest.split_first() {
        emit(Token::Literal(byte));
        rest = after;
        if byte != 0 {
            continue;
        }
        let mut zeros = rest.iter().take_while(|&&byte| byte == 0).count();
        rest = &rest[zeros..];
        while zeros >= SHORTEST_RUN {
            // Leaves no remainder of one or two zeros, which a match could not encode.
            let over = zeros.checked_sub(LONGEST_RUN);
            let run = match over {
                None | Some(0) => zeros,
                Some(1..SHORTEST_RUN) => zeros - SHORTEST_RUN,
                Some(_) => LONGEST_RUN,
            };
            emit(Token::Run(run));
            zeros -= run;
        }
        for _ in 0..zeros {
            emit(Token::Literal(0));
        }
    }
}

/// Symbol, number of extra bits and their value for a match of `length` (RFC 1951, 3.2.5).
fn run_symbol(length: usize) -> (usize, u32, u64) {
    let over = length - SHORTEST_RUN;
    if length == LONGEST_RUN {
        (285, 0, 0)
    } else if over < 8 {
        (257 + over, 0, 0)
    } else {
        let extra = over.ilog2() - 2;
        let symbol = 261 + 4 * extra as usize + (over >> extra & 3);
        (symbol, extra, (over & ((1 << extra) - 1)) as u64)
    }
}

/// Codes of a block and its predicted size.
struct Plan {
    lengths: Vec<u8>,
    codes: Vec<u16>,
    bits: u64,
    runs: bool,
}

impl Plan {
    fn new(counts: Counts, runs: bool) -> Plan {
        let lengths = huffman::lengths(&counts, CODE_LIMIT);
        let codes = huffman::codes(&lengths);
        let bits = (0..SYMBOLS)
            .map(|i| {
                // Extra bits and the one bit of the distance.
                let more = match i {
                    265..285 => (i as u64 - 261) / 4 + 1,
                    257.. => 1,
                    _ => 0,
                };
                u64::from(counts[i]) * (u64::from(lengths[i]) + more)
            })
            .sum();
        Plan {
            lengths,
            codes,
            bits,
            runs,
        }
    }

    /// The code lengths, run-length coded, with codes of their own (RFC 1951, 3.2.7).
    fn write_table(&self, out: &mut Bits) {
        const ORDER: [usize; 19] = [
            16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15,
        ];
        let literals = self.lengths.iter().rposition(|&l| l > 0).unwrap_or(0) + 1;
        // One distance code of one bit, even where no match uses it: some decoders refuse an empty
        // table.
        let all = [&self.lengths[..literals], &[1]].concat();
        let items = length_items(&all);
        let mut counts = [0; 19];
        for item in &items {
            counts[item.symbol] += 1;
        }
        let lengths = huffman::lengths(&counts, 7);
        let codes = huffman::codes(&lengths);
        let used = ORDER.iter().rposition(|&i| lengths[i] > 0).unwrap_or(0) + 1;
        let used = used.max(4);
        out.put((literals - 257) as u64, 5);
        out.put(0, 5);
        out.put((used - 4) as u64, 4);
        for &i in &ORDER[..used] {
            out.put(lengths[i].into(), 3);
        }
        for item in items {
            out.put(codes[item.symbol].into(), lengths[item.symbol].into());
            out.put(item.extra, item.extra_bits);
        }
    }

    fn write_literals(&self, bytes: &[u8], out: &mut Bits) {
        let mut table = [(0u16, 0u8); 256];
        for (entry, (&code, &length)) in table.iter_mut().zip(self.codes.iter().zip(&self.lengths))
        {
            *entry = (code, length);
        }
        let mut chunks = bytes.chunks_exact(4);
        for chunk in &mut chunks {
            for &byte in chunk {
                let (code, length) = table[usize::from(byte)];
                out.add(code.into(), length.into());
            }
            out.flush();
        }
        for &byte in chunks.remainder() {
            let (code, length) = table[usize::from(byte)];
            out.put(code.into(), length.into());
        }
    }

    fn write_runs(&self, bytes: &[u8], out: &mut Bits) {
        for_each_token(bytes, |token| {
            let (symbol, extra_bits, extra) = match token {
                Token::Literal(byte) => (usize::from(byte), 0, 0),
                Token::Run(length) => run_symbol(length),
            };
            out.add(self.codes[symbol].into(), self.lengths[symbol].into());
            out.add(extra, extra_bits);
            // The distance code is the single bit 0.
            out.add(0, u32::from(symbol > END_OF_BLOCK));
            out.flush();
        });
    }
}

struct LengthItem {
    symbol: usize,
    extra: u64,
    extra_bits: u32,
}

fn length_items(lengths: &[u8]) -> Vec<LengthItem> {
    let mut items = Vec::new();
    let mut push = |symbol: usize, extra: usize, extra_bits| {
        items.push(LengthItem {
            symbol,
            extra: extra as u64,
            extra_bits,
        });
    };
    for same in lengths.chunk_by(|a, b| a == b) {
        let length = usize::from(same[0]);
        let mut left = same.len();
        if length == 0 {
            while left >= 11 {
                let run = left.min(138);
                push(18, run - 11, 7);
                left -= run;
            }
            if left >= 3 {
                push(17, left - 3, 3);
                left = 0;
            }
        } else {
            push(length, 0, 0);
            left -= 1;
            while left >= 3 {
                let run = left.min(6);
                push(16, run - 3, 2);
                left -= run;
            }
        }
        for _ in 0..left {
            push(length, 0, 0);
        }
    }
    items
}

/// Bit writer, lowest bit first, into a buffer of known size.
struct Bits {
    out: Vec<u8>,
    at: usize,
    held: u64,
    count: u32,
}

impl Bits {
    fn with_room(bytes: usize) -> Bits {
        Bits {
            out: vec![0; bytes + 8],
            at: 0,
            held: 0,
            count: 0,
        }
    }

    /// Adds bits without writing them; at most 56 between two calls of `flush`.
    #[inline(always)]
    fn add(&mut self, value: u64, bits: u32) {
        self.held |= value << self.count;
        self.count += bits;
    }

    #[inline(always)]
    fn flush(&mut self) {
        self.out[self.at..self.at + 8].copy_from_slice(&self.held.to_le_bytes());
        let whole = self.count & !7;
        self.at += (whole / 8) as usize;
        self.held >>= whole;
        self.count -= whole;
    }

    fn put(&mut self, value: u64, bits: u32) {
        self.add(value, bits);
        self.flush();
    }

    fn align(&mut self) {
        self.count = self.count.next_multiple_of(8);
        self.flush();
    }

    fn finish(mut self) -> Vec<u8> {
        self.align();
        self.out.truncate(self.at);
        self.out
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use std::io::Read;

    fn inflate(deflated: &[u8]) -> Vec<u8> {
        let mut out = Vec::new();
        flate2::read::DeflateDecoder::new(deflated)
            .read_to_end(&mut out)
            .unwrap();
        out
    }

    fn noise(len: usize, seed: u32, spread: u32) -> Vec<u8> {
        let mut state = seed | 1;
        let mut next = || {
            state ^= state << 13;
            state ^= state >> 17;
            state ^= state << 5;
            state
        };
        (0..len).map(|_| (next() % spread) as u8).collect()
    }

    #[test]
    fn another_decoder_reads_every_kind_of_strip() {
        let mut sparse = vec![0; 70_000];
        for i in (0..sparse.len()).step_by(997) {
            sparse[i] = i as u8;
        }
        let kinds = [
            vec![0; 1],
            vec![7; 3],
            vec![0; 200_000],
            vec![255; 131_072],
            noise(100_000, 1, 256),
            noise(100_001, 2, 7),
            noise(99_999, 3, 2),
            sparse,
        ];
        for (i, bytes) in kinds.iter().enumerate() {
            assert_eq!(inflate(&strip(bytes, true)), *bytes, "kind {i}");
            let two = [strip(bytes, false), strip(b"the end", true)].concat();
            assert_eq!(inflate(&two), [bytes, &b"the end"[..]].concat(), "kind {i}");
        }
    }

    #[test]
    fn runs_of_every_length_are_read_back() {
        for zeros in (0..600).chain([STORED_LIMIT, 100_000]) {
            let mut bytes = vec![0; zeros];
            bytes.push(9);
            bytes.extend(vec![0; 2000]);
            assert_eq!(inflate(&strip(&bytes, true)), bytes, "{zeros} zeros");
        }
    }
}
