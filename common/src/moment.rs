//! Times as text for people.

use crate::ids::Millis;

/// A time as text: UTC, to the second.
#[must_use]
pub fn moment(at: Millis) -> String {
    let seconds = at.0 / 1000;
    let (days, rest) = (seconds / 86_400, seconds % 86_400);
    let (year, month, day) = civil(days);
    let (hour, minute, second) = (rest / 3600, rest / 60 % 60, rest % 60);
    format!("{year:04}-{month:02}-{day:02} {hour:02}:{minute:02}:{second:02} UTC")
}

/// Year, month and day of a number of days since 1970-01-01, in the proleptic Gregorian calendar:
/// counted in eras of 400 years that begin in March, so that the leap day comes last.
fn civil(days: u64) -> (u64, u64, u64) {
    const ERA: u64 = 146_097;
    let shifted = days + 719_468;
    let (era, day_of_era) = (shifted / ERA, shifted % ERA);
    let year_of_era =
        (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 {
        month_from_march + 3
    } else {
        month_from_march - 9
    };
    (era * 400 + year_of_era + u64::from(month <= 2), month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_around_leap_days_are_right() {
        assert_eq!(moment(Millis(0)), "1970-01-01 00:00:00 UTC");
        assert_eq!(moment(Millis(951_782_399_000)), "2000-02-28 23:59:59 UTC");
        assert_eq!(moment(Millis(951_782_400_000)), "2000-02-29 00:00:00 UTC");
        assert_eq!(moment(Millis(1_709_251_200_000)), "2024-03-01 00:00:00 UTC");
        assert_eq!(moment(Millis(4_102_444_799_000)), "2099-12-31 23:59:59 UTC");
    }
}
