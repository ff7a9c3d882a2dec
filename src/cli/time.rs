//! Times as people write them: RFC 3339, and distances back from now.

/// Milliseconds in a day.
const DAY_MS: i64 = 24 * 3600 * 1000;

/// Writes milliseconds since the Unix epoch as RFC 3339 in UTC, with milliseconds.
pub(super) fn to_rfc3339(time_ms: i64) -> String {
    let (year, month, day) = civil_from_days(time_ms.div_euclid(DAY_MS));
    let of_day = time_ms.rem_euclid(DAY_MS);
    let (hour, minute) = (of_day / 3_600_000, of_day / 60_000 % 60);
    let (second, ms) = (of_day / 1000 % 60, of_day % 1000);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{ms:03}Z")
}

/// Reads RFC 3339, or a distance such as `-10m` (ms, s, m, h, d) back from `now_ms`. Gives milliseconds since
/// the Unix epoch.
pub(super) fn parse(text: &str, now_ms: i64) -> Result<i64, String> {
    let parsed = match text.strip_prefix('-') {
        Some(distance) => parse_distance(distance).map(|distance_ms| now_ms.saturating_sub(distance_ms)),
        None => parse_rfc3339(text),
    };
    parsed.ok_or_else(|| {
        format!(
            "{text:?} is no time: write 2026-11-21T12:00:00Z, or -10m for ten minutes ago (ms, s, m, h, d)"
        )
    })
}

fn parse_distance(text: &str) -> Option<i64> {
    let digits = text.find(|c: char| !c.is_ascii_digit())?;
    let (number, unit) = text.split_at(digits);
    let unit_ms = match unit {
        "ms" => 1,
        "s" => 1000,
        "m" => 60_000,
        "h" => 3_600_000,
        "d" => DAY_MS,
        _ => return None,
    };
    number.parse::<i64>().ok()?.checked_mul(unit_ms)
}

fn parse_rfc3339(text: &str) -> Option<i64> {
    let (date, time) = text.split_once(['T', 't', ' '])?;
    let [year, month, day] = numbers(date, '-')?;
    let zone_at = time.find(['Z', 'z', '+', '-'])?;
    let (clock, zone) = time.split_at(zone_at);
    let (clock, fraction) = clock.split_once('.').unwrap_or((clock, "0"));
    let [hour, minute, second] = numbers(clock, ':')?;
    let ms: i64 = fraction
        .bytes()
        .all(|b| b.is_ascii_digit())
        .then(|| format!("{fraction:0<3}"))?
        .get(..3)?
        .parse()
        .ok()?;
    let days_of_month = match month {
        2 if year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        1..=12 => 31,
        _ => return None,
    };
    let fits = (1..=days_of_month).contains(&day) && hour < 24 && minute < 60 && second < 61;
    let local =
        days_from_civil(year, month, day) * DAY_MS + (hour * 60 + minute) * 60_000 + second * 1000 + ms;
    fits.then_some(local - zone_ms(zone)?)
}

fn zone_ms(zone: &str) -> Option<i64> {
    let sign = match zone.chars().next()? {
        'Z' | 'z' => return (zone.len() == 1).then_some(0),
        '-' => -1,
        _ => 1,
    };
    let (hour, minute) = zone.get(1..)?.split_once(':')?;
    let (hour, minute): (i64, i64) = (two_digits(hour)?, two_digits(minute)?);
    (hour < 24 && minute < 60).then_some(sign * (hour * 60 + minute) * 60_000)
}

/// Three numbers between separators, the first of which may have four digits.
fn numbers(text: &str, separator: char) -> Option<[i64; 3]> {
    let mut parts = text.split(separator);
    let first = parts.next().filter(|part| part.len() == 2 || (part.len() == 4 && separator == '-'))?;
    let first = first.bytes().all(|b| b.is_ascii_digit()).then(|| first.parse().ok())??;
    let rest = [two_digits(parts.next()?)?, two_digits(parts.next()?)?];
    parts.next().is_none().then_some([first, rest[0], rest[1]])
}

fn two_digits(text: &str) -> Option<i64> {
    (text.len() == 2 && text.bytes().all(|b| b.is_ascii_digit())).then(|| text.parse().ok())?
}

/// Days since 1970-01-01 of a date in the proleptic Gregorian calendar, and back. From Howard Hinnant,
/// "chrono-Compatible Low-Level Date Algorithms": years begin in March, eras have 400 of them.
fn days_from_civil(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    era * 146_097 + day_of_era - 719_468
}

fn civil_from_days(days: i64) -> (i64, i64, i64) {
    let days = days + 719_468;
    let era = days.div_euclid(146_097);
    let day_of_era = days.rem_euclid(146_097);
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = if shifted_month < 10 { shifted_month + 3 } else { shifted_month - 9 };
    (year_of_era + era * 400 + i64::from(month <= 2), month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_written_as_rfc3339() {
        assert_eq!(to_rfc3339(0), "1970-01-01T00:00:00.000Z");
        assert_eq!(to_rfc3339(-1), "1969-12-31T23:59:59.999Z");
        assert_eq!(to_rfc3339(951_827_696_007), "2000-02-29T12:34:56.007Z");
        assert_eq!(to_rfc3339(1_795_392_000_000), "2026-11-23T00:00:00.000Z");
    }

    #[test]
    fn what_is_written_is_read_back() {
        for time_ms in [0, -1, 1, 951_827_696_007, 1_795_392_000_000, 4_102_444_799_999] {
            assert_eq!(parse(&to_rfc3339(time_ms), 0), Ok(time_ms));
        }
    }

    #[test]
    fn zones_fractions_and_distances_count() {
        assert_eq!(parse("1970-01-01T02:00:00+02:00", 0), Ok(0));
        assert_eq!(parse("1969-12-31t22:30:00-01:30", 0), Ok(0));
        assert_eq!(parse("1970-01-01 00:00:00.5Z", 0), Ok(500));
        assert_eq!(parse("1970-01-01T00:00:00.123456789Z", 0), Ok(123));
        assert_eq!(parse("-10m", 1_000_000), Ok(400_000));
        assert_eq!(parse("-250ms", 1000), Ok(750));
        assert_eq!(parse("-2d", 2 * DAY_MS), Ok(0));
    }

    #[test]
    fn nonsense_is_refused() {
        for text in ["", "-", "-10", "10m", "-1w", "now", "2026-11-21", "2026-13-01T00:00:00Z"] {
            assert!(parse(text, 0).is_err(), "{text:?}");
        }
        for text in ["2026-02-29T00:00:00Z", "2026-01-01T24:00:00Z", "2026-1-01T00:00:00Z"] {
            assert!(parse(text, 0).is_err(), "{text:?}");
        }
        for text in ["2026-01-01T00:00:00", "2026-01-01T00:00:00+1", "2026-01-01T00:00:00.xZ"] {
            assert!(parse(text, 0).is_err(), "{text:?}");
        }
    }
}
