//! The colours of a file, and their conversion to sRGB, which previews, covers and every screen
//! without a profile are in.
//!
//! A file says it by an ICC profile, in a PNG also by code points (cICP) or by gamma and
//! chromaticities. A profile that cannot be used is ignored, as viewers do.

use image::{DynamicImage, ImageBuffer, Pixel};
use moxcms::{
    Chromaticity, CicpColorPrimaries, CicpProfile, ColorPrimaries, ColorProfile, DataColorSpace,
    Layout, MatrixCoefficients, ProfileText, ToneReprCurve, TransferCharacteristics,
    Transform8BitExecutor, Transform16BitExecutor, TransformOptions, XyY,
};
use png::{CodingIndependentCodePoints, ScaledFloat, SourceChromaticities};

use super::icc;

/// Steps along each edge of the grid of colours by which it is seen whether a profile changes any.
const GRID: u8 = 5;
/// Largest change of a sample that does not count: rounding.
const ROUNDING: u8 = 1;
/// gAMA of sRGB, and the part of it within which a value means sRGB's own curve: encoders write
/// 45,455 for both (PNG, third edition, 11.3.2.2).
const SRGB_GAMMA: f32 = 0.45455;
const GAMMA_TOLERANCE: f32 = 0.05;
/// Longest name of a profile that is told, in characters.
const MAX_NAME: usize = 60;

/// The colours of a file, beside sRGB.
#[derive(Debug, Default)]
pub(super) struct Colours(Option<Box<ColorProfile>>);

/// A conversion of a whole image: None if the profile is of no use for it.
type Converted = Option<DynamicImage>;

impl Colours {
    /// Colours by an ICC profile, if there is one and it can be read.
    pub fn of_icc(profile: Option<&[u8]>) -> Self {
        let plausible = profile.filter(|bytes| icc::is_plausible(bytes));
        let read = plausible.map(ColorProfile::new_from_slice);
        Self(read.and_then(Result::ok).map(Box::new))
    }

    /// Colours of a PNG, by what its chunks say; the first of these that is there counts (PNG,
    /// third edition, 4.3).
    pub fn of_png(info: &png::Info<'_>) -> Self {
        if let Some(points) = info.coding_independent_code_points {
            return Self(of_code_points(points).map(Box::new));
        }
        if info.icc_profile.is_some() {
            return Self::of_icc(info.icc_profile.as_deref());
        }
        if info.srgb.is_some() {
            return Self::default();
        }
        Self(of_gamma(info.gama_chunk, info.chrm_chunk).map(Box::new))
    }

    /// A grey or RGB image in sRGB, and what its colours were by if any has changed. Alpha stays.
    pub fn to_srgb(&self, image: DynamicImage) -> (DynamicImage, Option<String>) {
        let grey = !image.color().has_color();
        let profile = self
            .0
            .as_deref()
            .filter(|profile| match profile.color_space {
                DataColorSpace::Gray => grey,
                DataColorSpace::Rgb => true,
                _ => false,
            });
        let Some(profile) = profile.filter(|profile| changes_something(profile)) else {
            return (image, None);
        };
        let converted = match profile.color_space {
            DataColorSpace::Gray => grey_to_srgb(profile, &image),
            _ => colours_to_srgb(profile, &image),
        };
        match converted {
            Some(converted) => (converted, Some(name(profile))),
            None => (image, None),
        }
    }

    /// RGB with 8 bits a sample from amounts of cyan, magenta, yellow and black, and what they are
    /// by. Without a profile of such inks, black takes from each of the others in proportion.
    pub fn inks_to_srgb(&self, inks: &[u8]) -> (Vec<u8>, Option<String>) {
        let profile = self.0.as_deref();
        let profile = profile.filter(|profile| profile.color_space == DataColorSpace::Cmyk);
        // Four inks have the layout of four colours.
        let converted = profile.and_then(|profile| {
            let samples = convert_8(profile, inks, Layout::Rgba, Layout::Rgb)?;
            Some((samples, Some(name(profile))))
        });
        converted.unwrap_or_else(|| {
            let mixed = inks.as_chunks::<4>().0.iter().flat_map(mixed);
            (mixed.collect(), None)
        })
    }
}

