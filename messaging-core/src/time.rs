//! Points in time, in whole milliseconds.

use std::{
    fmt,
    ops::{Add, Sub},
    time::Duration,
};

use chrono::{DateTime, SecondsFormat, Utc};
use serde::{Serialize, Serializer};

/// A point in time in UTC, in whole milliseconds since 1970, from the year 1970 to the end of the year 9999.
///
/// Arithmetic saturates at both ends. Displayed and serialised as RFC 3339 with milliseconds:
/// `2026-01-02T03:04:05.678Z`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(i64);

/// The text is not a point in time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be a time such as 2026-01-02T03:04:05Z")]
pub struct InvalidTime;

const LAST: i64 = 253_402_300_799_999;

impl Timestamp {
    /// The start of 1970.
    pub const EPOCH: Self = Self(0);

    /// The point in time `millis` milliseconds after the epoch, clamped to the range.
    pub const fn from_millis(millis: i64) -> Self {
        if millis < 0 {
            Self(0)
        } else if millis > LAST {
            Self(LAST)
        } else {
            Self(millis)
        }
    }

    /// Parses RFC 3339 with any offset; digits beyond milliseconds are cut off.
    ///
    /// # Errors
    /// [`InvalidTime`] for any other text, and for times outside of the range.
    pub fn parse(text: impl AsRef<str>) -> Result<Self, InvalidTime> {
        let parsed = DateTime::parse_from_rfc3339(text.as_ref()).map_err(|_| InvalidTime)?;
        match parsed.timestamp_millis() {
            millis @ 0..=LAST => Ok(Self(millis)),
            _ => Err(InvalidTime),
        }
    }

    /// The milliseconds since the epoch.
    pub const fn as_millis(self) -> i64 {
        self.0
    }

    /// The time from `earlier` to this point; zero if this is not after `earlier`.
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_millis(u64::try_from(self.0 - earlier.0).unwrap_or(0))
    }
}

impl Add<Duration> for Timestamp {
    type Output = Self;
    fn add(self, by: Duration) -> Self {
        Self::from_millis(
            self.0
                .saturating_add(i64::try_from(by.as_millis()).unwrap_or(LAST)),
        )
    }
}

impl Sub<Duration> for Timestamp {
    type Output = Self;
    fn sub(self, by: Duration) -> Self {
        Self::from_millis(
            self.0
                .saturating_sub(i64::try_from(by.as_millis()).unwrap_or(LAST)),
        )
    }
}

impl From<DateTime<Utc>> for Timestamp {
    /// Cuts off the digits beyond milliseconds.
    fn from(at: DateTime<Utc>) -> Self {
        Self::from_millis(at.timestamp_millis())
    }
}

impl From<Timestamp> for DateTime<Utc> {
    fn from(at: Timestamp) -> Self {
        DateTime::from_timestamp_millis(at.0).unwrap_or_default()
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&DateTime::<Utc>::from(*self).to_rfc3339_opts(SecondsFormat::Millis, true))
    }
}

impl fmt::Debug for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Timestamp({self})")
    }
}

impl Serialize for Timestamp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_shown_with_milliseconds() {
        assert_eq!(
            Timestamp::from_millis(1_767_323_045_678).to_string(),
            "2026-01-02T03:04:05.678Z"
        );
        assert_eq!(
            Timestamp::from_millis(1_767_323_045_000).to_string(),
            "2026-01-02T03:04:05.000Z"
        );
    }

    #[test]
    fn arithmetic_stays_in_range() {
        let last = Timestamp::from_millis(i64::MAX);
        assert_eq!(last.to_string(), "9999-12-31T23:59:59.999Z");
        assert_eq!(last + Duration::MAX, last);
        assert_eq!(Timestamp::EPOCH - Duration::MAX, Timestamp::EPOCH);
        assert_eq!(Timestamp::EPOCH.since(last), Duration::ZERO);
    }

    #[test]
    fn a_time_is_read_with_its_offset() {
        let at = Timestamp::from_millis(1_767_323_045_678);
        for text in [
            "2026-01-02T03:04:05.678Z",
            "2026-01-02T04:34:05.6789+01:30",
            "2026-01-02t03:04:05.678z",
        ] {
            assert_eq!(Timestamp::parse(text), Ok(at), "{text}");
        }
        for text in [
            "",
            "2026-01-02",
            "2026-01-02T03:04:05",
            "1969-12-31T23:59:59Z",
            "2026-02-30T00:00:00Z",
            "1767323045",
        ] {
            assert_eq!(Timestamp::parse(text), Err(InvalidTime), "{text}");
        }
    }
}
