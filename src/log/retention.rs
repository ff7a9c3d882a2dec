//! What retention deletes: a pure decision from the segments' figures and the time.
//!
//! By size, the oldest segments go while the rest is still larger than allowed. By age, a segment goes when its
//! newest frame is older than allowed; but one pass takes at most an eighth of the segments (and at least one),
//! so that a clock that jumps ahead by years costs a slice of the data, and leaves time to notice, instead of
//! all of it. The head always stays.

use crate::types::{LogConfig, Offset};

/// One pass deletes at most one in this many segments by age.
const AGE_SHARE: usize = 8;

/// What is known of a segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct SegmentFigures {
    pub(super) end_offset: Offset,
    pub(super) len: u64,
    /// The time that its age counts from, in milliseconds since the Unix epoch; none without records.
    pub(super) age_from_ms: Option<i64>,
}

/// The log start that retention wants; `None` where nothing is due. `segments` are in order, the head last.
pub(super) fn new_log_start(segments: &[SegmentFigures], config: &LogConfig, now_ms: i64) -> Option<Offset> {
    let (_, sealed) = segments.split_last()?;
    let total: u64 = segments.iter().map(|segment| segment.len).sum();
    let mut left = total;
    let by_size = sealed
        .iter()
        .take_while(|segment| {
            let is_due = config.retention_bytes.is_some_and(|max| left > max);
            left = left.saturating_sub(segment.len);
            is_due
        })
        .count();
    let by_age = sealed
        .iter()
        .take((segments.len() / AGE_SHARE).max(1))
        .take_while(|segment| is_expired(segment, config, now_ms))
        .count();
    let count = by_size.max(by_age);
    sealed.get(count.checked_sub(1)?).map(|segment| segment.end_offset)
}

/// Whether a segment's newest frame is older than allowed.
pub(super) fn is_expired(segment: &SegmentFigures, config: &LogConfig, now_ms: i64) -> bool {
    let Some(retention_ms) = config.retention_ms else { return false };
    // A segment without records holds nothing that could be too young.
    segment.age_from_ms.is_none_or(|from| is_older(from, retention_ms, now_ms))
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
                age_from_ms: Some(*from),
            })
            .collect()
    }

    fn config(retention_ms: Option<u64>, retention_bytes: Option<u64>) -> LogConfig {
        LogConfig { retention_ms, retention_bytes, ..LogConfig::default() }
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
}
