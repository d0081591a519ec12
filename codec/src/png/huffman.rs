//! Length-limited Huffman codes, canonical as in DEFLATE (RFC 1951, 3.2.2).

/// Code lengths for `counts`, optimal up to `limit` bits. A count of 0 gets length 0.
pub(super) fn lengths(counts: &[u32], limit: usize) -> Vec<u8> {
    let mut symbols: Vec<usize> = (0..counts.len()).filter(|&i| counts[i] > 0).collect();
    assert!(symbols.len() <= 1 << limit);
    let mut lengths = vec![0; counts.len()];
    if let [only] = symbols[..] {
        lengths[only] = 1;
        return lengths;
    }
    symbols.sort_by_key(|&i| (counts[i], i));
    let weights: Vec<u64> = symbols.iter().map(|&i| u64::from(counts[i])).collect();
    let mut per_length = leaves_by_depth(&weights, limit);
    shorten(&mut per_length, limit);
    // Rarest symbols first, so that they get the longest codes.
    let mut next = symbols.iter();
    for length in (1..=limit).rev() {
        for &symbol in next.by_ref().take(per_length[length]) {
            lengths[symbol] = length as u8;
        }
    }
    lengths
}

/// Number of leaves of the Huffman tree at each depth; deeper ones count at `limit`. `weights`
/// ascend.
fn leaves_by_depth(weights: &[u64], limit: usize) -> Vec<usize> {
    let leaves = weights.len();
    // Two ascending queues: leaves, and inner nodes made so far. `parents` has the leaves first.
    let mut inner: Vec<u64> = Vec::with_capacity(leaves);
    let mut parents = vec![0; 2 * leaves];
    let (mut leaf, mut node) = (0, 0);
    while inner.len() + 1 < leaves {
        let mut weight = 0;
        for _ in 0..2 {
            let take_leaf = leaf < leaves && (node >= inner.len() || weights[leaf] <= inner[node]);
            let child = if take_leaf { leaf } else { leaves + node };
            weight += if take_leaf {
                weights[leaf]
            } else {
                inner[node]
            };
            leaf += usize::from(take_leaf);
            node += usize::from(!take_leaf);
            parents[child] = leaves + inner.len();
        }
        inner.push(weight);
    }
    let mut per_length = vec![0; limit + 1];
    let mut depths = vec![0; leaves + inner.len()];
    for child in (0..depths.len().saturating_sub(1)).rev() {
        depths[child] = depths[parents[child]] + 1;
        if child < leaves {
            per_length[depths[child].min(limit)] += 1;
        }
    }
    per_length
}

/// Restores Kraft's equality after lengths were cut to `limit`. Each step moves one of the longest
/// codes beside the next shorter one, which grows by a bit.
fn shorten(per_length: &mut [usize], limit: usize) {
    let mut used: usize = (1..=limit).map(|i| per_length[i] << (limit - i)).sum();
    while used > 1 << limit {
        per_length[limit] -= 1;
        if let Some(shorter) = (1..limit).rev().find(|&i| per_length[i] > 0) {
            per_length[shorter] -= 1;
            per_length[shorter + 1] += 2;
        }
        used -= 1;
    }
}

/// Canonical codes for `lengths`, bits reversed for writing from the low end.
pub(super) fn codes(lengths: &[u8]) -> Vec<u16> {
    let mut per_length = [0u16; 16];
    for &length in lengths.iter().filter(|&&length| length > 0) {
        per_length[usize::from(length)] += 1;
    }
    let mut next = [0u16; 16];
    for length in 1..16 {
        next[length] = (next[length - 1] + per_length[length - 1]) << 1;
    }
    lengths
        .iter()
        .map(|&length| {
            if length == 0 {
                return 0;
            }
            let code = next[usize::from(length)];
            next[usize::from(length)] += 1;
            code.reverse_bits() >> (16 - length)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kraft(lengths: &[u8], limit: usize) -> usize {
        let used = lengths.iter().filter(|&&l| l > 0);
        used.map(|&l| 1 << (limit - usize::from(l))).sum()
    }

    #[test]
    fn codes_are_complete_and_bounded_for_all_counts() {
        let mut fibonacci = vec![1u32, 1];
        while fibonacci.len() < 40 {
            fibonacci.push(fibonacci[fibonacci.len() - 1] + fibonacci[fibonacci.len() - 2]);
        }
        let flat = vec![7; 286];
        let steep: Vec<u32> = (0..286).map(|i| 1 + (1 << (i % 31))).collect();
        for (counts, limit) in [(&fibonacci, 12), (&flat, 12), (&steep, 12), (&fibonacci, 7)] {
            let lengths = lengths(counts, limit);
            assert_eq!(kraft(&lengths, limit), 1 << limit);
            assert!(lengths.iter().all(|&l| l > 0 && usize::from(l) <= limit));
        }
    }

    #[test]
    fn frequent_symbols_get_short_codes() {
        assert_eq!(lengths(&[8, 0, 4, 2, 1, 1], 12), [1, 0, 2, 3, 4, 4]);
        assert_eq!(lengths(&[0, 5, 0], 12), [0, 1, 0]);
    }

    #[test]
    fn codes_are_canonical() {
        // The example of RFC 1951, 3.2.2.
        let codes = codes(&[3, 3, 3, 3, 3, 2, 4, 4]);
        let expected = [0b010, 0b011, 0b100, 0b101, 0b110, 0b00, 0b1110, 0b1111u16];
        let lengths = [3, 3, 3, 3, 3, 2, 4, 4];
        for ((code, expected), length) in codes.iter().zip(expected).zip(lengths) {
            assert_eq!(code.reverse_bits() >> (16 - length), expected);
        }
    }
}
