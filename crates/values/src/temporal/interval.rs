//! INTERVAL: units, their text, and adding them to dates.

use super::{DAY, DateTime, SECOND};
use crate::calendar::days_in_month;

macro_rules! units {
    ($($name:ident $text:literal $shape:expr;)*) => {
        /// The unit of an INTERVAL.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum IntervalUnit { $(
            #[doc = $text]
            $name
        ),* }

        impl IntervalUnit {
            /// The unit with this name, in any case, also with the prefix `SQL_TSI_`.
            pub fn by_name(name: &str) -> Option<IntervalUnit> {
                let name = name.to_ascii_uppercase();
                let name = name.strip_prefix("SQL_TSI_").unwrap_or(&name);
                match name {
                    $($text => Some(IntervalUnit::$name),)*
                    _ => None,
                }
            }

            /// The name in SQL.
            pub fn name(self) -> &'static str {
                match self { $(IntervalUnit::$name => $text),* }
            }

            /// Parts of the unit, from the greatest: months or microseconds of each.
            fn shape(self) -> &'static [Part] {
                match self { $(IntervalUnit::$name => $shape),* }
            }
        }
    };
}

#[derive(Clone, Copy)]
enum Part {
    Months(i64),
    Micros(i64),
    /// Digits after a point: the text "5" means half a second.
    Fraction,
}
use Part::{Fraction, Micros, Months};

const HOUR: i64 = 3600 * SECOND;
const MINUTE: i64 = 60 * SECOND;

units! {
    Microsecond "MICROSECOND" &[Micros(1)];
    Second "SECOND" &[Micros(SECOND)];
    Minute "MINUTE" &[Micros(MINUTE)];
    Hour "HOUR" &[Micros(HOUR)];
    Day "DAY" &[Micros(DAY)];
    Week "WEEK" &[Micros(7 * DAY)];
    Month "MONTH" &[Months(1)];
    Quarter "QUARTER" &[Months(3)];
    Year "YEAR" &[Months(12)];
    SecondMicrosecond "SECOND_MICROSECOND" &[Micros(SECOND), Fraction];
    MinuteMicrosecond "MINUTE_MICROSECOND" &[Micros(MINUTE), Micros(SECOND), Fraction];
    MinuteSecond "MINUTE_SECOND" &[Micros(MINUTE), Micros(SECOND)];
    HourMicrosecond "HOUR_MICROSECOND" &[Micros(HOUR), Micros(MINUTE), Micros(SECOND), Fraction];
    HourSecond "HOUR_SECOND" &[Micros(HOUR), Micros(MINUTE), Micros(SECOND)];
    HourMinute "HOUR_MINUTE" &[Micros(HOUR), Micros(MINUTE)];
    DayMicrosecond "DAY_MICROSECOND" &[Micros(DAY), Micros(HOUR), Micros(MINUTE), Micros(SECOND), Fraction];
    DaySecond "DAY_SECOND" &[Micros(DAY), Micros(HOUR), Micros(MINUTE), Micros(SECOND)];
    DayMinute "DAY_MINUTE" &[Micros(DAY), Micros(HOUR), Micros(MINUTE)];
    DayHour "DAY_HOUR" &[Micros(DAY), Micros(HOUR)];
    YearMonth "YEAR_MONTH" &[Months(12), Months(1)];
}

impl IntervalUnit {
    /// Whether adding it to a DATE gives a DATETIME.
    pub fn has_time(self) -> bool {
        use IntervalUnit::*;
        !matches!(self, Day | Week | Month | Quarter | Year | YearMonth)
    }

    /// Whether it is a single unit, whose amount is one number.
    pub fn is_single(self) -> bool {
        self.shape().len() == 1
    }

    /// Whether adding it can set microseconds.
    pub fn has_fraction(self) -> bool {
        self == IntervalUnit::Microsecond || matches!(self.shape().last(), Some(Fraction))
    }
}

/// A span of time: months, and microseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Interval {
    /// Calendar months.
    pub months: i64,
    /// Everything shorter, days included.
    pub micros: i64,
}

impl Interval {
    /// `amount` of a single unit, or of the last part of a compound one; `None` on overflow.
    pub fn of(unit: IntervalUnit, amount: i64) -> Option<Interval> {
        let mut i = Interval::default();
        match unit.shape().last()? {
            Months(n) => i.months = amount.checked_mul(*n)?,
            Micros(n) => i.micros = amount.checked_mul(*n)?,
            Fraction => i.micros = amount,
        }
        Some(i)
    }

