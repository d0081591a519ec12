//! Logarithmic axes.

#[derive(Debug, Clone, Copy)]
pub struct Axis {
    /// Values at the two ends.
    pub values: (f64, f64),
    /// Coordinates of the two ends.
    pub places: (f64, f64),
}

impl Axis {
    pub fn place(&self, value: f64) -> f64 {
        let ((low, high), (from, to)) = (self.values, self.places);
        let part = (value.clamp(low, high) / low).ln() / (high / low).ln();
        from + (to - from) * part
    }

    /// 1, 2 and 5 times the powers of ten within the axis; more on a short axis.
    pub fn ticks(&self) -> Vec<f64> {
        let (low, high) = self.values;
        let digits: &[f64] = if high / low < 10.0 {
            &[1.0, 1.2, 1.5, 2.0, 3.0, 5.0, 8.0]
        } else {
            &[1.0, 2.0, 5.0]
        };
        (-3..=6)
            .flat_map(|power| digits.iter().map(move |digit| digit * 10f64.powi(power)))
            .filter(|tick| (low..=high).contains(tick))
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn powers_of_ten_are_evenly_spaced() {
        let axis = Axis {
            values: (1.0, 100.0),
            places: (400.0, 0.0),
        };
        let places = [1.0, 10.0, 100.0].map(|value| axis.place(value).round());
        assert_eq!(places, [400.0, 200.0, 0.0]);
        assert_eq!(axis.ticks(), [1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0]);
        let short = Axis {
            values: (0.8, 2.5),
            ..axis
        };
        assert_eq!(short.ticks(), [0.8, 1.0, 1.2, 1.5, 2.0]);
    }
}
