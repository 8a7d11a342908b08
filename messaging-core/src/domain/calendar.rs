//! The hours and days of a time zone, as buckets in which a store counts.
//!
//! A span is divided into buckets at the hours or midnights of a time zone, so that a day has 23, 24 or 25 hours when
//! the offset from UTC changes. The bounds are points in time: a store needs no time zones.

use std::time::Duration;

use chrono::{DateTime, Datelike as _, TimeZone, Timelike as _, Utc};

use crate::time::Timestamp;

/// The length of a bucket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BucketUnit {
    /// An hour of the clock.
    Hour,
    /// A day of the calendar.
    Day,
}

/// Consecutive buckets without gaps.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Buckets {
    /// The start of each bucket, and the end of the last one.
    bounds: Vec<Timestamp>,
}

/// The span cannot be divided into buckets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidSpan {
    /// The span is empty: its end is not after its start.
    #[error("must be after from")]
    Empty,
    /// The span has more than 1,000 buckets.
    #[error("must be at most {} hours or days after from", Buckets::MAX)]
    TooLong,
}

/// All offsets from UTC, and all their changes, are multiples of a quarter of an hour.
const QUARTER: Duration = Duration::from_mins(15);

impl Buckets {
    /// The maximum number of buckets.
    pub const MAX: usize = 1_000;

    /// The hours or days of a time zone that overlap the span from `from` (inclusive) to `to` (exclusive), each of full
    /// length.
    ///
    /// # Errors
    /// [`InvalidSpan`] if the span is empty or too long.
    pub fn of<Tz: TimeZone>(
        from: Timestamp,
        to: Timestamp,
        unit: BucketUnit,
        zone: &Tz,
    ) -> Result<Self, InvalidSpan> {
        if to <= from {
            return Err(InvalidSpan::Empty);
        }
        let clock = Clock { unit, zone };
        let mut begin = quarter_of(from);
        while begin > Timestamp::EPOCH && !clock.strikes(begin) {
            begin = begin - QUARTER;
        }
        let mut bounds = vec![begin];
        while bounds.last().is_some_and(|last| *last < to) {
            if bounds.len() > Self::MAX {
                return Err(InvalidSpan::TooLong);
            }
            bounds.push(clock.next(bounds[bounds.len() - 1]));
        }
        Ok(Self { bounds })
    }

    /// The hours or days in UTC.
    ///
    /// # Errors
    /// As for [`of`](Self::of).
    pub fn in_utc(from: Timestamp, to: Timestamp, unit: BucketUnit) -> Result<Self, InvalidSpan> {
        Self::of(from, to, unit, &Utc)
    }

    /// The start of each bucket, and the end of the last one.
    pub fn bounds(&self) -> &[Timestamp] {
        &self.bounds
    }

    /// The number of buckets; at least 1.
    pub fn count(&self) -> usize {
        self.bounds.len() - 1
    }

    /// The index of the bucket that contains a point in time; `None` outside of the span.
    pub fn position(&self, at: Timestamp) -> Option<usize> {
        let begun = self.bounds.partition_point(|bound| *bound <= at);
        begun.checked_sub(1).filter(|position| *position < self.count())
    }

    /// The whole span: its start, and its end, exclusive.
    pub fn span(&self) -> (Timestamp, Timestamp) {
        (self.bounds[0], self.bounds[self.count()])
    }
}

fn quarter_of(at: Timestamp) -> Timestamp {
    let quarter = i64::try_from(QUARTER.as_millis()).unwrap_or(1);
    Timestamp::from_millis(at.as_millis() - at.as_millis() % quarter)
}

/// Finds the hours or days of a time zone.
struct Clock<'a, Tz> {
    unit: BucketUnit,
    zone: &'a Tz,
}

impl<Tz: TimeZone> Clock<'_, Tz> {
    /// Whether an hour or a day begins with this quarter of an hour.
    fn strikes(&self, at: Timestamp) -> bool {
        let (now, before) = (self.local(at), self.local(at - QUARTER));
        let is_new_day = now.num_days_from_ce() != before.num_days_from_ce();
        match self.unit {
            BucketUnit::Day => is_new_day,
            // When the clock is set back, an hour occurs twice.
            BucketUnit::Hour => is_new_day || now.hour() != before.hour() || now.minute() == 0,
        }
    }

    fn next(&self, at: Timestamp) -> Timestamp {
        // Every day is longer than 20 hours.
        let skipped = match self.unit {
            BucketUnit::Hour => QUARTER,
            BucketUnit::Day => Duration::from_hours(20),
        };
        let mut next = at + skipped;
        // The range of times is finite.
        while !self.strikes(next) && next + QUARTER > next {
            next = next + QUARTER;
        }
        next
    }

    fn local(&self, at: Timestamp) -> DateTime<Tz> {
        DateTime::<Utc>::from(at).with_timezone(self.zone)
    }
}

#[cfg(test)]
mod tests {
    use chrono::FixedOffset;
    use chrono_tz::Tz;
    use proptest::prelude::*;

    use super::*;

    fn at(text: &str) -> Timestamp {
        DateTime::parse_from_rfc3339(text).unwrap().to_utc().into()
    }

    fn bounds(from: &str, to: &str, unit: BucketUnit, zone: Tz) -> Vec<String> {
        let buckets = Buckets::of(at(from), at(to), unit, &zone).unwrap();
        let shown = |at: &Timestamp| {
            DateTime::<Utc>::from(*at)
                .with_timezone(&zone)
                .format("%m-%dT%H:%M%z")
                .to_string()
        };
        buckets.bounds().iter().map(shown).collect()
    }

