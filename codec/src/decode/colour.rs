//! The colours of a file, and their conversion to sRGB, which previews, covers and every screen
//! without a profile are in.
//!
//! A file says it by an ICC profile, in a PNG also by code points (cICP) or by gamma and
//! chromaticities. A profile that cannot be used is ignored, as viewers do.

use image::{DynamicImage, ImageBuffer, Pixel};
use moxcms::{
    Chromaticity, CicpColorPrimaries, CicpProfile, ColorPrimaries, ColorProfile, DataColorSpace,
    Layout, MatrixCoefficients, ProfileText, ToneReprCurve, TransferCharacteristics,
    TransformOptions, XyY,
};
use png::{CodingIndependentCodePoints, ScaledFloat, SourceChromaticities};

/// Steps of a colour along each edge of the grid by which it is seen whether a profile changes
/// anything.
const GRID: u8 = 5;
/// Largest change of a sample that does not count: rounding.
const ROUNDING: u8 = 1;
/// gAMA of sRGB, and the part of it within which a value means sRGB's own curve: encoders write
/// 45,455 for both (PNG, third edition, 11.3.2.2).
const SRGB_GAMMA: f32 = 0.45455;
const GAMMA_TOLERANCE: f32 = 0.05;

/// The colours of a file, beside sRGB.
#[derive(Debug, Default)]
pub(super) struct Colours(Option<Box<ColorProfile>>);

/// Longest name of a profile that is told, in characters.
const MAX_NAME: usize = 60;

