//! Packing of symbols: eight symbols of K bits in K bytes, or one a byte, converted in a register.

/// One symbol, or sample, a byte; the first one lowest.
pub(super) type Group = u64;

/// Unpacks eight symbols of K bits to one a byte.
#[inline(always)]
pub(super) fn spread<const K: usize>(word: u64) -> Group {
    let word = (word | word << (32 - 4 * K)) & lanes(32, 4 * K);
    let word = (word | word << (16 - 2 * K)) & lanes(16, 2 * K);
    (word | word << (8 - K)) & lanes(8, K)
}

/// Inverse of [`spread`]. Bits above the symbols are dropped.
#[inline(always)]
pub(super) fn squeeze<const K: usize>(group: Group) -> u64 {
    let word = group & lanes(8, K);
    let word = (word | word >> (8 - K)) & lanes(16, 2 * K);
    let word = (word | word >> (16 - 2 * K)) & lanes(32, 4 * K);
    (word | word >> (32 - 4 * K)) & lanes(64, 8 * K)
}

/// The low `bits` of every lane of `width` bits.
const fn lanes(width: usize, bits: usize) -> u64 {
    let mut mask = 0;
    let mut at = 0;
    while at < 64 {
        mask |= ((1 << bits) - 1) << at;
        at += width;
    }
    mask
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check<const K: usize>() {
        let mut state = 1u64;
        for _ in 0..1000 {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1);
            let word = state & lanes(64, 8 * K);
            let apart = spread::<K>(word).to_le_bytes();
            for (i, symbol) in apart.into_iter().enumerate() {
                assert_eq!(u64::from(symbol), word >> (i * K) & ((1 << K) - 1));
            }
            let noise = state & !lanes(8, K);
            assert_eq!(squeeze::<K>(spread::<K>(word) | noise), word);
        }
    }

    #[test]
    fn symbols_survive_spreading_and_squeezing_at_every_depth() {
        check::<1>();
        check::<2>();
        check::<3>();
        check::<4>();
    }
}
