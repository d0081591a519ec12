//! Decoded pictures: 8 bits a sample, rows from the top, samples interleaved, no padding.

use std::borrow::Cow;
use std::fmt;

/// Samples of a pixel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Channels {
    Rgb,
    Rgba,
}

impl Channels {
    /// Samples, and so bytes, of a pixel.
    pub const fn count(self) -> usize {
        match self {
            Channels::Rgb => 3,
            Channels::Rgba => 4,
        }
    }
}

/// A picture of at least 1x1 pixels. `samples` holds `width * height * channels.count()` bytes.
#[derive(Clone, PartialEq, Eq)]
pub struct Picture {
    width: u32,
    height: u32,
    channels: Channels,
    samples: Vec<u8>,
}

impl Picture {
    /// `None` when the number of samples does not match the size.
    pub fn new(width: u32, height: u32, channels: Channels, samples: Vec<u8>) -> Option<Self> {
        let expected = (width as usize)
            .checked_mul(height as usize)?
            .checked_mul(channels.count())?;
        (expected > 0 && samples.len() == expected).then_some(Picture {
            width,
            height,
            channels,
            samples,
        })
    }

    pub fn width(&self) -> u32 {
        self.width
    }

    pub fn height(&self) -> u32 {
        self.height
    }

    pub fn size(&self) -> (u32, u32) {
        (self.width, self.height)
    }

    pub fn channels(&self) -> Channels {
        self.channels
    }

    pub fn samples(&self) -> &[u8] {
        &self.samples
    }

    pub fn samples_mut(&mut self) -> &mut [u8] {
        &mut self.samples
    }

    pub fn into_samples(self) -> Vec<u8> {
        self.samples
    }

    /// Bytes of a row.
    pub fn row_bytes(&self) -> usize {
        self.width as usize * self.channels.count()
    }

    /// Whether any pixel is not opaque.
    pub fn is_translucent(&self) -> bool {
        self.channels == Channels::Rgba && self.samples.chunks_exact(4).any(|p| p[3] != 255)
    }

    /// RGB, blended over white.
    pub fn into_opaque(self) -> Picture {
        self.into_rgb(|sample, alpha| {
            let (sample, alpha) = (u32::from(sample), u32::from(alpha));
            ((sample * alpha + 255 * (255 - alpha) + 127) / 255) as u8
        })
    }

    /// RGB with unchanged colours; the alpha channel is dropped. RGBA pictures are copied.
    pub fn without_alpha(&self) -> Cow<'_, Picture> {
        match self.channels {
            Channels::Rgb => Cow::Borrowed(self),
            Channels::Rgba => {
                #[cfg(test)]
                super::work::count(|work| work.copies += 1);
                Cow::Owned(self.clone().into_rgb(|sample, _| sample))
            }
        }
    }

    /// Number of red, green and blue samples.
    pub(super) fn colours(&self) -> usize {
        self.samples.len() / self.channels.count() * 3
    }

    /// The `i`-th red, green or blue sample, not counting alpha.
    pub(super) fn colour(&self, i: usize) -> u8 {
        self.samples[i / 3 * self.channels.count() + i % 3]
    }

    /// RGBA, opaque where there was no alpha channel.
    pub fn with_alpha(self) -> Picture {
        if self.channels == Channels::Rgba {
            return self;
        }
        let mut samples = Vec::with_capacity(self.samples.len() / 3 * 4);
        for pixel in self.samples.chunks_exact(3) {
            samples.extend_from_slice(&[pixel[0], pixel[1], pixel[2], 255]);
        }
        Picture {
            channels: Channels::Rgba,
            samples,
            ..self
        }
    }

    fn into_rgb(mut self, colour: impl Fn(u8, u8) -> u8) -> Picture {
        if self.channels == Channels::Rgb {
            return self;
        }
        let pixels = self.samples.len() / 4;
        for i in 0..pixels {
            let alpha = self.samples[4 * i + 3];
            for c in 0..3 {
                self.samples[3 * i + c] = colour(self.samples[4 * i + c], alpha);
            }
        }
        self.samples.truncate(3 * pixels);
        Picture {
            channels: Channels::Rgb,
            ..self
        }
    }
}

impl fmt::Debug for Picture {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "Picture({}x{} {:?})",
            self.width, self.height, self.channels
        )
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_size_that_does_not_match_the_samples_is_refused() {
        for (width, height, bytes) in [(0, 0, 0), (0, 5, 0), (2, 2, 11), (2, 2, 13)] {
            assert!(Picture::new(width, height, Channels::Rgb, vec![0; bytes]).is_none());
        }
        assert!(Picture::new(u32::MAX, u32::MAX, Channels::Rgba, Vec::new()).is_none());
    }

    #[test]
    fn alpha_is_blended_over_white_or_dropped() {
        let samples = vec![10, 20, 30, 255, 0, 0, 0, 0, 100, 100, 100, 128];
        let picture = Picture::new(3, 1, Channels::Rgba, samples).unwrap();
        assert!(picture.is_translucent());
        assert_eq!(
            picture.clone().into_opaque().samples(),
            [10, 20, 30, 255, 255, 255, 177, 177, 177]
        );
        assert_eq!(
            picture.without_alpha().samples(),
            [10, 20, 30, 0, 0, 0, 100, 100, 100]
        );
    }
}