impl Colours {
    /// Colours by an ICC profile, if there is one and it can be read.
    pub fn of_icc(profile: Option<&[u8]>) -> Self {
        let read = profile.and_then(|bytes| ColorProfile::new_from_slice(bytes).ok());
        Self(read.map(Box::new))
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

    /// What the colours are by, if their conversion changes any.
    pub fn name(&self) -> Option<String> {
        let profile = self.0.as_deref().filter(|_| self.change_something())?;
        let name = match &profile.description {
            Some(ProfileText::PlainString(name)) => name.as_str(),
            Some(ProfileText::Localizable(names)) => {
                names.first().map_or("", |name| name.value.as_str())
            }
            Some(ProfileText::Description(name)) => name.ascii_string.as_str(),
            None => "",
        };
        let shown = name.chars().filter(|c| !c.is_control()).take(MAX_NAME);
        let shown: String = shown.collect();
        Some(match shown.trim() {
            "" => "values of its own".into(),
            shown => format!("the profile \"{shown}\""),
        })
    }

    /// Whether the conversion changes a colour visibly.
    fn change_something(&self) -> bool {
        let Some(profile) = &self.0 else { return false };
        let step = |i: u8| (u16::from(i) * 255 / u16::from(GRID - 1)) as u8;
        let steps = || (0..GRID).map(step);
        let grid: Vec<u8> = match profile.color_space {
            DataColorSpace::Rgb => steps()
                .flat_map(|r| steps().flat_map(move |g| steps().flat_map(move |b| [r, g, b])))
                .collect(),
            DataColorSpace::Gray => steps().flat_map(|v| [v, v, v]).collect(),
            _ => return true,
        };
        let converted = match profile.color_space {
            DataColorSpace::Gray => {
                let greys: Vec<u8> = steps().collect();
                convert_8(profile, &greys, Layout::Gray, Layout::Rgb)
            }
            _ => convert_8(profile, &grid, Layout::Rgb, Layout::Rgb),
        };
        converted.is_some_and(|converted| {
            let pairs = converted.iter().zip(&grid);
            pairs.into_iter().any(|(a, b)| a.abs_diff(*b) > ROUNDING)
        })
    }

    /// A grey or RGB image in sRGB. Alpha stays.
    pub fn to_srgb(&self, image: DynamicImage) -> DynamicImage {
        let Some(profile) = &self.0 else { return image };
        let grey = !image.color().has_color();
        let fits = match profile.color_space {
            DataColorSpace::Gray => grey,
            DataColorSpace::Rgb => true,
            _ => false,
        };
        if !fits {
            return image;
        }
        let converted = match (&image, profile.color_space) {
            (DynamicImage::ImageLuma8(i), DataColorSpace::Gray) => buffer_8(
                profile,
                i,
                Layout::Gray,
                Layout::Rgb,
                DynamicImage::ImageRgb8,
            ),
            (DynamicImage::ImageLumaA8(i), DataColorSpace::Gray) => buffer_8(
                profile,
                i,
                Layout::GrayAlpha,
                Layout::Rgba,
                DynamicImage::ImageRgba8,
            ),
            (DynamicImage::ImageLuma16(i), DataColorSpace::Gray) => buffer_16(
                profile,
                i,
                Layout::Gray,
                Layout::Rgb,
                DynamicImage::ImageRgb16,
            ),
            (DynamicImage::ImageLumaA16(i), DataColorSpace::Gray) => buffer_16(
                profile,
                i,
                Layout::GrayAlpha,
                Layout::Rgba,
                DynamicImage::ImageRgba16,
            ),
            // More bits are kept until the colours are converted: dark tones need them.
            _ => match (image.color().has_alpha(), is_deep(&image)) {
                (false, false) => buffer_8(
                    profile,
                    &image.to_rgb8(),
                    Layout::Rgb,
                    Layout::Rgb,
                    DynamicImage::ImageRgb8,
                ),
                (true, false) => buffer_8(
                    profile,
                    &image.to_rgba8(),
                    Layout::Rgba,
                    Layout::Rgba,
                    DynamicImage::ImageRgba8,
                ),
                (false, true) => buffer_16(
                    profile,
                    &image.to_rgb16(),
                    Layout::Rgb,
                    Layout::Rgb,
                    DynamicImage::ImageRgb16,
                ),
                (true, true) => buffer_16(
                    profile,
                    &image.to_rgba16(),
                    Layout::Rgba,
                    Layout::Rgba,
                    DynamicImage::ImageRgba16,
                ),
            },
        };
        converted.unwrap_or(image)
    }

    /// RGB with 8 bits a sample from amounts of cyan, magenta, yellow and black. Without a profile
    /// of such inks, black takes from each of the others in proportion.
    pub fn inks_to_srgb(&self, inks: &[u8]) -> Vec<u8> {
        let profile = self.0.as_deref();
        let profile = profile.filter(|profile| profile.color_space == DataColorSpace::Cmyk);
        // Four inks have the layout of four colours.
        let converted =
            profile.and_then(|profile| convert_8(profile, inks, Layout::Rgba, Layout::Rgb));
        converted.unwrap_or_else(|| inks.as_chunks::<4>().0.iter().flat_map(mixed).collect())
    }
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

fn is_deep(image: &DynamicImage) -> bool {
    let color = image.color();
    color.bits_per_pixel() / u16::from(color.channel_count()) > 8
}

fn buffer_8<From, To, Wrap>(
    profile: &ColorProfile,
    image: &ImageBuffer<From, Vec<u8>>,
    from: Layout,
    to: Layout,
    wrap: Wrap,
) -> Option<DynamicImage>
where
    From: Pixel<Subpixel = u8>,
    To: Pixel<Subpixel = u8>,
    Wrap: Fn(ImageBuffer<To, Vec<u8>>) -> DynamicImage,
{
    let samples = convert_8(profile, image.as_raw(), from, to)?;
    ImageBuffer::from_raw(image.width(), image.height(), samples).map(wrap)
}

fn buffer_16<From, To, Wrap>(
    profile: &ColorProfile,
    image: &ImageBuffer<From, Vec<u16>>,
    from: Layout,
    to: Layout,
    wrap: Wrap,
) -> Option<DynamicImage>
where
    From: Pixel<Subpixel = u16>,
    To: Pixel<Subpixel = u16>,
    Wrap: Fn(ImageBuffer<To, Vec<u16>>) -> DynamicImage,
{
    let samples = image.as_raw();
    let options = TransformOptions::default();
    let srgb = ColorProfile::new_srgb();
    let transform = profile.create_transform_16bit(from, &srgb, to, options);
    let mut converted = vec![0; samples.len() / from.channels() * to.channels()];
    transform.ok()?.transform(samples, &mut converted).ok()?;
    ImageBuffer::from_raw(image.width(), image.height(), converted).map(wrap)
}

fn convert_8(profile: &ColorProfile, samples: &[u8], from: Layout, to: Layout) -> Option<Vec<u8>> {
    let options = TransformOptions::default();
    let srgb = ColorProfile::new_srgb();
    let transform = profile.create_transform_8bit(from, &srgb, to, options);
    let mut converted = vec![0; samples.len() / from.channels() * to.channels()];
    transform.ok()?.transform(samples, &mut converted).ok()?;
    Some(converted)
}

fn of_code_points(points: CodingIndependentCodePoints) -> Option<ColorProfile> {
    let points = CicpProfile {
        color_primaries: CicpColorPrimaries::try_from(points.color_primaries).ok()?,
        transfer_characteristics: TransferCharacteristics::try_from(points.transfer_function)
            .ok()?,
        matrix_coefficients: MatrixCoefficients::try_from(points.matrix_coefficients).ok()?,
        full_range: points.is_video_full_range_image,
    };
    let mut profile = ColorProfile::new_srgb();
    profile.cicp = None;
    profile.description = None;
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
    let mut profile = ColorProfile::new_srgb();
    profile.description = None;
    if let Some(primaries) = primaries {
        let [white, red, green, blue] = [
            primaries.white,
            primaries.red,
            primaries.green,
            primaries.blue,
        ]
        .map(|(x, y)| (x.into_value(), y.into_value()));
        if [white, red, green, blue].iter().any(|(_, y)| *y <= 0.0) {
            return None;
        }
        let point = |(x, y): (f32, f32)| Chromaticity::new(x, y);
        let white: XyY = point(white).to_xyyb();
        let primaries = ColorPrimaries {
            red: point(red),
            green: point(green),
            blue: point(blue),
        };
        profile.update_rgb_colorimetry(white, primaries);
    }
    if let Some(gamma) = gamma {
        let curve = ToneReprCurve::Parametric(vec![gamma.recip()]);
        profile.red_trc = Some(curve.clone());
        profile.green_trc = Some(curve.clone());
        profile.blue_trc = Some(curve);
        profile.cicp = None;
    }
    Some(profile)
}
