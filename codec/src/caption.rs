//! Captions: lines of text on default covers.
//!
//! White letters on a softly darkened band near the bottom edge are readable on any picture and add
//! little to the carrier's size. Drawn with `ab_glyph` in a subset of DejaVu Sans.

use std::ops::Range;

use ab_glyph::{Font, FontRef, PxScale, ScaleFont, point};
use thiserror::Error;

use super::limits::MAX_CAPTION_CHARS;
use super::picture::{Channels, Picture};

static FONT: &[u8] = include_bytes!("../fonts/DejaVuSans-subset.ttf");

/// Height of the picture in units of the letter height, where the text is short enough.
const HEIGHT_IN_LETTERS: f32 = 14.0;
/// Smallest readable letter height in pixels. Smaller covers have no caption.
const MIN_LETTER_HEIGHT: f32 = 9.0;
/// Share of the width that a line may take.
const LINE_WIDTH: f32 = 0.88;
const MAX_LINES: usize = 3;
/// Share of the picture's brightness that remains in the band.
const BAND_BRIGHTNESS: f32 = 0.45;

/// A text whose characters can all be drawn.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Caption(String);

#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum CaptionError {
    #[error("a caption has 1 to {MAX_CAPTION_CHARS} characters")]
    Length,
    #[error(
        "{0:?} cannot be drawn on a cover: Latin, Greek and Cyrillic letters, digits and common \
         signs can"
    )]
    Character(char),
}

impl Caption {
    /// Refuses texts that are empty, too long, or have characters that cannot be drawn.
    pub fn new(text: &str) -> Result<Self, CaptionError> {
        // A soft hyphen is invisible where the line is not broken.
        let text = text.replace('\u{ad}', "");
        let text = text.trim();
        if text.is_empty() || text.chars().count() > MAX_CAPTION_CHARS {
            return Err(CaptionError::Length);
        }
        let font = font();
        match text.chars().find(|&c| font.glyph_id(c).0 == 0) {
            Some(unknown) => Err(CaptionError::Character(unknown)),
            None => Ok(Caption(text.to_owned())),
        }
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Draws the caption, unless it would be too small to read.
    pub(super) fn draw(&self, picture: &mut Picture) {
        assert_eq!(picture.channels(), Channels::Rgb);
        let (width, height) = (picture.width() as f32, picture.height() as f32);
        let font = font();
        let Some((letter, lines)) = self.fit(&font, width * LINE_WIDTH, height) else {
            return;
        };
        let line_height = letter * 1.3;
        let text_height = line_height * lines.len() as f32;
        // The band fades out over a letter's height on either side.
        let bottom = height - letter;
        let top = bottom - text_height;
        darken(picture, top, bottom, letter);
        let scaled = font.as_scaled(PxScale::from(letter));
        for (i, line) in lines.iter().enumerate() {
            let left = (width - line_width(&font, letter, line)) / 2.0;
            let baseline = top
                + line_height * i as f32
                + (line_height + scaled.ascent() + scaled.descent()) / 2.0;
            draw_line(picture, &font, letter, line, point(left, baseline));
        }
    }

    /// The largest letter height with which the text fits, and the text in lines.
    fn fit(&self, font: &FontRef<'_>, width: f32, height: f32) -> Option<(f32, Vec<&str>)> {
        let mut letter = height / HEIGHT_IN_LETTERS;
        while letter >= MIN_LETTER_HEIGHT {
            let lines = wrap(&self.0, |line| line_width(font, letter, line) <= width);
            if let Some(lines) = lines.filter(|lines| lines.len() <= MAX_LINES) {
                return Some((letter, lines));
            }
            letter *= 0.9;
        }
        None
    }
}

fn font() -> FontRef<'static> {
    match FontRef::try_from_slice(FONT) {
        Ok(font) => font,
        Err(error) => unreachable!("the font is part of the program: {error}"),
    }
}

/// Breaks a text at spaces into the fewest lines; `None` where a single word does not fit.
fn wrap(text: &str, fits: impl Fn(&str) -> bool) -> Option<Vec<&str>> {
    let mut lines = Vec::new();
    let mut line: Range<usize> = 0..0;
    for word in text.split_whitespace() {
        let from = word.as_ptr() as usize - text.as_ptr() as usize;
        let end = from + word.len();
        if line.is_empty() {
            line = from..end;
        } else if fits(&text[line.start..end]) {
            line.end = end;
        } else {
            lines.push(&text[line.clone()]);
            line = from..end;
        }
        if !fits(&text[line.clone()]) {
            return None;
        }
    }
    lines.push(&text[line]);
    Some(lines)
}

fn line_width(font: &FontRef<'_>, letter: f32, line: &str) -> f32 {
    let mut end = 0.0;
    for_each_glyph(font, letter, line, |_, at, advance| end = at + advance);
    end
}

