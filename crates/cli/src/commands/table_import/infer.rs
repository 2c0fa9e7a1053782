//! The type of a column from its texts (spec 06 §10.2).

/// Texts longer than this need TEXT.
const LONGEST_VARCHAR: usize = 16383;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Float,
    Double,
    Int,
    BigInt,
    Uuid,
    Date,
    DateTime,
    Time,
    Bool,
    Json,
    Text,
    VarChar,
}

fn is_uuid(text: &str) -> bool {
    text.len() == 36
        && text.char_indices().all(|(i, c)| match i {
            8 | 13 | 18 | 23 => c == '-',
            _ => c.is_ascii_hexdigit(),
        })
}

fn temporal(text: &str) -> Option<Kind> {
    let first = text.as_bytes().first()?;
    if !first.is_ascii_digit() {
        return None;
    }
    if text.contains('-') || text.contains('/') {
        let parsed = values::temporal::parse_datetime(text.as_bytes(), Default::default()).ok()?;
        if parsed.truncated {
            return None;
        }
        let midnight = parsed.value.to_unix_micros().rem_euclid(86_400_000_000) == 0;
        return Some(if midnight { Kind::Date } else { Kind::DateTime });
    }
    let parts: Vec<&str> = text.split(':').collect();
    let whole = |t: &str| !t.is_empty() && t.bytes().all(|b| b.is_ascii_digit());
    match parts.as_slice() {
        [h, m, s] => {
            let (s, f) = s.split_once('.').unwrap_or((s, "0"));
            (whole(h) && whole(m) && whole(s) && whole(f)).then_some(Kind::Time)
        }
        _ => None,
    }
}

/// The kind of a number with a point. One whose fraction is less than `threshold` is whole.
fn fractional(text: &str, threshold: f64) -> Option<Kind> {
    let number = text.parse::<f64>().ok()?;
    let is_single = number.abs() < f64::from(f32::MAX);
    let fraction = text.split_once('.').map_or("", |(_, f)| f);
    let is_whole = format!("0.{fraction}")
        .parse::<f64>()
        .is_ok_and(|f| f < threshold);
    Some(match (is_whole, is_single) {
        (false, true) => Kind::Float,
        (false, false) => Kind::Double,
        (true, true) => Kind::Int,
        (true, false) => Kind::BigInt,
    })
}

fn kind(text: &str, threshold: f64) -> Option<Kind> {
    let text = text.trim();
    if text.is_empty() {
        return None;
    }
    if text.contains('.')
        && let Some(kind) = fractional(text, threshold)
    {
        return Some(kind);
    }
    let digits = text.trim_start_matches(['-', '+']);
    if !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit()) {
        if text.len() > 1 && text.starts_with('0') {
            return Some(Kind::VarChar);
        }
        return Some(match text.parse::<i64>() {
            Ok(n) if i32::try_from(n).is_ok() => Kind::Int,
            Ok(_) => Kind::BigInt,
            Err(_) => Kind::VarChar,
        });
    }
    if is_uuid(text) {
        return Some(Kind::Uuid);
    }
    if let Some(k) = temporal(text) {
        return Some(k);
    }
    if text.eq_ignore_ascii_case("true") || text.eq_ignore_ascii_case("false") {
        return Some(Kind::Bool);
    }
    if text.contains(['{', '[']) && serde_json::from_str::<serde_json::Value>(text).is_ok() {
        return Some(Kind::Json);
    }
    Some(if text.len() > LONGEST_VARCHAR {
        Kind::Text
    } else {
        Kind::VarChar
    })
}

/// What the texts of a column are so far.
#[derive(Clone, Debug, Default)]
pub struct ColumnTexts {
    seen: Vec<Kind>,
    /// Fractions below this make no float.
    threshold: f64,
}

impl ColumnTexts {
    /// A column in which fractions below `threshold` make no float.
    pub fn with_float_threshold(threshold: f64) -> ColumnTexts {
        ColumnTexts {
            seen: Vec::new(),
            threshold,
        }
    }

    /// Looks at a text; an empty one says nothing.
    pub fn add(&mut self, text: &str) {
        if let Some(k) = kind(text, self.threshold)
            && !self.seen.contains(&k)
        {
            self.seen.push(k);
        }
    }

    /// The type that all texts fit in.
    pub fn type_name(&self) -> String {
        type_of(&self.seen)
    }
}

fn type_of(seen: &[Kind]) -> String {
    let has = |k: Kind| seen.contains(&k);
    let all = |list: &[Kind]| seen.iter().all(|k| list.contains(k));
    let name = if seen.is_empty() {
        "varchar(200)"
    } else if has(Kind::Text) {
        "text"
    } else if all(&[Kind::Float, Kind::Double, Kind::Int, Kind::BigInt]) {
        [
            (Kind::Double, "double"),
            (Kind::Float, "float"),
            (Kind::BigInt, "bigint"),
            (Kind::Int, "int"),
        ]
        .iter()
        .find(|(k, _)| has(*k))
        .map_or("varchar(200)", |(_, n)| n)
    } else if all(&[Kind::Date, Kind::DateTime, Kind::Time]) {
        match seen {
            [Kind::Date] => "date",
            [Kind::Time] => "time",
            _ => "datetime",
        }
    } else {
        match seen {
            [Kind::Uuid] => "char(36) CHARACTER SET ascii COLLATE ascii_bin",
            [Kind::Bool] => "tinyint(1)",
            [Kind::Json] => "json",
            _ => "varchar(200)",
        }
    };
    name.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_of_columns() {
        let of = |list: &[&str]| {
            let mut texts = ColumnTexts::default();
            list.iter().for_each(|t| texts.add(t));
            texts.type_name()
        };
        assert_eq!(of(&["1", "-2", ""]), "int");
        assert_eq!(of(&["1", "3000000000"]), "bigint");
        assert_eq!(of(&["1", "1.5"]), "float");
        assert_eq!(of(&["007"]), "varchar(200)");
        assert_eq!(of(&["true", "FALSE"]), "tinyint(1)");
        assert_eq!(of(&["2020-01-01"]), "date");
        assert_eq!(of(&["2020-01-01", "2020-01-01 10:00:00"]), "datetime");
        assert_eq!(of(&["{\"a\": 1}"]), "json");
        assert_eq!(of(&["a", "1"]), "varchar(200)");
        assert_eq!(of(&[]), "varchar(200)");
    }

    #[test]
    fn small_fractions_are_no_floats_if_asked_for() {
        let of = |threshold, text| {
            let mut texts = ColumnTexts::with_float_threshold(threshold);
            texts.add(text);
            texts.type_name()
        };
        assert_eq!(of(0.0, "1.0"), "float");
        assert_eq!(of(0.001, "1.0009"), "int");
        assert_eq!(of(0.001, "1.001"), "float");
        assert_eq!(of(0.5, "1e300.0"), "varchar(200)");
    }
}