fn name(profile: &ColorProfile) -> String {
    let name = match &profile.description {
        Some(ProfileText::PlainString(name)) => name.as_str(),
        Some(ProfileText::Localizable(names)) => names.first().map_or("", |name| &name.value),
        Some(ProfileText::Description(name)) => name.ascii_string.as_str(),
        None => "",
    };
    let shown = name.chars().filter(|c| !c.is_control()).take(MAX_NAME);
    let shown: String = shown.collect();
    match shown.trim() {
        "" => "values of its own".into(),
        shown => format!("the profile \"{shown}\""),
    }
}

/// Whether the conversion changes a colour visibly.
fn changes_something(profile: &ColorProfile) -> bool {
    let step = |i: u8| (u16::from(i) * 255 / u16::from(GRID - 1)) as u8;
    let steps = || (0..GRID).map(step);
    let (before, converted): (Vec<u8>, _) = match profile.color_space {
        DataColorSpace::Gray => {
            let greys: Vec<u8> = steps().collect();
            let converted = convert_8(profile, &greys, Layout::Gray, Layout::Rgb);
            (steps().flat_map(|v| [v, v, v]).collect(), converted)
        }
        _ => {
            let planes = |r| steps().flat_map(move |g| steps().flat_map(move |b| [r, g, b]));
            let grid: Vec<u8> = steps().flat_map(planes).collect();
            let converted = convert_8(profile, &grid, Layout::Rgb, Layout::Rgb);
            (grid, converted)
        }
    };
    converted.is_some_and(|converted| {
        let mut pairs = converted.iter().zip(&before);
        pairs.any(|(one, other)| one.abs_diff(*other) > ROUNDING)
    })
}

/// The colour of paper with these inks.
fn mixed(inks: &[u8; 4]) -> [u8; 3] {
    let [.., black] = *inks;
    let left = |ink: u8| {
        let left = u32::from(255 - ink) * u32::from(255 - black);
        ((left + 127) / 255) as u8
    };
    [left(inks[0]), left(inks[1]), left(inks[2])]
}

fn grey_to_srgb(profile: &ColorProfile, image: &DynamicImage) -> Converted {
    use DynamicImage as Image;
    match image {
        Image::ImageLuma8(i) => image_8(profile, i, Image::ImageRgb8),
        Image::ImageLumaA8(i) => image_8(profile, i, Image::ImageRgba8),
        Image::ImageLuma16(i) => image_16(profile, i, Image::ImageRgb16),
        Image::ImageLumaA16(i) => image_16(profile, i, Image::ImageRgba16),
        _ => None,
    }
}

/// More bits than 8 are kept until the colours are converted: dark tones need them.
fn colours_to_srgb(profile: &ColorProfile, image: &DynamicImage) -> Converted {
    use DynamicImage as Image;
    match image {
        Image::ImageRgb8(i) => image_8(profile, i, Image::ImageRgb8),
        Image::ImageRgba8(i) => image_8(profile, i, Image::ImageRgba8),
        Image::ImageRgb16(i) => image_16(profile, i, Image::ImageRgb16),
        Image::ImageRgba16(i) => image_16(profile, i, Image::ImageRgba16),
        Image::ImageLuma8(_) => image_8(profile, &image.to_rgb8(), Image::ImageRgb8),
        Image::ImageLumaA8(_) => image_8(profile, &image.to_rgba8(), Image::ImageRgba8),
        Image::ImageLumaA16(_) | Image::ImageRgba32F(_) => {
            image_16(profile, &image.to_rgba16(), Image::ImageRgba16)
        }
        _ => image_16(profile, &image.to_rgb16(), Image::ImageRgb16),
    }
}

fn image_8<From, To>(
    profile: &ColorProfile,
    image: &ImageBuffer<From, Vec<u8>>,
    wrap: impl Fn(ImageBuffer<To, Vec<u8>>) -> DynamicImage,
) -> Converted
where
    From: Pixel<Subpixel = u8>,
    To: Pixel<Subpixel = u8>,
{
    let (from, to) = (layout::<From>(), layout::<To>());
    let samples = convert_8(profile, image.as_raw(), from, to)?;
    ImageBuffer::from_raw(image.width(), image.height(), samples).map(wrap)
}

