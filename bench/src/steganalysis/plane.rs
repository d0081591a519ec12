//! Single channels of a picture.

use cameo_codec::{Channels, Picture};

#[derive(Debug, Clone)]
pub struct Plane {
    pub width: usize,
    pub samples: Vec<u8>,
}

impl Plane {
    pub fn rows(&self) -> impl Iterator<Item = &[u8]> {
        self.samples.chunks_exact(self.width)
    }
}

/// Red, green and blue; for a translucent picture alpha only, which is where such a carrier hides.
pub fn planes(picture: &Picture) -> Vec<Plane> {
    let wanted = match picture.is_translucent() {
        true => 3..4,
        false => 0..3,
    };
    wanted
        .map(|at| plane(picture, at, picture.channels()))
        .collect()
}

fn plane(picture: &Picture, at: usize, channels: Channels) -> Plane {
    let pixels = picture.samples().chunks_exact(channels.count());
    Plane {
        width: picture.width() as usize,
        samples: pixels.map(|pixel| pixel[at]).collect(),
    }
}
