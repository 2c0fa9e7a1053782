//! DATE, TIME and DATETIME values: civil fields without a time zone.

mod interval;
mod parse;

pub use interval::{Interval, IntervalUnit};
pub use parse::{BadTemporal, DateRules, ParsedDateTime, ParsedTime, parse_datetime, parse_time};

use crate::calendar::{civil_from_days, days_from_civil};
use crate::number_text::{push_padded, push_u64};

/// Microseconds of a second.
pub const SECOND: i64 = 1_000_000;
/// Microseconds of a day.
pub const DAY: i64 = 86_400 * SECOND;

/// DATE: year 0 to 9999; month and day may be 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Date {
    /// 0 to 9999.
    pub year: u16,
    /// 0 to 12.
    pub month: u8,
    /// 0 to 31.
    pub day: u8,
}

/// DATETIME or TIMESTAMP, to the microsecond.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct DateTime {
    /// The day.
    pub date: Date,
    /// 0 to 23.
    pub hour: u8,
    /// 0 to 59.
    pub minute: u8,
    /// 0 to 59.
    pub second: u8,
    /// 0 to 999999.
    pub micro: u32,
}

/// TIME: a signed duration in microseconds, within 838:59:59.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub struct Time(pub i64);

/// `0000-00-00` as stored: November 30th of the year before year 0.
const STORED_ZERO: i64 = -62_169_984_000_000_000;

impl Date {
    /// `0000-00-00`.
    pub const ZERO: Date = Date {
        year: 0,
        month: 0,
        day: 0,
    };

    /// A day of the calendar.
    pub fn new(year: u16, month: u8, day: u8) -> Option<Date> {
        let ok = year <= 9999
            && (1..=12).contains(&month)
            && (1..=crate::calendar::days_in_month(year, month)).contains(&day);
        ok.then_some(Date { year, month, day })
    }

    /// Whether this is `0000-00-00`.
    pub fn is_zero(self) -> bool {
        self == Date::ZERO
    }

    /// Reads encoding 16.
    pub fn from_stored(v: u32) -> Date {
        Date {
            year: (v >> 16) as u16,
            month: (v >> 8) as u8,
            day: v as u8,
        }
    }

    /// Encoding 16.
    pub fn to_stored(self) -> u32 {
        u32::from(self.year) << 16 | u32::from(self.month) << 8 | u32::from(self.day)
    }

    /// The number YYYYMMDD.
    pub fn to_number(self) -> u64 {
        u64::from(self.year) * 10_000 + u64::from(self.month) * 100 + u64::from(self.day)
    }

    /// Midnight of the day.
    pub fn at_midnight(self) -> DateTime {
        DateTime {
            date: self,
            hour: 0,
            minute: 0,
            second: 0,
            micro: 0,
        }
    }

    /// Appends `YYYY-MM-DD`.
    pub fn write_text(self, out: &mut Vec<u8>) {
        push_padded(self.year.into(), 4, out);
        out.push(b'-');
        push_padded(self.month.into(), 2, out);
        out.push(b'-');
        push_padded(self.day.into(), 2, out);
    }
}

/// Rounds half up to `digits` of a second.
fn round_micros(micros: i64, digits: u8) -> i64 {
    let unit = 10i64.pow(6 - u32::from(digits.min(6)));
    (micros + unit / 2).div_euclid(unit) * unit
}

fn push_fraction(micro: u32, digits: u8, out: &mut Vec<u8>) {
    if digits > 0 {
        let digits = digits.min(6);
        out.push(b'.');
        let shown = micro / 10u32.pow(6 - u32::from(digits));
        push_padded(shown.into(), digits.into(), out);
    }
}

impl DateTime {
    /// `0000-00-00 00:00:00`.
    pub const ZERO: DateTime = DateTime {
        date: Date::ZERO,
        hour: 0,
        minute: 0,
        second: 0,
        micro: 0,
    };

    /// Microseconds since midnight.
    pub fn micros_of_day(self) -> i64 {
        let s = i64::from(self.hour) * 3600 + i64::from(self.minute) * 60 + i64::from(self.second);
        s * SECOND + i64::from(self.micro)
    }

