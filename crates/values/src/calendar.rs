//! The proleptic Gregorian calendar, day numbers and MySQL's ways of counting weeks.

use crate::Date;

/// TO_DAYS('1970-01-01').
pub const DAYS_TO_1970: i64 = 719_528;

/// Whether February has 29 days.
pub fn is_leap_year(year: u16) -> bool {
    year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400))
}

/// Days of a month; 31 for a month that is not one.
pub fn days_in_month(year: u16, month: u8) -> u8 {
    match month {
        4 | 6 | 9 | 11 => 30,
        2 if is_leap_year(year) => 29,
        2 => 28,
        _ => 31,
    }
}

/// Days from 1970-01-01 to a date; month and day may be out of range and carry over.
pub fn days_from_civil(year: i64, month: i64, day: i64) -> i64 {
    let year = year + (month - 1).div_euclid(12);
    let month = (month - 1).rem_euclid(12) + 1;
    let y = if month <= 2 { year - 1 } else { year };
    let era = y.div_euclid(400);
    let yoe = y.rem_euclid(400);
    let shifted = (month + 9) % 12;
    let doy = (153 * shifted + 2) / 5 + day - 1;
    era * 146_097 + yoe * 365 + yoe / 4 - yoe / 100 + doy - 719_468
}

/// The date that many days after 1970-01-01: year, month, day.
pub fn civil_from_days(days: i64) -> (i64, u8, u8) {
    let z = days + 719_468;
    let era = z.div_euclid(146_097);
    let doe = z.rem_euclid(146_097);
    let yoe = (doe - doe / 1460 + doe / 36_524 - doe / 146_096) / 365;
    let doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
    let shifted = (5 * doy + 2) / 153;
    let day = (doy - (153 * shifted + 2) / 5 + 1) as u8;
    let month = if shifted < 10 {
        shifted + 3
    } else {
        shifted - 9
    } as u8;
    (yoe + era * 400 + i64::from(month <= 2), month, day)
}

impl Date {
    /// TO_DAYS: days since the year 0.
    pub fn to_days(self) -> i64 {
        let days = days_from_civil(self.year.into(), self.month.into(), self.day.into());
        // MySQL counts year 0 as a common year that starts with day 1.
        days + DAYS_TO_1970 + i64::from(self.year == 0 && self.month <= 2)
    }

    /// FROM_DAYS; the zero date outside of years 1 to 9999.
    pub fn from_days(days: i64) -> Date {
        if !(366..=3_652_424).contains(&days) {
            return Date::ZERO;
        }
        let (year, month, day) = civil_from_days(days - DAYS_TO_1970);
        Date {
            year: year as u16,
            month,
            day,
        }
    }

    /// Days since 1970-01-01.
    pub fn unix_days(self) -> i64 {
        days_from_civil(self.year.into(), self.month.into(), self.day.into())
    }

    /// WEEKDAY: 0 is Monday.
    pub fn weekday(self) -> u8 {
        (self.week_days() + 3).rem_euclid(7) as u8
    }

    /// Days since 1970-01-01 as MySQL counts weeks by them: its year 0 has no 29th of February.
    fn week_days(self) -> i64 {
        self.unix_days() + i64::from(self.year == 0 && self.month <= 2)
    }

    /// DAYOFWEEK: 1 is Sunday.
    pub fn day_of_week(self) -> u8 {
        (self.weekday() + 1) % 7 + 1
    }

    /// DAYOFYEAR: 1 is the first of January.
    pub fn day_of_year(self) -> u16 {
        (self.unix_days() - days_from_civil(self.year.into(), 1, 1) + 1) as u16
    }

    /// LAST_DAY: the last day of the month.
    pub fn last_day(self) -> Date {
        Date {
            day: days_in_month(self.year, self.month),
            ..self
        }
    }

    /// QUARTER, 0 for month 0.
    pub fn quarter(self) -> u8 {
        self.month.div_ceil(3)
    }

