//! Scaling of pictures.

use fast_image_resize::images::{Image, ImageRef};
use fast_image_resize::{FilterType, PixelType, ResizeAlg, ResizeError, ResizeOptions, Resizer};

use super::picture::{Channels, Picture};

/// The largest size of the same shape whose edges are at most `edge`; never larger than the
/// original.
pub(super) fn fit((width, height): (u32, u32), edge: u32) -> (u32, u32) {
    let longest = width.max(height);
    if longest <= edge {
        return (width, height);
    }
    let scaled = |n: u32| {
        let n = (u64::from(n) * u64::from(edge) + u64::from(longest) / 2) / u64::from(longest);
        (n as u32).max(1)
    };
    (scaled(width), scaled(height))
}

/// Reduces a picture; every source pixel contributes.
pub(super) fn shrink(picture: &Picture, size: (u32, u32)) -> Picture {
    resize(picture, size, FilterType::Bilinear)
}

/// Enlarges a picture smoothly, without visible pixel edges.
pub(super) fn enlarge(picture: &Picture, size: (u32, u32)) -> Picture {
    resize(picture, size, FilterType::Mitchell)
}

fn resize(picture: &Picture, (width, height): (u32, u32), filter: FilterType) -> Picture {
    let kind = match picture.channels() {
        Channels::Rgb => PixelType::U8x3,
        Channels::Rgba => PixelType::U8x4,
    };
    let mut to = Image::new(width, height, kind);
    let options = ResizeOptions::new().resize_alg(ResizeAlg::Convolution(filter));
    let done = ImageRef::new(picture.width(), picture.height(), picture.samples(), kind)
        .map_err(|_| ResizeError::ImageError(fast_image_resize::ImageError::UnsupportedPixelType))
        .and_then(|from| Resizer::new().resize(&from, &mut to, &options));
    match Picture::new(width, height, picture.channels(), to.into_vec()) {
        Some(resized) if done.is_ok() => resized,
        _ => unreachable!("both buffers have the samples that their sizes say"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fit_keeps_the_shape_within_the_edge() {
        assert_eq!(fit((4000, 3000), 320), (320, 240));
        assert_eq!(fit((3000, 4000), 320), (240, 320));
        assert_eq!(fit((100, 50), 320), (100, 50));
        assert_eq!(fit((40_000, 1), 320), (320, 1));
        assert_eq!(fit((1, 1), 320), (1, 1));
    }
}