    /// The time of day.
    pub fn time(self) -> Time {
        Time(self.micros_of_day())
    }

    /// Whether date and time are zero.
    pub fn is_zero(self) -> bool {
        self == DateTime::ZERO
    }

    /// Microseconds since 1970-01-01, reading the fields as UTC.
    pub fn to_unix_micros(self) -> i64 {
        self.date.unix_days() * DAY + self.micros_of_day()
    }

    /// The fields of a point in time, in UTC; `None` outside of years 0 to 9999.
    pub fn from_unix_micros(micros: i64) -> Option<DateTime> {
        let (year, month, day) = civil_from_days(micros.div_euclid(DAY));
        let year = u16::try_from(year).ok().filter(|y| *y <= 9999)?;
        let t = micros.rem_euclid(DAY);
        let s = t / SECOND;
        Some(DateTime {
            date: Date { year, month, day },
            hour: (s / 3600) as u8,
            minute: (s / 60 % 60) as u8,
            second: (s % 60) as u8,
            micro: (t % SECOND) as u32,
        })
    }

    /// Reads encoding 18.
    pub fn from_stored(micros: i64) -> Option<DateTime> {
        if micros == STORED_ZERO {
            return Some(DateTime::ZERO);
        }
        DateTime::from_unix_micros(micros)
    }

    /// Encoding 18; the fields must be those of UTC for TIMESTAMP.
    pub fn to_stored(self) -> i64 {
        let d = self.date;
        days_from_civil(d.year.into(), d.month.into(), d.day.into()) * DAY + self.micros_of_day()
    }

    /// Rounds half up to `digits` of a second; `None` past year 9999.
    pub fn round_to(self, digits: u8) -> Option<DateTime> {
        let rounded = round_micros(self.micro.into(), digits);
        if rounded < SECOND {
            return Some(DateTime {
                micro: rounded as u32,
                ..self
            });
        }
        let whole = DateTime { micro: 0, ..self };
        if self.date.month == 0 || self.date.day == 0 {
            return Some(whole);
        }
        DateTime::from_unix_micros(whole.to_unix_micros() + SECOND)
    }

    /// Leaves out what is below `digits` of a second.
    pub fn truncate_to(self, digits: u8) -> DateTime {
        let unit = 10u32.pow(6 - u32::from(digits.min(6)));
        DateTime {
            micro: self.micro / unit * unit,
            ..self
        }
    }

    /// The number YYYYMMDDhhmmss, without the fraction.
    pub fn to_number(self) -> u64 {
        let time =
            u64::from(self.hour) * 10_000 + u64::from(self.minute) * 100 + u64::from(self.second);
        self.date.to_number() * 1_000_000 + time
    }

    /// Appends `YYYY-MM-DD hh:mm:ss` with `digits` of a second.
    pub fn write_text(self, digits: u8, out: &mut Vec<u8>) {
        self.date.write_text(out);
        out.push(b' ');
        push_padded(self.hour.into(), 2, out);
        out.push(b':');
        push_padded(self.minute.into(), 2, out);
        out.push(b':');
        push_padded(self.second.into(), 2, out);
        push_fraction(self.micro, digits, out);
    }

    /// This point shifted by microseconds; `None` outside of years 0 to 9999.
    pub fn add_micros(self, micros: i64) -> Option<DateTime> {
        DateTime::from_unix_micros(self.to_unix_micros().checked_add(micros)?)
    }
}

impl Time {
    /// 838:59:59.
    pub const MAX: Time = Time((838 * 3600 + 59 * 60 + 59) * SECOND);
    /// -838:59:59.
    pub const MIN: Time = Time(-Time::MAX.0);

    /// A time of these parts.
    pub fn from_parts(negative: bool, hours: u64, minutes: u64, seconds: u64, micros: u64) -> Time {
        let s = (hours.min(1_000_000) * 3600 + minutes * 60 + seconds) as i64;
        let t = s * SECOND + micros as i64;
        Time(if negative { -t } else { t })
    }

