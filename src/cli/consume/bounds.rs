//! Where to start and where to stop, as text.

use super::super::time;
use crate::client::messages::{AtEnd, Stop, stop};
use crate::types::{Clock as _, SystemClock};

/// `last:N` holds N records in memory to merge them; more than this are better read by time.
const LAST_MAX: u64 = 1_000_000;

/// Where to start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum From {
    Earliest,
    Latest,
    Offset(u64),
    /// Milliseconds since the Unix epoch.
    Time(i64),
    /// This many records of the whole topic.
    Last(u64),
}

/// Where to stop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Until {
    End,
    Offset(u64),
    /// Milliseconds since the Unix epoch.
    Time(i64),
}

impl From {
    pub(super) fn parse(text: &str) -> Result<From, String> {
        match text.split_once(':') {
            None if text == "earliest" => Ok(From::Earliest),
            None if text == "latest" => Ok(From::Latest),
            Some(("offset", number)) => Ok(From::Offset(parse_number(number, u64::MAX)?)),
            Some(("time", time)) => Ok(From::Time(time::parse(time, SystemClock.now_ms())?)),
            Some(("last", number)) => Ok(From::Last(parse_number(number, LAST_MAX)?)),
            _ => Err("takes earliest, latest, offset:N, time:T or last:N".to_owned()),
        }
    }
}

impl Until {
    pub(super) fn parse(text: &str) -> Result<Until, String> {
        match text.split_once(':') {
            None if text == "end" => Ok(Until::End),
            Some(("offset", number)) => Ok(Until::Offset(parse_number(number, u64::MAX)?)),
            Some(("time", time)) => Ok(Until::Time(time::parse(time, SystemClock.now_ms())?)),
            _ => Err("takes end, offset:N or time:T".to_owned()),
        }
    }

    pub(super) const fn to_stop(self) -> Stop {
        let at = match self {
            Until::End => stop::At::AtEnd(AtEnd {}),
            Until::Offset(offset) => stop::At::Offset(offset),
            Until::Time(time_ms) => stop::At::TimestampMs(time_ms),
        };
        Stop { at: Some(at) }
    }
}

fn parse_number(text: &str, max: u64) -> Result<u64, String> {
    match text.parse() {
        Ok(number) if number <= max => Ok(number),
        Ok(_) => Err(format!("{text} is more than {max}")),
        Err(_) => Err(format!("{text:?} is no whole number")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_form_is_understood() {
        assert_eq!(From::parse("earliest"), Ok(From::Earliest));
        assert_eq!(From::parse("latest"), Ok(From::Latest));
        assert_eq!(From::parse("offset:7"), Ok(From::Offset(7)));
        assert_eq!(From::parse("time:1970-01-01T00:00:01Z"), Ok(From::Time(1000)));
        assert_eq!(From::parse("last:3"), Ok(From::Last(3)));
        assert_eq!(Until::parse("end"), Ok(Until::End));
        assert_eq!(Until::parse("offset:0"), Ok(Until::Offset(0)));
        assert!(matches!(Until::parse("time:-10m"), Ok(Until::Time(_))));
    }

    #[test]
    fn anything_else_is_refused() {
        for text in ["", "first", "end", "offset:", "offset:-1", "offset:x", "last:1000001", "time:soon"] {
            assert!(From::parse(text).is_err(), "{text:?}");
        }
        for text in ["", "earliest", "last:3", "offset:1.5"] {
            assert!(Until::parse(text).is_err(), "{text:?}");
        }
    }
}