    /// WEEK(date, mode), with the year that the week belongs to (as YEARWEEK shows it when the
    /// mode has bit 2).
    pub fn week(self, mode: u8) -> (u16, u8) {
        let monday_first = mode & 1 != 0;
        let mut week_year = mode & 2 != 0;
        // Bit 4 of MySQL's modes asks whether the first week is the one with the first weekday.
        let first_weekday = (mode & 4 != 0) == monday_first;
        let mut year = self.year;
        let today = self.week_days();
        let mut first = Date {
            month: 1,
            day: 1,
            ..self
        }
        .week_days();
        let start_of = |days: i64| (days + if monday_first { 3 } else { 4 }).rem_euclid(7);
        let mut weekday = start_of(first);
        if self.month == 1 && i64::from(self.day) <= 7 - weekday {
            let in_previous = (first_weekday && weekday != 0) || (!first_weekday && weekday >= 4);
            if !week_year && in_previous {
                return (year, 0);
            }
            week_year = true;
            if in_previous {
                let length = match year.checked_sub(1) {
                    Some(y) if is_leap_year(y) => 366,
                    _ => 365,
                };
                year = year.saturating_sub(1);
                first -= length;
                weekday = (weekday + 53 * 7 - length).rem_euclid(7);
            }
        }
        let days = if (first_weekday && weekday != 0) || (!first_weekday && weekday >= 4) {
            today - (first + (7 - weekday))
        } else {
            today - (first - weekday)
        };
        if week_year && days >= 52 * 7 {
            let length = if is_leap_year(year) { 366 } else { 365 };
            let next = (weekday + length).rem_euclid(7);
            if (!first_weekday && next < 4) || (first_weekday && next == 0) {
                return (year + 1, 1);
            }
        }
        (year, (days / 7 + 1) as u8)
    }

    /// YEARWEEK(date, mode).
    pub fn year_week(self, mode: u8) -> u32 {
        let (year, week) = self.week(mode | 2);
        u32::from(year) * 100 + u32::from(week)
    }
}

/// English names as MONTHNAME and DATE_FORMAT give them.
pub const MONTH_NAMES: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];

/// English names as DAYNAME gives them, Monday first.
pub const DAY_NAMES: [&str; 7] = [
    "Monday",
    "Tuesday",
    "Wednesday",
    "Thursday",
    "Friday",
    "Saturday",
    "Sunday",
];

#[cfg(test)]
mod tests {
    use super::*;

    fn d(year: u16, month: u8, day: u8) -> Date {
        Date { year, month, day }
    }

    #[test]
    fn day_numbers() {
        assert_eq!(d(1970, 1, 1).to_days(), DAYS_TO_1970);
        assert_eq!(d(2007, 10, 7).to_days(), 733321);
        assert_eq!(d(0, 1, 1).to_days(), 1);
        assert_eq!(Date::from_days(733321), d(2007, 10, 7));
        assert_eq!(Date::from_days(3), Date::ZERO);
        for n in (366..3_652_424).step_by(97) {
            assert_eq!(Date::from_days(n).to_days(), n);
        }
        assert_eq!(days_from_civil(-1, 11, 30), -719_560);
    }

    #[test]
    fn weeks() {
        // From MySQL's manual and its test suite.
        assert_eq!(d(2008, 2, 20).week(0).1, 7);
        assert_eq!(d(2008, 2, 20).week(1).1, 8);
        assert_eq!(d(2008, 12, 31).week(1).1, 53);
        assert_eq!(d(2000, 1, 1).week(0), (2000, 0));
        assert_eq!(d(2000, 1, 1).week(2).1, 52);
        assert_eq!(d(1987, 1, 1).year_week(0), 198652);
        assert_eq!(d(2000, 1, 6).week(3).1, 1);
        assert_eq!(d(2021, 1, 3).week(3), (2020, 53));
        assert_eq!(d(2024, 12, 30).week(3), (2025, 1));
        assert_eq!(d(2024, 12, 30).week(1), (2024, 53));
        assert_eq!(d(2023, 1, 1).week(0), (2023, 1));
        assert_eq!(d(2023, 1, 1).weekday(), 6);
        assert_eq!(d(2023, 1, 1).day_of_week(), 1);
        assert_eq!(d(2024, 12, 31).day_of_year(), 366);
    }
}