    /// Hours, minutes, seconds and microseconds of the magnitude.
    pub fn parts(self) -> (u32, u8, u8, u32) {
        let t = self.0.unsigned_abs();
        let s = t / SECOND as u64;
        (
            (s / 3600) as u32,
            (s / 60 % 60) as u8,
            (s % 60) as u8,
            (t % SECOND as u64) as u32,
        )
    }

    /// The value within the range of TIME, and whether it was outside.
    pub fn clamp_to_range(self) -> (Time, bool) {
        let t = Time(self.0.clamp(Time::MIN.0, Time::MAX.0));
        (t, t != self)
    }

    /// Rounds half away from zero to `digits` of a second.
    pub fn round_to(self, digits: u8) -> Time {
        let t = round_micros(self.0.saturating_abs(), digits);
        Time(if self.0 < 0 { -t } else { t })
    }

    /// The signed number hhmmss, without the fraction.
    pub fn to_number(self) -> i64 {
        let (h, m, s, _) = self.parts();
        let n = i64::from(h) * 10_000 + i64::from(m) * 100 + i64::from(s);
        if self.0 < 0 { -n } else { n }
    }

    /// Appends `[-]hh:mm:ss` with `digits` of a second; hours may have three digits.
    pub fn write_text(self, digits: u8, out: &mut Vec<u8>) {
        let (h, m, s, micro) = self.parts();
        if self.0 < 0 {
            out.push(b'-');
        }
        if h < 100 {
            push_padded(h.into(), 2, out);
        } else {
            push_u64(h.into(), out);
        }
        out.push(b':');
        push_padded(m.into(), 2, out);
        out.push(b':');
        push_padded(s.into(), 2, out);
        push_fraction(micro, digits, out);
    }
}

fn text(write: impl FnOnce(&mut Vec<u8>)) -> String {
    let mut out = Vec::with_capacity(26);
    write(&mut out);
    String::from_utf8_lossy(&out).into_owned()
}

impl std::fmt::Display for Date {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&text(|o| self.write_text(o)))
    }
}

impl std::fmt::Display for DateTime {
    /// With six digits of a second if any is set.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let digits = if self.micro == 0 { 0 } else { 6 };
        f.write_str(&text(|o| self.write_text(digits, o)))
    }
}

impl std::fmt::Display for Time {
    /// With six digits of a second if any is set.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let digits = if self.0 % SECOND == 0 { 0 } else { 6 };
        f.write_str(&text(|o| self.write_text(digits, o)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stored_forms() {
        assert_eq!(DateTime::ZERO.to_stored(), STORED_ZERO);
        assert_eq!(DateTime::from_stored(STORED_ZERO), Some(DateTime::ZERO));
        let t = DateTime::from_stored(1_704_164_645_600_000).unwrap();
        assert_eq!(t.to_string(), "2024-01-02 03:04:05.600000");
        assert_eq!(t.to_stored(), 1_704_164_645_600_000);
        assert_eq!(DateTime::from_stored(i64::MAX), None);
        assert_eq!(DateTime::from_stored(i64::MIN), None);
        assert_eq!(
            DateTime::from_stored(-1).unwrap().to_string(),
            "1969-12-31 23:59:59.999999"
        );
    }

    #[test]
    fn rounding() {
        let t = |s| parse_datetime(s, DateRules::default()).unwrap().value;
        assert_eq!(
            t(b"2024-12-31 23:59:59.5").round_to(0).unwrap().to_string(),
            "2025-01-01 00:00:00"
        );
        assert_eq!(
            t(b"2024-12-31 23:59:59.7894")
                .round_to(3)
                .unwrap()
                .to_string(),
            "2024-12-31 23:59:59.789000"
        );
        assert_eq!(t(b"9999-12-31 23:59:59.5").round_to(0), None);
        assert_eq!(Time(-1_500_000).round_to(0).to_string(), "-00:00:02");
        assert_eq!(Time::MAX.to_string(), "838:59:59");
    }
}