fn image_16<From, To>(
    profile: &ColorProfile,
    image: &ImageBuffer<From, Vec<u16>>,
    wrap: impl Fn(ImageBuffer<To, Vec<u16>>) -> DynamicImage,
) -> Converted
where
    From: Pixel<Subpixel = u16>,
    To: Pixel<Subpixel = u16>,
{
    let (from, to) = (layout::<From>(), layout::<To>());
    let srgb = ColorProfile::new_srgb();
    let transform: std::sync::Arc<Transform16BitExecutor> = profile
        .create_transform_16bit(from, &srgb, to, TransformOptions::default())
        .ok()?;
    let samples = image.as_raw();
    let mut converted = vec![0; samples.len() / from.channels() * to.channels()];
    transform.transform(samples, &mut converted).ok()?;
    ImageBuffer::from_raw(image.width(), image.height(), converted).map(wrap)
}

fn layout<P: Pixel>() -> Layout {
    match P::CHANNEL_COUNT {
        1 => Layout::Gray,
        2 => Layout::GrayAlpha,
        3 => Layout::Rgb,
        _ => Layout::Rgba,
    }
}

fn convert_8(profile: &ColorProfile, samples: &[u8], from: Layout, to: Layout) -> Option<Vec<u8>> {
    let srgb = ColorProfile::new_srgb();
    let transform: std::sync::Arc<Transform8BitExecutor> = profile
        .create_transform_8bit(from, &srgb, to, TransformOptions::default())
        .ok()?;
    let mut converted = vec![0; samples.len() / from.channels() * to.channels()];
    transform.transform(samples, &mut converted).ok()?;
    Some(converted)
}

fn of_code_points(points: CodingIndependentCodePoints) -> Option<ColorProfile> {
    let curve = TransferCharacteristics::try_from(points.transfer_function);
    let points = CicpProfile {
        color_primaries: CicpColorPrimaries::try_from(points.color_primaries).ok()?,
        transfer_characteristics: curve.ok()?,
        matrix_coefficients: MatrixCoefficients::try_from(points.matrix_coefficients).ok()?,
        full_range: points.is_video_full_range_image,
    };
    let mut profile = of_srgb();
    profile.cicp = None;
    // It returns false also where it has changed the profile (moxcms 0.8.1).
    profile.update_rgb_colorimetry_from_cicp(points);
    profile.cicp.is_some().then_some(profile)
}

/// sRGB's curve or primaries stand in for what is not told.
fn of_gamma(
    gamma: Option<ScaledFloat>,
    primaries: Option<SourceChromaticities>,
) -> Option<ColorProfile> {
    let gamma = gamma.map(ScaledFloat::into_value);
    let gamma = gamma.filter(|gamma| (gamma / SRGB_GAMMA - 1.0).abs() > GAMMA_TOLERANCE);
    if gamma.is_none() && primaries.is_none() {
        return None;
    }
    let mut profile = of_srgb();
    if let Some(primaries) = primaries {
        set_primaries(&mut profile, &primaries)?;
    }
    if let Some(gamma) = gamma.filter(|gamma| *gamma > 0.0) {
        let curve = ToneReprCurve::Parametric(vec![gamma.recip()]);
        profile.red_trc = Some(curve.clone());
        profile.green_trc = Some(curve.clone());
        profile.blue_trc = Some(curve);
        profile.cicp = None;
    }
    Some(profile)
}

/// None for points that no light has.
fn set_primaries(profile: &mut ColorProfile, points: &SourceChromaticities) -> Option<()> {
    let point = |(x, y): (ScaledFloat, ScaledFloat)| {
        let (x, y) = (x.into_value(), y.into_value());
        (y > 0.0).then(|| Chromaticity::new(x, y))
    };
    let white: XyY = point(points.white)?.to_xyyb();
    let primaries = ColorPrimaries {
        red: point(points.red)?,
        green: point(points.green)?,
        blue: point(points.blue)?,
    };
    profile.update_rgb_colorimetry(white, primaries);
    Some(())
}

/// sRGB without its name, to be changed.
fn of_srgb() -> ColorProfile {
    let mut profile = ColorProfile::new_srgb();
    profile.description = None;
    profile
}