    /// `seconds` with a fraction, for SECOND.
    pub fn of_seconds(micros: i64) -> Interval {
        Interval { months: 0, micros }
    }

    /// Reads the amount of a compound unit, such as `1 2:3:4` for DAY_SECOND: numbers between any
    /// other characters; fewer numbers than parts fill from the right.
    pub fn parse(unit: IntervalUnit, text: &[u8]) -> Option<Interval> {
        let text = text.trim_ascii();
        let (negative, body) = match text.first() {
            Some(b'-') => (true, &text[1..]),
            Some(b'+') => (false, &text[1..]),
            _ => (false, text),
        };
        let shape = unit.shape();
        let mut numbers: Vec<&[u8]> = Vec::with_capacity(5);
        for run in body
            .split(|b| !b.is_ascii_digit())
            .filter(|r| !r.is_empty())
        {
            if numbers.len() == shape.len() {
                return None;
            }
            numbers.push(run);
        }
        let mut out = Interval::default();
        let skip = shape.len() - numbers.len();
        for (part, run) in shape[skip..].iter().zip(numbers) {
            let text = std::str::from_utf8(run).ok()?;
            let n: i64 = text.parse().ok()?;
            match part {
                Months(m) => out.months = out.months.checked_add(n.checked_mul(*m)?)?,
                Micros(m) => out.micros = out.micros.checked_add(n.checked_mul(*m)?)?,
                Fraction => {
                    let digits = u32::try_from(run.len()).ok()?;
                    let micros = match digits {
                        0..=6 => n * 10i64.pow(6 - digits),
                        _ => n / 10i64.checked_pow(digits - 6)?,
                    };
                    out.micros = out.micros.checked_add(micros)?;
                }
            }
        }
        if negative {
            out = out.reversed();
        }
        Some(out)
    }

    /// The interval backwards.
    pub fn reversed(self) -> Interval {
        Interval {
            months: self.months.saturating_neg(),
            micros: self.micros.saturating_neg(),
        }
    }
}

impl DateTime {
    /// This plus an interval; a day past the end of the month becomes the last. `None` outside of
    /// years 0 to 9999.
    pub fn add_interval(self, interval: Interval) -> Option<DateTime> {
        let mut d = self;
        if interval.months != 0 {
            let months = (i64::from(d.date.year) * 12 + i64::from(d.date.month) - 1)
                .checked_add(interval.months)?;
            d.date.year = u16::try_from(months.div_euclid(12))
                .ok()
                .filter(|y| *y <= 9999)?;
            d.date.month = (months.rem_euclid(12) + 1) as u8;
            d.date.day = d.date.day.min(days_in_month(d.date.year, d.date.month));
        }
        if interval.micros == 0 {
            return Some(d);
        }
        d.add_micros(interval.micros)
    }
}

#[cfg(test)]
mod tests {
    use super::super::{DateRules, parse_datetime};
    use super::*;

    #[test]
    fn adding() {
        let add = |d: &str, u: &str, t: &str| {
            let u = IntervalUnit::by_name(u).unwrap();
            let d = parse_datetime(d.as_bytes(), DateRules::default())
                .unwrap()
                .value;
            d.add_interval(Interval::parse(u, t.as_bytes()).unwrap())
                .map(|d| d.to_string())
        };
        assert_eq!(
            add("2024-01-31", "month", "1").unwrap(),
            "2024-02-29 00:00:00"
        );
        assert_eq!(
            add("2018-05-01", "DAY_SECOND", "1 1:1:1").unwrap(),
            "2018-05-02 01:01:01"
        );
        assert_eq!(
            add("2100-12-31 23:59:59", "MINUTE_SECOND", "1:1").unwrap(),
            "2101-01-01 00:01:00"
        );
        assert_eq!(
            add(
                "1992-12-31 23:59:59.000002",
                "SECOND_MICROSECOND",
                "-1.999999"
            )
            .unwrap(),
            "1992-12-31 23:59:57.000003"
        );
        assert_eq!(
            add("2024-01-01", "DAY_HOUR", "-1 10").unwrap(),
            "2023-12-30 14:00:00"
        );
        assert_eq!(
            add("2024-01-01", "YEAR_MONTH", "1-2").unwrap(),
            "2025-03-01 00:00:00"
        );
        assert_eq!(add("9999-12-31", "DAY", "1"), None);
        assert!(IntervalUnit::by_name("sql_tsi_day") == Some(IntervalUnit::Day));
    }
}
