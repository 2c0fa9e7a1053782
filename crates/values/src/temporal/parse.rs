//! Reading dates and times from text and numbers, as permissively as MySQL does.

use super::{DAY, Date, DateTime, SECOND, Time};
use crate::calendar::days_in_month;

/// What sql_mode says about dates that are not days of the calendar.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct DateRules {
    /// NO_ZERO_DATE: `0000-00-00` is wrong.
    pub no_zero_date: bool,
    /// NO_ZERO_IN_DATE: month 0 and day 0 are wrong.
    pub no_zero_in_date: bool,
    /// ALLOW_INVALID_DATES: any day up to 31 is right.
    pub allow_invalid: bool,
}

/// Text or a number that is no date or time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a date or time")]
pub struct BadTemporal;

/// What was read from a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ParsedDateTime {
    /// The fields, to the microsecond.
    pub value: DateTime,
    /// Nanoseconds below the microsecond, for rounding.
    pub nanos: u16,
    /// Whether a time of day was given.
    pub has_time: bool,
    /// Digits after the second.
    pub fraction_digits: u8,
    /// Seconds east of UTC, if an offset was given.
    pub offset: Option<i32>,
    /// Whether something followed that was not understood.
    pub truncated: bool,
}

/// What was read from a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ParsedTime {
    /// The duration, rounded to the microsecond and kept within range.
    pub value: Time,
    /// Digits after the second.
    pub fraction_digits: u8,
    /// Whether the text meant more than 838:59:59.
    pub out_of_range: bool,
    /// Whether something followed that was not understood.
    pub truncated: bool,
}

impl ParsedDateTime {
    /// The value rounded half up to `digits` of a second; `None` past year 9999.
    pub fn rounded(&self, digits: u8) -> Option<DateTime> {
        if self.nanos >= 500 && digits >= 6 {
            return self.value.add_micros(1);
        }
        self.value.round_to(digits)
    }
}

/// Whether the rules allow a date.
pub fn date_allowed(date: Date, rules: DateRules) -> bool {
    if date.month > 12 || date.day > 31 || date.year > 9999 {
        return false;
    }
    if date.is_zero() {
        return !rules.no_zero_date;
    }
    if date.month == 0 || date.day == 0 {
        return !rules.no_zero_in_date;
    }
    rules.allow_invalid || date.day <= days_in_month(date.year, date.month)
}

fn trim_start(text: &[u8]) -> &[u8] {
    text.trim_ascii_start()
}

fn digits_at(text: &[u8]) -> usize {
    text.iter().take_while(|b| b.is_ascii_digit()).count()
}

fn number(text: &[u8]) -> Option<u32> {
    let v = text.iter().fold(0u32, |v, b| {
        v.saturating_mul(10).saturating_add(u32::from(b - b'0'))
    });
    (v <= 999_999).then_some(v)
}

/// Microseconds, nanoseconds below them, digits seen, bytes used.
fn fraction(text: &[u8]) -> (u32, u16, u8, usize) {
    let n = digits_at(text);
    let mut nanos = 0u64;
    let digits = text[..n].iter().map(|b| u64::from(b - b'0'));
    for d in digits.chain(std::iter::repeat(0)).take(9) {
        nanos = nanos * 10 + d;
    }
    (
        (nanos / 1000) as u32,
        (nanos % 1000) as u16,
        n.min(6) as u8,
        n,
    )
}

/// `+hh:mm` or `-hh:mm`, up to 14 hours: seconds and bytes used.
fn offset(text: &[u8]) -> Option<(i32, usize)> {
    let sign = match text.first()? {
        b'+' => 1,
        b'-' => -1,
        _ => return None,
    };
    let b = text.get(1..6)?;
    let ok = b[2] == b':' && [b[0], b[1], b[3], b[4]].iter().all(u8::is_ascii_digit);
    if !ok {
        return None;
    }
    let h = i32::from(b[0] - b'0') * 10 + i32::from(b[1] - b'0');
    let m = i32::from(b[3] - b'0') * 10 + i32::from(b[4] - b'0');
    let minutes = h * 60 + m;
    let negative_zero = sign < 0 && minutes == 0;
    (m < 60 && minutes <= 14 * 60 && !negative_zero).then_some((sign * minutes * 60, 6))
}

fn two_digit_year(year: u16) -> u16 {
    if year < 70 { year + 2000 } else { year + 1900 }
}

