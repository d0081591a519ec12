//! Any payload in any cover: revealed bit for bit, and the file opens in another decoder.

use cameo_codec::{Channels, CodecKey, HideOptions, Picture, capacity, embed, extract, png};

use super::carrier::decode_elsewhere;
use super::input::Input;

/// `[codec and depth][width][height][fill: 2][key][payload, cover]`
pub fn round_trip(data: &[u8]) {
    let mut input = Input(data);
    let how = input.byte();
    let options = match how & 4 {
        0 => HideOptions::veil(1 + how % 4),
        _ => HideOptions::alpha(),
    };
    let (width, height) = (1 + u32::from(input.byte()), 1 + u32::from(input.byte()));
    let most = capacity(width, height, &options);
    let length = input.short() % (most as usize + 1);
    let key = CodecKey::from_bytes([input.byte(); 32]);
    let payload = input.fill(length);
    let channels = match how & 8 {
        0 => Channels::Rgb,
        _ => Channels::Rgba,
    };
    let samples = input.fill((width * height) as usize * channels.count());
    let cover = Picture::new(width, height, channels, samples).expect("it has all samples");

    opens_everywhere(&cover);
    let Ok(carrier) = embed(cover, &payload, &key, &options) else {
        assert_eq!(most, 0, "what fits is hidden");
        return;
    };
    opens_everywhere(&carrier);
    assert_eq!(extract(&carrier, &key), Ok(payload));
}

fn opens_everywhere(picture: &Picture) {
    let file = png::write(picture);
    assert!(png::read(&file).is_ok_and(|read| read == *picture));
    assert!(decode_elsewhere(&file).is_ok_and(|read| read == *picture));
}
