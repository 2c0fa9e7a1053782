//! Values of SQL in Parquet files, as Dolt puts them there: all whole numbers have eight bytes,
//! dates and times are microseconds since 1970, a TIME is nanoseconds without a mark of its kind.

use parquet::{Cell, Column, Kind, NewColumn, Physical, Unit};
use values::SqlType;
use values::temporal::{DateTime, Time, parse_datetime, parse_time};

const MICROS_OF_DAY: i64 = 86_400_000_000;

/// The Julian day of the first of January 1970.
const JULIAN_1970: i64 = 2_440_588;

/// How a column is stored.
pub fn new_column(name: &str, ty: &SqlType, optional: bool) -> NewColumn {
    let (physical, kind) = match ty {
        SqlType::Int { unsigned: true, .. } | SqlType::Bit(_) => (Physical::Int64, Kind::Unsigned),
        SqlType::Int { .. } => (Physical::Int64, Kind::Signed),
        SqlType::Year => (Physical::Int32, Kind::Signed),
        SqlType::Float | SqlType::Double => (Physical::Double, Kind::Plain),
        SqlType::Date | SqlType::DateTime(_) | SqlType::Timestamp(_) => {
            (Physical::Int64, Kind::Timestamp(Unit::Micros))
        }
        SqlType::Time(_) => (Physical::Int64, Kind::Plain),
        SqlType::Decimal { precision, scale } => (
            Physical::Bytes,
            Kind::Decimal {
                precision: u32::from(*precision),
                scale: u32::from(*scale),
            },
        ),
        SqlType::Binary(_) | SqlType::VarBinary(_) | SqlType::Blob(_) => {
            (Physical::Bytes, Kind::Plain)
        }
        _ => (Physical::Bytes, Kind::Text),
    };
    NewColumn {
        name: name.to_string(),
        physical,
        kind,
        optional,
    }
}

/// A value, from the text that the command line shows of it; none if it cannot be stored so.
pub fn cell(text: &[u8], ty: &SqlType) -> Option<Cell> {
    let number = || std::str::from_utf8(text).ok();
    Some(match ty {
        SqlType::Int { .. } | SqlType::Bit(_) | SqlType::Year => match number()? {
            "true" => Cell::Int(1),
            "false" => Cell::Int(0),
            n => match n.parse::<i64>() {
                Ok(n) => Cell::Int(n),
                Err(_) => Cell::Int(n.parse::<u64>().ok()? as i64),
            },
        },
        SqlType::Float | SqlType::Double => Cell::Double(number()?.parse().ok()?),
        SqlType::Date | SqlType::DateTime(_) | SqlType::Timestamp(_) => {
            let parsed = parse_datetime(text, Default::default()).ok()?;
            match parsed.value.is_zero() {
                // No moment of time is the zero date.
                true => Cell::Null,
                false => Cell::Int(parsed.value.to_unix_micros()),
            }
        }
        SqlType::Time(_) => Cell::Int(parse_time(text).ok()?.value.0 * 1000),
        SqlType::Decimal { scale, .. } => Cell::Bytes(unscaled(number()?, usize::from(*scale))),
        _ => Cell::Bytes(text.to_vec()),
    })
}

/// The digits of a decimal without its point, as a number in two's complement, the highest byte
/// first.
fn unscaled(text: &str, scale: usize) -> Vec<u8> {
    let (negative, digits) = match text.strip_prefix('-') {
        Some(digits) => (true, digits),
        None => (false, text),
    };
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let zeros = std::iter::repeat_n(b'0', scale.saturating_sub(fraction.len()));
    let mut bytes = vec![0u8];
    for digit in whole.bytes().chain(fraction.bytes()).chain(zeros) {
        let mut carry = u32::from(digit.wrapping_sub(b'0') % 10);
        for byte in bytes.iter_mut().rev() {
            let next = u32::from(*byte) * 10 + carry;
            *byte = next as u8;
            carry = next >> 8;
        }
        if carry > 0 {
            bytes.insert(0, carry as u8);
        }
    }
    if bytes[0] & 0x80 != 0 {
        bytes.insert(0, 0);
    }
    if negative {
        negate(&mut bytes);
    }
    bytes
}

fn negate(bytes: &mut [u8]) {
    let mut carry = true;
    for byte in bytes.iter_mut().rev() {
        let (next, over) = (!*byte).overflowing_add(u8::from(carry));
        *byte = next;
        carry = over;
    }
}

/// A number in two's complement as a decimal with so many digits behind the point.
fn scaled(bytes: &[u8], scale: u32) -> String {
    let mut rest = bytes.to_vec();
    let negative = rest.first().is_some_and(|b| b & 0x80 != 0);
    if negative {
        negate(&mut rest);
    }
    let mut digits = Vec::new();
    while rest.iter().any(|b| *b != 0) {
        let mut left = 0u32;
        for byte in &mut rest {
            let next = left << 8 | u32::from(*byte);
            *byte = (next / 10) as u8;
            left = next % 10;
        }
        digits.push(b'0' + left as u8);
    }
    with_point(digits, scale, negative)
}

/// Digits, the last one first, with a point.
fn with_point(mut digits: Vec<u8>, scale: u32, negative: bool) -> String {
    let scale = scale as usize;
    while digits.len() <= scale {
        digits.push(b'0');
    }
    if scale > 0 {
        digits.insert(scale, b'.');
    }
    if negative {
        digits.push(b'-');
    }
    digits.iter().rev().map(|b| char::from(*b)).collect()
}