impl DateTime {
    /// Reads a number such as 20240102, 240102 or 20240102030405.
    pub fn from_number(n: i64, rules: DateRules) -> Result<DateTime, BadTemporal> {
        let n = u64::try_from(n).map_err(|_| BadTemporal)?;
        let full = match n {
            0 => 0,
            1..=100 => return Err(BadTemporal),
            101..=691_231 => (n + 20_000_000) * 1_000_000,
            691_232..=700_100 => return Err(BadTemporal),
            700_101..=991_231 => (n + 19_000_000) * 1_000_000,
            991_232..=10_000_100 => return Err(BadTemporal),
            10_000_101..=99_991_231 => n * 1_000_000,
            99_991_232..=100_999_999 => return Err(BadTemporal),
            101_000_000..=691_231_235_959 => n + 20_000_000_000_000,
            691_231_235_960..=700_100_999_999 => return Err(BadTemporal),
            700_101_000_000..=991_231_235_959 => n + 19_000_000_000_000,
            _ if n <= 99_991_231_235_959 => n,
            _ => return Err(BadTemporal),
        };
        let (d, t) = (full / 1_000_000, full % 1_000_000);
        let value = DateTime {
            date: Date {
                year: (d / 10_000) as u16,
                month: (d / 100 % 100) as u8,
                day: (d % 100) as u8,
            },
            hour: (t / 10_000) as u8,
            minute: (t / 100 % 100) as u8,
            second: (t % 100) as u8,
            micro: 0,
        };
        let ok = value.hour < 24
            && value.minute < 60
            && value.second < 60
            && date_allowed(value.date, rules);
        ok.then_some(value).ok_or(BadTemporal)
    }
}

impl Time {
    /// Reads a number such as 123456 (12:34:56); out of range is an error.
    pub fn from_number(n: i64) -> Result<Time, BadTemporal> {
        let m = n.unsigned_abs();
        if m > 8_385_959 {
            // A number that long may be a date and time.
            if n > 0 && m >= 10_000_000_000 {
                return Ok(DateTime::from_number(n, DateRules::default())?.time());
            }
            return Err(BadTemporal);
        }
        let (h, min, s) = (m / 10_000, m / 100 % 100, m % 100);
        if min > 59 || s > 59 {
            return Err(BadTemporal);
        }
        Ok(Time::from_parts(n < 0, h, min, s, 0))
    }
}

/// Reads a date with or without a time: any punctuation between fields, two-digit years, or
/// digits without delimiters.
pub fn parse_datetime(text: &[u8], rules: DateRules) -> Result<ParsedDateTime, BadTemporal> {
    let text = trim_start(text);
    let run = text
        .iter()
        .take_while(|b| b.is_ascii_digit() || **b == b'T')
        .count();
    if digits_at(text) == 0 {
        return Err(BadTemporal);
    }
    let tail = text[run..].trim_ascii_end();
    let packed = tail.is_empty() || tail[0] == b'.';
    let packed_year = if matches!(run, 4 | 8) || run >= 14 {
        4
    } else {
        2
    };
    let mut fields = [0u32; 6];
    let mut count = 0;
    let mut year_digits = 0;
    let mut at = 0;
    let mut out = ParsedDateTime {
        value: DateTime::ZERO,
        nanos: 0,
        has_time: false,
        fraction_digits: 0,
        offset: None,
        truncated: false,
    };
    while count < 6 {
        let have = digits_at(&text[at..]);
        if have == 0 {
            break;
        }
        let take = match (packed, count) {
            (true, 0) => have.min(packed_year),
            (true, _) => have.min(2),
            (false, _) => have,
        };
        fields[count] = number(&text[at..at + take]).ok_or(BadTemporal)?;
        if count == 0 {
            year_digits = take;
        }
        at += take;
        count += 1;
        if at == text.len() || count == 6 {
            break;
        }
        if count == 3 && text[at] == b'T' {
            at += 1;
            continue;
        }
        if count >= 4 && offset(&text[at..]).is_some() {
            break;
        }
        let before = at;
        while at < text.len() && (text[at].is_ascii_punctuation() || text[at].is_ascii_whitespace())
        {
            if text[at].is_ascii_whitespace() && count != 3 {
                break;
            }
            at += 1;
        }
        // Delimiters at the end belong to what was not understood.
        if digits_at(&text[at..]) == 0 {
            at = before;
            break;
        }
    }
    if count < 3 {
        return Err(BadTemporal);
    }
    out.has_time = count > 3;
    if count == 6 && text.get(at) == Some(&b'.') {
        let (micro, nanos, digits, n) = fraction(&text[at + 1..]);
        out.value.micro = micro;
        out.nanos = nanos;
        out.fraction_digits = digits;
        at += 1 + n;
    }
    if count > 3
        && let Some((seconds, n)) = offset(&text[at..])
    {
        out.offset = Some(seconds);
        at += n;
    }
    // ISO 8601 as JavaScript writes it ends in Z; Dolt takes the time as it stands.
    if count > 3 && text.get(at) == Some(&b'Z') {
        at += 1;
    }
    out.truncated = !text[at..].trim_ascii().is_empty();
    let mut year = u16::try_from(fields[0]).map_err(|_| BadTemporal)?;
    let any = fields.iter().any(|f| *f != 0) || out.value.micro != 0;
    if year_digits == 2 && any {
        year = two_digit_year(year);
    }
    let [_, month, day, hour, minute, second] = fields;
    if year > 9999 || month > 12 || day > 31 || hour > 23 || minute > 59 || second > 59 {
        return Err(BadTemporal);
    }
    out.value.date = Date {
        year,
        month: month as u8,
        day: day as u8,
    };
    out.value.hour = hour as u8;
    out.value.minute = minute as u8;
    out.value.second = second as u8;
    if !date_allowed(out.value.date, rules) {
        return Err(BadTemporal);
    }
    Ok(out)
}

