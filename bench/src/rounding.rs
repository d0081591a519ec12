//! Rounding of numbers for display.

/// Three significant digits, or four decimals for values below 1.
pub fn round(value: f64) -> String {
    match value.abs() {
        size if size >= 100.0 => format!("{value:.0}"),
        size if size >= 10.0 => format!("{value:.1}"),
        size if size >= 1.0 => format!("{value:.2}"),
        _ => format!("{value:.4}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn significant_digits_are_kept() {
        let rounded = [1234.4, 56.78, 3.456, 0.0124].map(round);
        assert_eq!(rounded, ["1234", "56.8", "3.46", "0.0124"]);
    }
}