fn micros(n: i64, unit: Unit) -> Option<i64> {
    match unit {
        Unit::Millis => n.checked_mul(1000),
        Unit::Micros => Some(n),
        Unit::Nanos => Some(n.div_euclid(1000)),
    }
}

fn moment(micros: Option<i64>) -> Option<Vec<u8>> {
    let mut out = Vec::new();
    DateTime::from_unix_micros(micros?)?.write_text(6, &mut out);
    Some(out)
}

fn time(micros: Option<i64>) -> Option<Vec<u8>> {
    let mut out = Vec::new();
    Time(micros?).write_text(6, &mut out);
    Some(out)
}

/// The text of a value as an import reads it, or none for NULL. What stands for a time in a column
/// of plain numbers is known from the column of the table: `is_time`.
pub fn text(cell: &Cell, column: &Column, is_time: bool) -> Option<Vec<u8>> {
    match (cell, column.kind) {
        (Cell::Null, _) => None,
        (Cell::List(list), _) => {
            let items = list.iter().map(|item| json(item, column));
            let array = serde_json::Value::Array(items.collect());
            Some(array.to_string().into_bytes())
        }
        (Cell::Bool(b), _) => Some(vec![b'0' + u8::from(*b)]),
        (Cell::Int(days), Kind::Date) => moment(days.checked_mul(MICROS_OF_DAY)),
        (Cell::Int(n), Kind::Timestamp(unit)) => moment(micros(*n, unit)),
        (Cell::Int(n), Kind::Time(unit)) => time(micros(*n, unit)),
        (Cell::Int(n), Kind::Plain) if is_time => time(Some(n / 1000)),
        (Cell::Int(n), Kind::Decimal { scale, .. }) => {
            Some(scaled(&n.to_be_bytes(), scale).into_bytes())
        }
        (Cell::Int(n), Kind::Unsigned) if column.physical == Physical::Int64 => {
            Some((*n as u64).to_string().into_bytes())
        }
        (Cell::Int(n), Kind::Unsigned) => Some((*n as u32).to_string().into_bytes()),
        (Cell::Int(n), _) => Some(n.to_string().into_bytes()),
        (Cell::Float(v), _) => Some(v.to_string().into_bytes()),
        (Cell::Double(v), _) => Some(v.to_string().into_bytes()),
        (Cell::Bytes(b), Kind::Decimal { scale, .. }) => Some(scaled(b, scale).into_bytes()),
        (Cell::Bytes(b), Kind::Uuid) if b.len() == 16 => Some(uuid(b)),
        (Cell::Bytes(b), _) if column.physical == Physical::Int96 => {
            let (nanos, day) = b.split_first_chunk::<8>()?;
            let day = i64::from(u32::from_le_bytes(day.try_into().ok()?));
            let of_day = i64::from_le_bytes(*nanos) / 1000;
            let midnight = (day - JULIAN_1970).checked_mul(MICROS_OF_DAY);
            moment(midnight.and_then(|m| m.checked_add(of_day)))
        }
        (Cell::Bytes(b), _) => Some(b.clone()),
    }
}

fn uuid(bytes: &[u8]) -> Vec<u8> {
    let mut out = String::new();
    for (i, byte) in bytes.iter().enumerate() {
        if matches!(i, 4 | 6 | 8 | 10) {
            out.push('-');
        }
        out += &format!("{byte:02x}");
    }
    out.into_bytes()
}

/// An item of a list.
fn json(item: &Cell, column: &Column) -> serde_json::Value {
    let as_text = || match text(item, column, false) {
        Some(text) => String::from_utf8_lossy(&text).into_owned().into(),
        None => serde_json::Value::Null,
    };
    match (item, column.kind) {
        (Cell::Bool(b), _) => (*b).into(),
        (Cell::Int(n), Kind::Plain | Kind::Signed) => (*n).into(),
        (Cell::Int(n), Kind::Unsigned) => (*n as u64).into(),
        (Cell::Float(v), _) => f64::from(*v).into(),
        (Cell::Double(v), _) => (*v).into(),
        _ => as_text(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decimals_are_whole_numbers_of_bytes() {
        for (text, scale, bytes) in [
            ("0.00", 2, vec![0]),
            ("1.27", 2, vec![127]),
            ("1.28", 2, vec![0, 128]),
            ("-1.28", 2, vec![255, 128]),
            ("123456789", 0, vec![7, 91, 205, 21]),
            ("-0.00001", 5, vec![255]),
        ] {
            assert_eq!(unscaled(text, scale), bytes, "{text}");
            assert_eq!(scaled(&bytes, scale as u32), text);
        }
        let long = "12345678901234567890123456789012345.678901234567890123456789012345";
        assert_eq!(scaled(&unscaled(long, 30), 30), long);
        assert_eq!(unscaled("1.5", 3), [5, 220]);
    }

    #[test]
    fn times_are_counted_from_1970() {
        let at = |text: &str, ty| cell(text.as_bytes(), &ty);
        assert_eq!(
            at("2020-04-08", SqlType::Date),
            Some(Cell::Int(1_586_304_000_000_000))
        );
        assert_eq!(
            at("-11:11:11", SqlType::Time(6)),
            Some(Cell::Int(-40_271_000_000_000))
        );
        assert_eq!(
            at("18446744073709551615", SqlType::Bit(64)),
            Some(Cell::Int(-1))
        );
        assert_eq!(at("0000-00-00", SqlType::Date), Some(Cell::Null));
        assert_eq!(at("x", SqlType::Double), None);
    }
}