    #[test]
    fn days_are_calendar_days_of_the_time_zone_with_23_to_25_hours() {
        assert_eq!(
            bounds(
                "2026-03-28T12:00:00Z",
                "2026-03-30T12:00:00Z",
                BucketUnit::Day,
                Tz::Europe__Zurich
            ),
            [
                "03-28T00:00+0100",
                "03-29T00:00+0100",
                "03-30T00:00+0200",
                "03-31T00:00+0200"
            ]
        );
        // There is no midnight in that night.
        assert_eq!(
            bounds(
                "2024-04-25T12:00:00Z",
                "2024-04-26T12:00:00Z",
                BucketUnit::Day,
                Tz::Africa__Cairo
            ),
            ["04-25T00:00+0200", "04-26T01:00+0300", "04-27T00:00+0300"]
        );
    }

    #[test]
    fn a_repeated_hour_is_two_buckets_and_a_skipped_hour_is_none() {
        assert_eq!(
            bounds(
                "2026-10-24T23:30:00Z",
                "2026-10-25T02:00:00Z",
                BucketUnit::Hour,
                Tz::Europe__Zurich
            ),
            [
                "10-25T01:00+0200",
                "10-25T02:00+0200",
                "10-25T02:00+0100",
                "10-25T03:00+0100"
            ]
        );
        assert_eq!(
            bounds(
                "2026-03-29T00:00:00Z",
                "2026-03-29T02:00:00Z",
                BucketUnit::Hour,
                Tz::Europe__Zurich
            ),
            ["03-29T01:00+0100", "03-29T03:00+0200", "03-29T04:00+0200"]
        );
    }

    #[test]
    fn half_hour_offsets_and_half_hour_changes_are_supported() {
        assert_eq!(
            bounds(
                "2026-01-01T00:00:00Z",
                "2026-01-01T01:00:00Z",
                BucketUnit::Hour,
                Tz::Asia__Kathmandu
            ),
            ["01-01T05:00+0545", "01-01T06:00+0545", "01-01T07:00+0545"]
        );
        assert_eq!(
            bounds(
                "2026-04-04T14:00:00Z",
                "2026-04-04T16:00:00Z",
                BucketUnit::Hour,
                Tz::Australia__Lord_Howe
            ),
            ["04-05T01:00+1100", "04-05T02:00+1030", "04-05T03:00+1030"]
        );
    }

    #[test]
    fn a_span_has_1_to_1_000_buckets() {
        let (from, hour) = (at("2026-01-01T00:00:00Z"), Duration::from_hours(1));
        let of = |to| Buckets::of(from, to, BucketUnit::Hour, &Utc).map(|buckets| buckets.count());
        assert_eq!(of(from), Err(InvalidSpan::Empty));
        assert_eq!(of(from - hour), Err(InvalidSpan::Empty));
        assert_eq!(of(from + Duration::from_millis(1)), Ok(1));
        assert_eq!(of(from + hour * 1_000), Ok(1_000));
        assert_eq!(
            of(from + hour * 1_000 + Duration::from_millis(1)),
            Err(InvalidSpan::TooLong)
        );
    }

    #[test]
    fn buckets_reach_the_first_and_last_timestamps() {
        let last = Timestamp::from_millis(i64::MAX);
        assert!(Buckets::of(Timestamp::EPOCH, Timestamp::from_millis(1), BucketUnit::Day, &Utc).is_ok());
        assert!(Buckets::of(last - QUARTER, last, BucketUnit::Day, &Utc).is_ok());
    }

    proptest! {
        #[test]
        fn each_timestamp_is_in_the_bucket_of_its_local_day_or_hour(
            zone in proptest::sample::select(&chrono_tz::TZ_VARIANTS[..]),
            begin in 1_000_000_000_000_i64..1_900_000_000_000, length in 1_i64..40 * 3_600_000, picked in 0_i64..1_000,
        ) {
            let (from, to) = (Timestamp::from_millis(begin), Timestamp::from_millis(begin + length));
            let moment = Timestamp::from_millis(begin + picked * length / 1_000);
            for unit in [BucketUnit::Hour, BucketUnit::Day] {
                let buckets = Buckets::of(from, to, unit, &zone).unwrap();
                let bounds = buckets.bounds();
                prop_assert!(bounds.is_sorted_by(|a, b| a < b));
                prop_assert!(bounds[0] <= from && to <= bounds[buckets.count()] && bounds[buckets.count() - 1] < to);
                let position = buckets.position(moment).unwrap();
                prop_assert!(bounds[position] <= moment && moment < bounds[position + 1]);
                let label = |at: Timestamp| {
                    let local = DateTime::<Utc>::from(at).with_timezone(&zone);
                    (local.date_naive(), (unit == BucketUnit::Hour).then(|| local.hour()))
                };
                prop_assert_eq!(label(moment), label(bounds[position]));
            }
            prop_assert_eq!(Buckets::of(from, to, BucketUnit::Hour, &zone).unwrap().position(from - Duration::from_hours(2)), None);
        }

        #[test]
        fn fixed_offsets_have_hours_of_60_minutes(offset in -48_i32..56, begin in 0_i64..2_000_000_000_000) {
            let zone = FixedOffset::east_opt(offset * 900).unwrap();
            let from = Timestamp::from_millis(begin) + Duration::from_hours(48);
            let buckets = Buckets::of(from, from + Duration::from_hours(30), BucketUnit::Hour, &zone).unwrap();
            prop_assert!(buckets.bounds().windows(2).all(|pair| pair[1].since(pair[0]) == Duration::from_hours(1)));
        }
    }
}