/// Reads a time: `[-][D ]hh:mm[:ss[.f]]`, `hhmmss[.f]`, or the time of a full date and time.
pub fn parse_time(text: &[u8]) -> Result<ParsedTime, BadTemporal> {
    let text = trim_start(text);
    let (negative, body) = match text.first() {
        Some(b'-') => (true, trim_start(&text[1..])),
        Some(b'+') => (false, trim_start(&text[1..])),
        _ => (false, text),
    };
    if body.len() >= 12
        && !negative
        && let Ok(d) = parse_datetime(body, DateRules::default())
        && (d.has_time || digits_at(body) >= 12)
        && !d.truncated
        && body[..digits_at(body)].len() != 1
        && (digits_at(body) >= 4 || body.contains(&b'-'))
    {
        let micros = d.value.micros_of_day() + i64::from(d.nanos >= 500);
        return Ok(ParsedTime {
            value: Time(micros.min(DAY)),
            fraction_digits: d.fraction_digits,
            out_of_range: false,
            truncated: false,
        });
    }
    let value_of = |t: &[u8]| {
        t.iter().fold(0u64, |v, b| {
            v.saturating_mul(10).saturating_add(u64::from(b - b'0'))
        })
    };
    let n = digits_at(body);
    let mut at = n;
    let first = value_of(&body[..n]);
    let (mut hours, mut minutes, mut seconds) = (0u64, 0u64, 0u64);
    let mut days = 0u64;
    if n == 0 && body.first() != Some(&b'.') {
        return Err(BadTemporal);
    }
    let mut fields = Vec::with_capacity(3);
    if body.get(at) == Some(&b' ') && digits_at(trim_start(&body[at..])) > 0 {
        days = first;
        at += body[at..].len() - trim_start(&body[at..]).len();
        let m = digits_at(&body[at..]);
        fields.push(value_of(&body[at..at + m]));
        at += m;
    } else {
        fields.push(first);
    }
    let delimited = body.get(at) == Some(&b':') || at > n;
    if delimited {
        while fields.len() < 3 && body.get(at) == Some(&b':') {
            let m = digits_at(&body[at + 1..]);
            if m == 0 {
                break;
            }
            fields.push(value_of(&body[at + 1..at + 1 + m]));
            at += 1 + m;
        }
        hours = fields[0];
        minutes = fields.get(1).copied().unwrap_or(0);
        seconds = fields.get(2).copied().unwrap_or(0);
    } else {
        hours += first / 10_000;
        minutes += first / 100 % 100;
        seconds += first % 100;
    }
    let (mut micro, mut nanos, mut fraction_digits) = (0, 0, 0);
    if body.get(at) == Some(&b'.') && (!delimited || fields.len() == 3) {
        let (m, ns, digits, used) = fraction(&body[at + 1..]);
        (micro, nanos, fraction_digits) = (m, ns, digits);
        at += 1 + used;
    }
    let truncated = !body[at..].trim_ascii().is_empty();
    if minutes > 59 || seconds > 59 {
        return Err(BadTemporal);
    }
    let hours = days.saturating_mul(24).saturating_add(hours);
    let mut t = Time::from_parts(false, hours, minutes, seconds, micro.into());
    if nanos >= 500 {
        t.0 += 1;
    }
    let (mut value, out_of_range) = t.clamp_to_range();
    if negative {
        value = Time(-value.0);
    }
    debug_assert!(value.0.abs() <= Time::MAX.0 && SECOND > 0);
    Ok(ParsedTime {
        value,
        fraction_digits,
        out_of_range,
        truncated,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn dt(s: &str) -> String {
        match parse_datetime(s.as_bytes(), DateRules::default()) {
            Ok(p) => format!("{}{}", p.value, if p.truncated { "!" } else { "" }),
            Err(_) => "bad".into(),
        }
    }

    #[test]
    fn datetimes() {
        for (text, want) in [
            ("2024-01-02", "2024-01-02 00:00:00"),
            ("2024-01-02 03:04:05.678", "2024-01-02 03:04:05.678000"),
            ("2024-01-02T03:04:05Z", "2024-01-02 03:04:05"),
            ("20240102", "2024-01-02 00:00:00"),
            ("240102", "2024-01-02 00:00:00"),
            ("700101", "1970-01-01 00:00:00"),
            ("20240102030405", "2024-01-02 03:04:05"),
            ("20240102T030405", "2024-01-02 03:04:05"),
            ("20240102030405.5", "2024-01-02 03:04:05.500000"),
            ("2024/1/2 3.4.5", "2024-01-02 03:04:05"),
            ("24@1@2", "2024-01-02 00:00:00"),
            ("2024-01-02 03:04", "2024-01-02 03:04:00"),
            ("2024-02-30", "bad"),
            ("2024-13-01", "bad"),
            ("2024-01-02 24:00:00", "bad"),
            ("0000-00-00", "0000-00-00 00:00:00"),
            ("0000-00-00 00:00:00", "0000-00-00 00:00:00"),
            ("2024-00-00", "2024-00-00 00:00:00"),
            ("2024-01-02abc", "2024-01-02 00:00:00!"),
            ("  2024-01-02  ", "2024-01-02 00:00:00"),
            ("abc", "bad"),
            ("2024-01", "bad"),
            ("", "bad"),
            ("9999-12-31 23:59:59.999999", "9999-12-31 23:59:59.999999"),
        ] {
            assert_eq!(dt(text), want, "{text}");
        }
        let p = parse_datetime(b"2020-01-01 10:10:10+05:30", DateRules::default()).unwrap();
        assert_eq!((p.offset, p.truncated), (Some(19800), false));
        assert_eq!(
            parse_datetime(b"2020-01-01 10:10:10.1234567", DateRules::default())
                .unwrap()
                .rounded(6)
                .unwrap()
                .micro,
            123457
        );
    }

    #[test]
    fn rules() {
        let r = DateRules {
            no_zero_date: true,
            no_zero_in_date: true,
            allow_invalid: true,
        };
        assert!(parse_datetime(b"0000-00-00", r).is_err());
        assert!(parse_datetime(b"2024-00-01", r).is_err());
        assert!(parse_datetime(b"2024-02-31", r).is_ok());
    }

    #[test]
    fn times() {
        for (text, want) in [
            ("12:34:56", "12:34:56"),
            ("12:34", "12:34:00"),
            ("123456", "12:34:56"),
            ("1112", "00:11:12"),
            ("12", "00:00:12"),
            ("-1:02:03.5", "-01:02:03.500000"),
            ("2 03:04:05", "51:04:05"),
            ("2 3", "51:00:00"),
            ("900:00:00", "838:59:59"),
            ("2024-01-02 03:04:05", "03:04:05"),
            ("12:34:56.789", "12:34:56.789000"),
            ("10:60:00", "bad"),
            ("", "bad"),
            ("x", "bad"),
            ("123456.5", "12:34:56.500000"),
            ("20240102030405", "03:04:05"),
        ] {
            let got =
                parse_time(text.as_bytes()).map_or("bad".to_string(), |t| t.value.to_string());
            assert_eq!(got, want, "{text}");
        }
        assert!(parse_time(b"900:00:00").unwrap().out_of_range);
        assert_eq!(Time::from_number(-123456).unwrap().to_string(), "-12:34:56");
        assert!(Time::from_number(126000).is_err());
    }

    #[test]
    fn numbers() {
        let n = |n| DateTime::from_number(n, DateRules::default()).map(|d| d.to_string());
        assert_eq!(n(20240102).unwrap(), "2024-01-02 00:00:00");
        assert_eq!(n(691231).unwrap(), "2069-12-31 00:00:00");
        assert_eq!(n(700101).unwrap(), "1970-01-01 00:00:00");
        assert_eq!(n(20240102030405).unwrap(), "2024-01-02 03:04:05");
        assert!(n(20241302).is_err());
        assert!(n(-1).is_err());
    }
}
