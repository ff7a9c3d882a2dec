//! Topic settings on their way in: what a request names, checked against the bounds and laid over defaults.

use thiserror::Error;

use crate::types::limits::PAYLOAD_BYTES_MAX;
use crate::types::num::to_u64;
use crate::types::{TimestampType, TopicConfig};

/// Smaller segments would cost more in headers and files than they hold.
const SEGMENT_BYTES_MIN: u64 = 4 * 1024;

/// Larger segments would make the last one too long to look through after a crash.
const SEGMENT_BYTES_MAX: u64 = 8 * 1024 * 1024 * 1024;

/// More often than this, rolling would be most of the work.
const SEGMENT_MS_MIN: u64 = 1_000;

/// The settings that a request named. Absent: the broker's default.
///
/// Whole numbers are as wide and as signed as on the wire: it is the checks here that bound them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TopicSettings {
    /// In milliseconds; -1: never.
    pub retention_ms: Option<i64>,
    /// In bytes; -1: never.
    pub retention_bytes: Option<i64>,
    /// In bytes.
    pub segment_bytes: Option<i64>,
    /// In milliseconds.
    pub segment_ms: Option<i64>,
    /// In bytes, encoded.
    pub max_record_bytes: Option<i64>,
    /// In bytes, encoded.
    pub max_batch_bytes: Option<i64>,
    /// Whose clock the records' times are.
    pub timestamp_type: Option<TimestampType>,
}

/// A setting out of its bounds.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{key} must be {expected}, not {got}")]
pub struct BadSetting {
    /// The key, as on the wire.
    pub key: &'static str,
    /// The value that was refused.
    pub got: i64,
    /// What would be right.
    pub expected: String,
}

impl TopicSettings {
    /// Lays the settings over `defaults`.
    ///
    /// # Errors
    /// Names the first setting that is out of its bounds.
    pub fn over(&self, defaults: &TopicConfig) -> Result<TopicConfig, BadSetting> {
        let mut config = defaults.clone();
        if let Some(got) = self.retention_ms {
            config.log.retention_ms = limit("retention_ms", got)?;
        }
        if let Some(got) = self.retention_bytes {
            config.log.retention_bytes = limit("retention_bytes", got)?;
        }
        if let Some(got) = self.segment_bytes {
            config.log.segment_bytes = within("segment_bytes", got, SEGMENT_BYTES_MIN, SEGMENT_BYTES_MAX)?;
        }
        if let Some(got) = self.segment_ms {
            config.log.segment_ms = within("segment_ms", got, SEGMENT_MS_MIN, i64::MAX.unsigned_abs())?;
        }
        let payload_max = to_u64(PAYLOAD_BYTES_MAX);
        if let Some(got) = self.max_batch_bytes {
            let bytes = within("max_batch_bytes", got, 1, payload_max)?;
            config.max_batch_bytes = crate::types::num::to_usize(bytes);
            // A default above a smaller batch limit follows it down; what the request names does not.
            config.max_record_bytes = config.max_record_bytes.min(config.max_batch_bytes);
        }
        if let Some(got) = self.max_record_bytes {
            let bytes = within("max_record_bytes", got, 1, to_u64(config.max_batch_bytes))?;
            config.max_record_bytes = crate::types::num::to_usize(bytes);
        }
        if let Some(timestamp_type) = self.timestamp_type {
            config.timestamp_type = timestamp_type;
        }
        Ok(config)
    }
}

fn limit(key: &'static str, got: i64) -> Result<Option<u64>, BadSetting> {
    match u64::try_from(got) {
        Ok(value) if value > 0 => Ok(Some(value)),
        Err(_) if got == -1 => Ok(None),
        _ => Err(BadSetting { key, got, expected: "above 0, or -1 for never".to_owned() }),
    }
}

fn within(key: &'static str, got: i64, min: u64, max: u64) -> Result<u64, BadSetting> {
    match u64::try_from(got) {
        Ok(value) if (min..=max).contains(&value) => Ok(value),
        _ => Err(BadSetting { key, got, expected: format!("{min} to {max}") }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn absent_settings_keep_the_defaults() {
        let defaults = TopicConfig { max_record_bytes: 77, ..TopicConfig::default() };
        assert_eq!(TopicSettings::default().over(&defaults), Ok(defaults));
    }

    #[test]
    fn minus_one_means_never() {
        let settings =
            TopicSettings { retention_ms: Some(-1), retention_bytes: Some(5), ..TopicSettings::default() };
        let config = settings.over(&TopicConfig::default()).unwrap();
        assert_eq!((config.log.retention_ms, config.log.retention_bytes), (None, Some(5)));
    }

    #[test]
    fn values_out_of_bounds_are_refused_by_name() {
        let none = TopicSettings::default();
        let cases = [
            (TopicSettings { retention_ms: Some(0), ..none.clone() }, "retention_ms"),
            (TopicSettings { retention_bytes: Some(-2), ..none.clone() }, "retention_bytes"),
            (TopicSettings { segment_bytes: Some(100), ..none.clone() }, "segment_bytes"),
            (TopicSettings { segment_ms: Some(i64::MIN), ..none.clone() }, "segment_ms"),
            (TopicSettings { max_batch_bytes: Some(1 << 40), ..none.clone() }, "max_batch_bytes"),
            (TopicSettings { max_record_bytes: Some(1 << 21), ..none.clone() }, "max_record_bytes"),
            (TopicSettings { max_record_bytes: Some(0), ..none }, "max_record_bytes"),
        ];
        for (settings, key) in cases {
            assert_eq!(settings.over(&TopicConfig::default()).unwrap_err().key, key);
        }
    }

    #[test]
    fn a_record_limit_may_grow_with_the_batch_limit_and_shrinks_with_it() {
        let grown = TopicSettings {
            max_batch_bytes: Some(1 << 22),
            max_record_bytes: Some(1 << 21),
            ..TopicSettings::default()
        };
        assert_eq!(grown.over(&TopicConfig::default()).unwrap().max_record_bytes, 1 << 21);
        let shrunk = TopicSettings { max_batch_bytes: Some(1000), ..TopicSettings::default() };
        assert_eq!(shrunk.over(&TopicConfig::default()).unwrap().max_record_bytes, 1000);
    }
}
