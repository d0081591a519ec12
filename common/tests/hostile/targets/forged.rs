//! False headers, as a dishonest owner could seal them. Written again from the description of the
//! format, because the codec seals correct headers only.

use cameo_codec::{Channels, CodecKey, Picture};

pub const VERSION: u8 = 2;
pub const PLAIN_BYTES: usize = 24;
const TAG_BYTES: usize = 16;
const GROUP: usize = 8;
/// Pictures with more groups have several tiles, which this module does not lay out.
const TILE_GROUPS: usize = 1024;

fn derived(key: &CodecKey, purpose: &str) -> [u8; 32] {
    blake3::derive_key(&format!("cameo codec v2 {purpose}"), key.as_bytes())
}

/// A header's check value of its payload.
pub fn check(payload: &[u8], key: &CodecKey) -> [u8; 16] {
    let hash = blake3::keyed_hash(&derived(key, "payload check"), payload);
    *hash.as_bytes().first_chunk().expect("16 of 32")
}

fn seal(plain: &[u8; PLAIN_BYTES], key: &CodecKey, (width, height): (u32, u32)) -> Vec<u8> {
    let mut hasher = blake3::Hasher::new_keyed(&derived(key, "header tag"));
    hasher.update(plain);
    hasher.update(&width.to_le_bytes());
    hasher.update(&height.to_le_bytes());
    let hash = hasher.finalize();
    let tag = &hash.as_bytes()[..TAG_BYTES];
    let stream = blake3::keyed_hash(&derived(key, "header cipher"), tag);
    let sealed = plain.iter().zip(stream.as_bytes()).map(|(p, s)| p ^ s);
    tag.iter().copied().chain(sealed).collect()
}

/// Replaces the picture's header by one with this plain text.
pub fn write(picture: &mut Picture, plain: &[u8; PLAIN_BYTES], key: &CodecKey) {
    let sealed = seal(plain, key, picture.size());
    if picture.channels() == Channels::Rgba {
        for (pixel, byte) in picture.samples_mut().chunks_exact_mut(4).zip(sealed) {
            pixel[3] = byte;
        }
        return;
    }
    let order = order(picture.samples().len() / GROUP, key);
    for (byte, group) in sealed.iter().zip(order) {
        for (i, sample) in picture.samples_mut()[group * GROUP..][..GROUP]
            .iter_mut()
            .enumerate()
        {
            *sample = *sample & !1 | byte >> i & 1;
        }
    }
}

/// The groups of a picture of one tile, in carrying order.
fn order(groups: usize, key: &CodecKey) -> impl Iterator<Item = usize> {
    assert!(groups <= TILE_GROUPS);
    let mut draws = blake3::Hasher::new_keyed(&derived(key, "layout")).finalize_xof();
    let mut below = |bound: usize| {
        let mut word = [0; 8];
        draws.fill(&mut word);
        ((u128::from(u64::from_le_bytes(word)) * bound as u128) >> 64) as usize
    };
    let start = below(groups);
    let mut stride = (groups / 4 + below(groups / 2 + 1)) | 1;
    while common_divisor(stride, groups) != 1 {
        stride += 2;
    }
    (0..groups).map(move |n| (start + n * (stride % groups)) % groups)
}

fn common_divisor(a: usize, b: usize) -> usize {
    if b == 0 { a } else { common_divisor(b, a % b) }
}
