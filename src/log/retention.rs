//! What retention deletes: a pure decision from the segments' figures and the time.
//!
//! By size, the oldest segments go while the rest is still larger than allowed. By age, a segment goes when its
//! newest frame is older than allowed; but at most an eighth of the segments (and at least one) go at a time, and
//! a sixteenth of the retention time passes before the next go by age. Ordinary expiry never needs more; a clock
//! that jumps ahead by years costs a slice of the data, and leaves time to notice, instead of all of it. The
//! head always stays.

use crate::types::{LogConfig, Offset};

/// At most one in this many segments goes by age at a time ...
const AGE_SHARE: usize = 8;

/// ... and then none for this part of the retention time.
const AGE_PAUSE: u64 = 16;

/// What is known of a segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct SegmentFigures {
    pub(super) end_offset: Offset,
    pub(super) len: u64,
    /// The time that its age counts from, in milliseconds since the Unix epoch.
    pub(super) age_from_ms: i64,
}

/// What retention is to delete.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Expiry {
    /// The log start that it wants.
    pub(super) log_start: Offset,
    /// Whether a segment goes for its age.
    pub(super) is_by_age: bool,
}

/// What retention wants deleted; `None` where nothing is due. `segments` are in order, the head last.
/// `last_by_age_ms` is when segments last went for their age, if they have since the log was opened.
pub(super) fn expiry(
    segments: &[SegmentFigures],
    config: &LogConfig,
    now_ms: i64,
    last_by_age_ms: Option<i64>,
) -> Option<Expiry> {
    let (_, sealed) = segments.split_last()?;
    let mut left: u64 = segments.iter().map(|segment| segment.len).sum();
    let by_size = sealed
        .iter()
        .take_while(|segment| {
            let is_due = config.retention_bytes.is_some_and(|max| left > max);
            left = left.saturating_sub(segment.len);
            is_due
        })
        .count();
    let by_age_max =
        if is_paused(config, now_ms, last_by_age_ms) { 0 } else { (segments.len() / AGE_SHARE).max(1) };
    let by_age =
        sealed.iter().take(by_age_max).take_while(|segment| is_expired(segment, config, now_ms)).count();
    let last = by_size.max(by_age).checked_sub(1)?;
    let log_start = sealed.get(last)?.end_offset;
    Some(Expiry { log_start, is_by_age: by_age > by_size })
}

fn is_paused(config: &LogConfig, now_ms: i64, last_by_age_ms: Option<i64>) -> bool {
    let (Some(retention_ms), Some(last_ms)) = (config.retention_ms, last_by_age_ms) else { return false };
    // A clock that was set back does not prolong the pause by more than it lasts.
    last_ms <= now_ms && !is_older(last_ms, retention_ms / AGE_PAUSE, now_ms)
}

/// Whether a segment's newest frame is older than allowed.
pub(super) fn is_expired(segment: &SegmentFigures, config: &LogConfig, now_ms: i64) -> bool {
    config.retention_ms.is_some_and(|retention_ms| is_older(segment.age_from_ms, retention_ms, now_ms))
}

/// Whether `from_ms` lies at least `age_ms` back.
pub(super) fn is_older(from_ms: i64, age_ms: u64, now_ms: i64) -> bool {
    u64::try_from(now_ms.saturating_sub(from_ms)).is_ok_and(|age| age >= age_ms)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn segments(ages_from: &[i64]) -> Vec<SegmentFigures> {
        (0u64..)
            .zip(ages_from)
            .map(|(index, from)| SegmentFigures {
                end_offset: Offset((index + 1) * 10),
                len: 100,
                age_from_ms: *from,
            })
            .collect()
    }

    fn config(retention_ms: Option<u64>, retention_bytes: Option<u64>) -> LogConfig {
        LogConfig { retention_ms, retention_bytes, ..LogConfig::default() }
    }

    fn new_log_start(segments: &[SegmentFigures], config: &LogConfig, now_ms: i64) -> Option<Offset> {
        expiry(segments, config, now_ms, None).map(|expiry| expiry.log_start)
    }

    #[test]
    fn nothing_is_due_without_limits_or_without_sealed_segments() {
        assert_eq!(new_log_start(&segments(&[0, 0, 0]), &config(None, None), i64::MAX), None);
        assert_eq!(new_log_start(&segments(&[0]), &config(Some(0), Some(0)), 1_000), None);
        assert_eq!(new_log_start(&[], &config(Some(0), Some(0)), 1_000), None);
    }

    #[test]
    fn the_oldest_go_while_the_rest_is_too_large() {
        let five = segments(&[0; 5]);
        assert_eq!(new_log_start(&five, &config(None, Some(500)), 0), None);
        assert_eq!(new_log_start(&five, &config(None, Some(499)), 0), Some(Offset(10)));
        assert_eq!(new_log_start(&five, &config(None, Some(250)), 0), Some(Offset(30)));
        assert_eq!(new_log_start(&five, &config(None, Some(0)), 0), Some(Offset(40)));
    }

    #[test]
    fn a_segment_goes_when_its_newest_frame_is_too_old() {
        let three = segments(&[100, 200, 300]);
        assert_eq!(new_log_start(&three, &config(Some(50), None), 149), None);
        assert_eq!(new_log_start(&three, &config(Some(50), None), 150), Some(Offset(10)));
    }

    #[test]
    fn a_young_segment_shields_older_looking_ones_behind_it() {
        assert_eq!(new_log_start(&segments(&[900, 100, 950]), &config(Some(200), None), 1_000), None);
    }

    #[test]
    fn a_clock_that_jumps_ten_years_expires_an_eighth_at_most() {
        let sixteen = segments(&[1_000; 16]);
        let ten_years_on = 315_360_000_000;
        assert_eq!(new_log_start(&sixteen, &config(Some(50), None), ten_years_on), Some(Offset(20)));
    }

    #[test]
    fn after_some_went_by_age_no_more_do_for_a_sixteenth_of_the_retention_time() {
        let (sixteen, config) = (segments(&[0; 16]), config(Some(1_600), None));
        let at = |now_ms| expiry(&sixteen, &config, now_ms, Some(10_000)).map(|expiry| expiry.is_by_age);
        assert_eq!(at(10_099), None);
        assert_eq!(at(10_100), Some(true));
        assert_eq!(at(9_000), Some(true), "a clock set back must not stop retention");
    }

    #[test]
    fn size_knows_no_pause() {
        let five = segments(&[0; 5]);
        let expiry = expiry(&five, &config(Some(1_000), Some(250)), 10_000, Some(10_000)).unwrap();
        assert_eq!(expiry, Expiry { log_start: Offset(30), is_by_age: false });
    }
}
