//! Row filters (PNG, 9): applying, undoing, and the writer's choice.

use crate::picture::Channels;

/// Filter types, numbered as in the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum Filter {
    None = 0,
    Sub = 1,
    Up = 2,
    Average = 3,
    Paeth = 4,
}

impl Filter {
    pub(super) const ALL: [Filter; 5] = [
        Filter::None,
        Filter::Sub,
        Filter::Up,
        Filter::Average,
        Filter::Paeth,
    ];

    pub(super) fn from_byte(byte: u8) -> Option<Filter> {
        Filter::ALL.get(usize::from(byte)).copied()
    }

    /// Whether a row with this filter can be decoded without the row above.
    pub(super) fn is_independent(self) -> bool {
        matches!(self, Filter::None | Filter::Sub)
    }
}

/// Filters `row` into `out`, for `bpp` bytes a pixel. `above` is the row before, unfiltered.
pub(super) fn forward(filter: Filter, bpp: usize, row: &[u8], above: &[u8], out: &mut [u8]) {
    assert!(row.len() == above.len() && row.len() == out.len() && row.len() >= bpp);
    let (head, tail) = out.split_at_mut(bpp);
    let (left, corner) = (&row[..row.len() - bpp], &above[..row.len() - bpp]);
    let (first, rest) = row.split_at(bpp);
    let (above_first, above_rest) = above.split_at(bpp);
    let each = tail.iter_mut().zip(rest).zip(left);
    match filter {
        Filter::None => out.copy_from_slice(row),
        Filter::Sub => {
            head.copy_from_slice(first);
            each.for_each(|((out, x), a)| *out = x.wrapping_sub(*a));
        }
        Filter::Up => {
            for ((out, x), b) in out.iter_mut().zip(row).zip(above) {
                *out = x.wrapping_sub(*b);
            }
        }
        Filter::Average => {
            for ((out, x), b) in head.iter_mut().zip(first).zip(above_first) {
                *out = x.wrapping_sub(b >> 1);
            }
            each.zip(above_rest)
                .for_each(|(((out, x), a), b)| *out = x.wrapping_sub(average(*a, *b)));
        }
        Filter::Paeth => {
            for ((out, x), b) in head.iter_mut().zip(first).zip(above_first) {
                *out = x.wrapping_sub(*b);
            }
            each.zip(above_rest)
                .zip(corner)
                .for_each(|((((out, x), a), b), c)| *out = x.wrapping_sub(paeth(*a, *b, *c)));
        }
    }
}

/// Undoes a filter in place. `above` is the row before, unfiltered.
pub(super) fn undo(channels: Channels, filter: Filter, row: &mut [u8], above: &[u8]) {
    match channels {
        Channels::Rgb => back::<3>(filter, row, above),
        Channels::Rgba => back::<4>(filter, row, above),
    }
}

fn back<const BPP: usize>(filter: Filter, row: &mut [u8], above: &[u8]) {
    assert!(row.len() == above.len() && row.len().is_multiple_of(BPP));
    let mut left = [0u8; BPP];
    match filter {
        Filter::None => {}
        Filter::Sub => {
            for pixel in row.chunks_exact_mut(BPP) {
                for (x, a) in pixel.iter_mut().zip(&mut left) {
                    *x = x.wrapping_add(*a);
                    *a = *x;
                }
            }
        }
        Filter::Up => {
            for (x, b) in row.iter_mut().zip(above) {
                *x = x.wrapping_add(*b);
            }
        }
        Filter::Average => {
            for (pixel, above) in row.chunks_exact_mut(BPP).zip(above.chunks_exact(BPP)) {
                for i in 0..BPP {
                    left[i] = pixel[i].wrapping_add(average(left[i], above[i]));
                    pixel[i] = left[i];
                }
            }
        }
        Filter::Paeth => {
            let mut corner = [0u8; BPP];
            for (pixel, above) in row.chunks_exact_mut(BPP).zip(above.chunks_exact(BPP)) {
                for i in 0..BPP {
                    left[i] = pixel[i].wrapping_add(paeth(left[i], above[i], corner[i]));
                    pixel[i] = left[i];
                    corner[i] = above[i];
                }
            }
        }
    }
}

/// Rows sampled to choose a strip's filter.
const ROWS_SAMPLED: usize = 3;

/// The filter with the lowest entropy over a few sampled rows. `strip` holds whole rows.
pub(super) fn choose(strip: &[u8], row_bytes: usize, bpp: usize) -> Filter {
    let rows = strip.len() / row_bytes;
    if rows < 2 {
        return Filter::Sub;
    }
    let sampled: Vec<usize> = (1..=ROWS_SAMPLED)
        .map(|i| (rows * i / (ROWS_SAMPLED + 1)).max(1))
        .collect();
    let mut out = vec![0; row_bytes];
    let mut best = (f32::INFINITY, Filter::Sub);
    for filter in Filter::ALL {
        let mut counts = [0u32; 256];
        for &y in &sampled {
            let (above, row) = strip[(y - 1) * row_bytes..(y + 1) * row_bytes].split_at(row_bytes);
            forward(filter, bpp, row, above, &mut out);
            for &byte in &out {
                counts[usize::from(byte)] += 1;
            }
        }
        let bits = bits(&counts, (sampled.len() * row_bytes) as f32);
        if bits < best.0 {
            best = (bits, filter);
        }
    }
    best.1
}

fn bits(counts: &[u32; 256], total: f32) -> f32 {
    counts
        .iter()
        .filter(|&&n| n > 0)
        .map(|&n| n as f32 * (total / n as f32).log2())
        .sum()
}

#[inline(always)]
fn average(a: u8, b: u8) -> u8 {
    (a & b) + ((a ^ b) >> 1)
}

/// The neighbour nearest to a + b - c, without a branch: c if a + b - c lies between a and b, else
/// the smaller or the larger of a and b.
#[inline(always)]
fn paeth(a: u8, b: u8, c: u8) -> u8 {
    let (a, b, c) = (i16::from(a), i16::from(b), i16::from(c));
    let (low, high) = (a.min(b), a.max(b));
    let reach = 3 * c - (a + b);
    let low_or_c = if high <= reach { low } else { c };
    let nearest = if reach <= low { high } else { low_or_c };
    nearest as u8
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn back_undoes_forward_for_every_filter() {
        let bytes: Vec<u8> = (0..240u32)
            .map(|i| (i.wrapping_mul(2_654_435_761) >> 13) as u8)
            .collect();
        let (above, row) = bytes.split_at(120);
        for filter in Filter::ALL {
            let mut out = vec![0; 120];
            forward(filter, 3, row, above, &mut out);
            back::<3>(filter, &mut out, above);
            assert_eq!(out, row, "{filter:?} of 3 bytes");
            forward(filter, 4, row, above, &mut out);
            back::<4>(filter, &mut out, above);
            assert_eq!(out, row, "{filter:?} of 4 bytes");
        }
    }

    #[test]
    fn paeth_is_the_standard_s_for_all_neighbours() {
        // PNG, 9.4, literally.
        let standard = |a: u8, b: u8, c: u8| {
            let p = i16::from(a) + i16::from(b) - i16::from(c);
            let distance = |x: u8| (p - i16::from(x)).abs();
            let (pa, pb, pc) = (distance(a), distance(b), distance(c));
            if pa <= pb && pa <= pc {
                a
            } else if pb <= pc {
                b
            } else {
                c
            }
        };
        for a in 0..=255 {
            for b in 0..=255 {
                for c in 0..=255 {
                    assert_eq!(paeth(a, b, c), standard(a, b, c), "{a} {b} {c}");
                }
            }
        }
    }
}
