//! STR_TO_DATE.

use values::calendar::{DAY_NAMES, MONTH_NAMES, days_from_civil, days_in_month};
use values::{CollationId, Date, DateTime, OwnedValue, SqlType, Time, Value};

use super::{Call, Function, Outcome, bytes};
use crate::convert::{to_string, to_text};

pub const FUNCTIONS: &[Function] =
    &[Function::new("str_to_date", 2, 2, result, str_to_date).refined(refine)];

fn result(_: &[SqlType], _: CollationId) -> SqlType {
    SqlType::DateTime(6)
}

/// DATE, TIME or DATETIME, as the parts of a constant format say.
fn refine(_: &[SqlType], constants: &[Option<OwnedValue>], given: SqlType) -> SqlType {
    let Some(Some(format @ Value::Bytes(_))) = constants.get(1) else {
        return given;
    };
    let format = to_string(format);
    let (mut date, mut time, mut fraction) = (false, false, false);
    let mut chars = format.chars();
    while let Some(c) = chars.next() {
        if c == '%' {
            match chars.next() {
                Some('f') => (time, fraction) = (true, true),
                Some('H' | 'I' | 'S' | 'T' | 'h' | 'i' | 'k' | 'l' | 'p' | 'r' | 's') => {
                    time = true
                }
                Some(
                    'M' | 'V' | 'U' | 'X' | 'Y' | 'W' | 'a' | 'b' | 'c' | 'j' | 'm' | 'v' | 'u'
                    | 'x' | 'y' | 'w' | 'D' | 'd' | 'e',
                ) => {
                    date = true;
                }
                _ => {}
            }
        }
    }
    let digits = if fraction { 6 } else { 0 };
    match (date, time) {
        (true, false) => SqlType::Date,
        (false, true) => SqlType::Time(digits),
        (true, true) => SqlType::DateTime(digits),
        _ => SqlType::Date,
    }
}

struct Scanner<'t> {
    text: &'t [u8],
}

impl Scanner<'_> {
    fn space(&mut self) {
        self.text = self.text.trim_ascii_start();
    }

    /// A number of at most `most` digits.
    fn number(&mut self, most: usize) -> Option<u32> {
        let n = self
            .text
            .iter()
            .take(most)
            .take_while(|b| b.is_ascii_digit())
            .count();
        let digits = std::str::from_utf8(&self.text[..n]).ok()?;
        let v = digits.parse().ok()?;
        self.text = &self.text[n..];
        Some(v)
    }

    /// The index of the name that comes next, whole or its first three letters.
    fn name(&mut self, names: &[&str], short: bool) -> Option<usize> {
        let i = names.iter().position(|n| {
            let n = if short { &n[..3] } else { n };
            self.text
                .get(..n.len())
                .is_some_and(|t| t.eq_ignore_ascii_case(n.as_bytes()))
        })?;
        let length = if short { 3 } else { names[i].len() };
        self.text = &self.text[length..];
        Some(i)
    }

    fn eat(&mut self, b: u8) -> Option<()> {
        self.text = self.text.strip_prefix(&[b])?;
        Some(())
    }
}

#[derive(Default)]
struct Parts {
    year: u32,
    month: u32,
    day: u32,
    hour: u32,
    minute: u32,
    second: u32,
    micro: u32,
    pm: Option<bool>,
    day_of_year: Option<u32>,
    weekday: Option<u32>,
    week: Option<(u32, bool, bool)>,
    week_year: Option<u32>,
}

fn scan(s: &mut Scanner<'_>, format: &[u8], p: &mut Parts) -> Option<()> {
    let mut at = 0;
    while at < format.len() {
        let f = format[at];
        at += 1;
        if f.is_ascii_whitespace() {
            s.space();
            continue;
        }
        if f != b'%' || at >= format.len() {
            s.space();
            s.eat(f)?;
            continue;
        }
        let spec = format[at];
        at += 1;
        if spec != b'%' {
            s.space();
        }
        match spec {
            b'Y' => {
                let before = s.text.len();
                let y = s.number(4)?;
                p.year = if before - s.text.len() == 2 {
                    two_digits(y)
                } else {
                    y
                };
            }
            b'y' => p.year = two_digits(s.number(2)?),
            b'm' | b'c' => p.month = s.number(2).filter(|m| *m <= 12)?,
            b'M' => p.month = s.name(&MONTH_NAMES, false)? as u32 + 1,
            b'b' => p.month = s.name(&MONTH_NAMES, true)? as u32 + 1,
            b'd' | b'e' => p.day = s.number(2).filter(|d| *d <= 31)?,
            b'D' => {
                p.day = s.number(2).filter(|d| *d <= 31)?;
                s.text = s.text.get(2..)?;
            }
            b'H' | b'k' => p.hour = s.number(2).filter(|h| *h <= 23)?,
            b'h' | b'I' | b'l' => {
                p.hour = s.number(2).filter(|h| (1..=12).contains(h))?;
                p.pm.get_or_insert(false);
            }
            b'i' => p.minute = s.number(2).filter(|m| *m <= 59)?,
            b's' | b'S' => p.second = s.number(2).filter(|m| *m <= 59)?,
            b'f' => {
                let before = s.text.len();
                let n = s.number(6)?;
                p.micro = n * 10u32.pow(6 - (before - s.text.len()) as u32);
            }
            b'p' => {
                let half = s.text.get(..2)?.to_ascii_uppercase();
                p.pm = Some(match half.as_slice() {
                    b"AM" => false,
                    b"PM" => true,
                    _ => return None,
                });
                s.text = &s.text[2..];
            }
            b'T' => scan(s, b"%H:%i:%S", p)?,
            b'r' => scan(s, b"%I:%i:%S %p", p)?,
            b'W' => p.weekday = Some(s.name(&DAY_NAMES, false)? as u32 + 1),
            b'a' => p.weekday = Some(s.name(&DAY_NAMES, true)? as u32 + 1),
            b'w' => {
                let d = s.number(1).filter(|d| *d <= 6)?;
                p.weekday = Some(if d == 0 { 7 } else { d });
            }
            b'j' => p.day_of_year = Some(s.number(3).filter(|d| (1..=366).contains(d))?),
            b'U' | b'u' | b'V' | b'v' => {
                let n = s.number(2).filter(|n| *n <= 53)?;
                let sunday = matches!(spec, b'U' | b'V');
                p.week = Some((n, sunday, matches!(spec, b'V' | b'v')));
            }
            b'X' | b'x' => p.week_year = Some(s.number(4)?),
            b'.' => skip(s, |b| b.is_ascii_punctuation()),
            b'@' => skip(s, |b| b.is_ascii_alphabetic()),
            b'#' => skip(s, |b| b.is_ascii_digit()),
            b'%' => s.eat(b'%')?,
            other => s.eat(other)?,
        }
    }
    Some(())
}