/// Calls `visit` with each glyph of a line, its position and its advance.
fn for_each_glyph(
    font: &FontRef<'_>,
    letter: f32,
    line: &str,
    mut visit: impl FnMut(ab_glyph::GlyphId, f32, f32),
) {
    let scaled = font.as_scaled(PxScale::from(letter));
    let mut at = 0.0;
    let mut before = None;
    for character in line.chars() {
        let glyph = font.glyph_id(character);
        at += before.map_or(0.0, |before| scaled.kern(before, glyph));
        let advance = scaled.h_advance(glyph);
        visit(glyph, at, advance);
        at += advance;
        before = Some(glyph);
    }
}

/// Darkens the rows between `top` and `bottom`, less and less over `fade` rows beyond them.
fn darken(picture: &mut Picture, top: f32, bottom: f32, fade: f32) {
    let row_bytes = picture.row_bytes();
    for (y, row) in picture
        .samples_mut()
        .chunks_exact_mut(row_bytes)
        .enumerate()
    {
        let y = y as f32;
        let distance = (top - y).max(y - bottom).max(0.0) / fade;
        if distance >= 1.0 {
            continue;
        }
        // Smooth at both ends: an edge would be visible and compress worse.
        let strength = 1.0 - distance * distance * (3.0 - 2.0 * distance);
        let brightness = ((1.0 - (1.0 - BAND_BRIGHTNESS) * strength) * 256.0) as u32;
        for sample in row {
            *sample = ((u32::from(*sample) * brightness) >> 8) as u8;
        }
    }
}

fn draw_line(
    picture: &mut Picture,
    font: &FontRef<'_>,
    letter: f32,
    line: &str,
    from: ab_glyph::Point,
) {
    for_each_glyph(font, letter, line, |id, at, _| {
        let glyph = id.with_scale_and_position(letter, point(from.x + at, from.y));
        if let Some(outline) = font.outline_glyph(glyph) {
            let corner = outline.px_bounds().min;
            outline.draw(|x, y, coverage| {
                lighten(
                    picture,
                    corner.x as i64 + i64::from(x),
                    corner.y as i64 + i64::from(y),
                    coverage,
                );
            });
        }
    });
}

fn lighten(picture: &mut Picture, x: i64, y: i64, coverage: f32) {
    let (width, height) = picture.size();
    if !(0..i64::from(width)).contains(&x) || !(0..i64::from(height)).contains(&y) {
        return;
    }
    let at = y as usize * picture.row_bytes() + 3 * x as usize;
    for sample in &mut picture.samples_mut()[at..at + 3] {
        let dark = f32::from(*sample);
        *sample = (dark + (255.0 - dark) * coverage.clamp(0.0, 1.0)) as u8;
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn grey(width: u32, height: u32) -> Picture {
        let samples = vec![128; width as usize * height as usize * 3];
        Picture::new(width, height, Channels::Rgb, samples).unwrap()
    }

    fn drawn(text: &str, width: u32, height: u32) -> Picture {
        let mut picture = grey(width, height);
        Caption::new(text).unwrap().draw(&mut picture);
        picture
    }

    #[test]
    fn letters_are_light_on_a_dark_band_and_the_rest_is_unchanged() {
        let picture = drawn("ask ada for more", 900, 600);
        let samples = picture.samples();
        assert!(samples.contains(&255), "letters are white");
        assert!(samples.iter().any(|&s| s < 64), "their band is dark");
        let upper_half = &samples[..samples.len() / 2];
        assert!(upper_half.iter().all(|&s| s == 128));
    }

    #[test]
    fn different_captions_give_different_pictures() {
        assert!(drawn("ask ada", 600, 400) != drawn("ask ben", 600, 400));
    }

    #[test]
    fn a_long_caption_is_broken_at_spaces_or_made_smaller() {
        let text = "Привет, Ω: this is mine, please write to me before you ask for more";
        let long = Caption::new(text).unwrap();
        let (letter, lines) = long.fit(&font(), 400.0, 600.0).unwrap();
        assert!((MIN_LETTER_HEIGHT..=600.0 / HEIGHT_IN_LETTERS).contains(&letter));
        assert!((2..=MAX_LINES).contains(&lines.len()));
        assert_eq!(lines.join(" "), text);
    }

    #[test]
    fn a_cover_too_small_for_its_caption_has_none() {
        assert!(drawn("ask ada for more", 40, 30) == grey(40, 30));
        let word = "m".repeat(MAX_CAPTION_CHARS);
        assert!(drawn(&word, 300, 300) == grey(300, 300));
    }

    #[test]
    fn characters_that_cannot_be_drawn_are_refused_by_name() {
        assert_eq!(Caption::new("  "), Err(CaptionError::Length));
        assert_eq!(Caption::new("\u{ad}"), Err(CaptionError::Length));
        assert_eq!(Caption::new("a\u{ad}da").unwrap().as_str(), "ada");
        let long = "a".repeat(MAX_CAPTION_CHARS + 1);
        assert_eq!(Caption::new(&long), Err(CaptionError::Length));
        assert_eq!(Caption::new("ask 猫"), Err(CaptionError::Character('猫')));
        assert_eq!(Caption::new("a\nb"), Err(CaptionError::Character('\n')));
        assert_eq!(Caption::new(" ask ada ").unwrap().as_str(), "ask ada");
    }
}
