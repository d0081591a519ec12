//! Headers with a correct tag and false content.

use cameo_codec::{
    Channels, Codec, CodecKey, HideOptions, Picture, RevealError, capacity, embed, extract,
};

use super::forged::{self, PLAIN_BYTES, VERSION};
use super::input::Input;

/// `[codec and depth][width][height][payload's length: 2][changes of the header: 24][payload,
/// cover]`
pub fn header(data: &[u8]) {
    let mut input = Input(data);
    let how = input.byte();
    let options = match how & 4 {
        0 => HideOptions::veil(1 + how % 4),
        _ => HideOptions::alpha(),
    };
    // One tile at most: `forged` lays out no more.
    let (width, height) = (
        1 + u32::from(input.byte() % 64),
        1 + u32::from(input.byte() % 42),
    );
    let most = capacity(width, height, &options);
    let length = input.short() % (most as usize + 1);
    let lie: [u8; PLAIN_BYTES] = input.array();
    let key = CodecKey::from_bytes([9; 32]);
    let payload = input.fill(length);
    let cover = input.fill((width * height * 3) as usize);
    let cover = Picture::new(width, height, Channels::Rgb, cover).expect("it has all samples");
    let Ok(mut carrier) = embed(cover, &payload, &key, &options) else {
        return;
    };
    let mut plain = plain(&payload, &key, &options);
    plain
        .iter_mut()
        .zip(lie)
        .for_each(|(byte, lie)| *byte ^= lie);
    forged::write(&mut carrier, &plain, &key);
    match (
        promised(&plain, &options, (width, height)),
        extract(&carrier, &key),
    ) {
        (Err(refusal), found) => assert_eq!(found, Err(refusal), "{plain:?}"),
        (Ok(length), Ok(found)) => {
            assert_eq!(found.len() as u64, length);
            assert_eq!(forged::check(&found, &key), plain[8..]);
        }
        (Ok(_), Err(refusal)) => {
            assert_eq!(refusal, RevealError::Damaged);
            assert_ne!(lie, [0; PLAIN_BYTES], "the truth was refused");
        }
    }
}

/// `[version, codec, depth, length: 5, check: 16]`
fn plain(payload: &[u8], key: &CodecKey, options: &HideOptions) -> [u8; PLAIN_BYTES] {
    let mut plain = [0; PLAIN_BYTES];
    (plain[0], plain[1], plain[2]) = match options.codec {
        Codec::Veil => (VERSION, 0, options.depth),
        Codec::Alpha => (VERSION, 1, 8),
    };
    plain[3..8].copy_from_slice(&(payload.len() as u64).to_le_bytes()[..5]);
    plain[8..].copy_from_slice(&forged::check(payload, key));
    plain
}

/// The length in a header, or the error with which it must be refused before its payload is read.
fn promised(
    plain: &[u8; PLAIN_BYTES],
    place: &HideOptions,
    (width, height): (u32, u32),
) -> Result<u64, RevealError> {
    let options = match (plain[0], plain[1], plain[2], place.codec) {
        (VERSION, 0, depth @ 1..=4, Codec::Veil) => HideOptions::veil(depth),
        (VERSION, 1, 8, Codec::Alpha) => HideOptions::alpha(),
        _ => return Err(RevealError::Unknown),
    };
    let mut length = [0; 8];
    length[..5].copy_from_slice(&plain[3..8]);
    let length = u64::from_le_bytes(length);
    match length <= capacity(width, height, &options) {
        true => Ok(length),
        false => Err(RevealError::Damaged),
    }
}