fn skip(s: &mut Scanner<'_>, what: fn(&u8) -> bool) {
    let n = s.text.iter().take_while(|b| what(b)).count();
    s.text = &s.text[n..];
}

fn two_digits(y: u32) -> u32 {
    if y < 70 { y + 2000 } else { y + 1900 }
}

/// The moment that the parts name.
fn moment(p: &Parts) -> Option<DateTime> {
    let mut hour = p.hour;
    if let Some(pm) = p.pm {
        if p.hour > 12 || p.hour == 0 {
            return None;
        }
        hour = p.hour % 12 + if pm { 12 } else { 0 };
    }
    let (mut year, mut month, mut day) = (p.year, p.month, p.day);
    let from_days = |days: i64| {
        let (y, m, d) = values::calendar::civil_from_days(days);
        (0..=9999)
            .contains(&y)
            .then_some((y as u32, u32::from(m), u32::from(d)))
    };
    if let Some(n) = p.day_of_year {
        let first = days_from_civil(p.year.into(), 1, 1);
        (year, month, day) = from_days(first + i64::from(n) - 1)?;
    }
    if let (Some((week, sunday, strict)), Some(weekday)) = (p.week, p.weekday) {
        // %V and %v need the year that belongs to the week, %U and %u the calendar's.
        let week_year = if strict { p.week_year? } else { p.year };
        let first = days_from_civil(week_year.into(), 1, 1);
        let start = (first + if sunday { 4 } else { 3 }).rem_euclid(7);
        let mut days = first;
        if sunday {
            days += (if start == 0 { 0 } else { 7 - start })
                + (i64::from(week) - 1) * 7
                + i64::from(weekday % 7);
        } else {
            days += (if start <= 3 { 0 } else { 7 } - start)
                + (i64::from(week) - 1) * 7
                + i64::from(weekday)
                - 1;
        }
        (year, month, day) = from_days(days)?;
    }
    if month > 12 || day > 31 || year > 9999 {
        return None;
    }
    Some(DateTime {
        date: Date {
            year: year as u16,
            month: month as u8,
            day: day as u8,
        },
        hour: hour as u8,
        minute: p.minute as u8,
        second: p.second as u8,
        micro: p.micro,
    })
}

fn str_to_date(call: &Call<'_>, a: &[Value<'_>]) -> Outcome {
    let (text, format) = (to_text(&a[0]), to_text(&a[1]));
    let mut s = Scanner { text: &text };
    let mut parts = Parts::default();
    let wrong = |kind: &str| {
        let shown = String::from_utf8_lossy(&text).into_owned();
        call.cx.warn(
            1411,
            format!("Incorrect {kind} value: '{shown}' for function str_to_date"),
        );
        Ok(Value::Null)
    };
    if scan(&mut s, &format, &mut parts).is_none() {
        return wrong("datetime");
    }
    let Some(d) = moment(&parts) else {
        return wrong("datetime");
    };
    if !s.text.trim_ascii().is_empty() {
        let shown = String::from_utf8_lossy(&text).into_owned();
        call.cx.warn(
            1292,
            format!("Truncated incorrect datetime value: '{shown}'"),
        );
    }
    if let SqlType::Time(_) = call.types.result {
        return Ok(Value::Time(Time(d.micros_of_day())));
    }
    let rules = call.cx.conversion.modes.dates;
    let partial = d.date.month == 0 || d.date.day == 0;
    if partial && (rules.no_zero_in_date || rules.no_zero_date && d.date.is_zero())
        || !partial && d.date.day > days_in_month(d.date.year, d.date.month) && !rules.allow_invalid
    {
        return wrong("datetime");
    }
    Ok(match call.types.result {
        SqlType::Date => Value::Date(d.date),
        SqlType::DateTime(_) => Value::DateTime(d),
        _ => bytes(d.to_string()),
    })
}
