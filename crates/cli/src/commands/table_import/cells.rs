//! Cells of a file as the columns of a table take them.

use engine::write::RowBatch;
use values::{SqlType, Value};

/// The part of a text before its first byte that is none in UTF-8.
fn valid_part(text: &[u8]) -> &[u8] {
    match std::str::from_utf8(text) {
        Ok(_) => text,
        Err(e) => &text[..e.valid_up_to()],
    }
}

/// Why a text cannot be stored, in MySQL's words.
fn incorrect_string(text: &[u8], column: &str, line: usize) -> String {
    const SHOWN: usize = 6;
    let rest = &text[valid_part(text).len()..];
    let shown: String = rest
        .iter()
        .take(SHOWN)
        .map(|b| match b {
            b' '..=b'~' => char::from(*b).to_string(),
            _ => format!("\\x{b:02X}"),
        })
        .collect();
    let more = if rest.len() > SHOWN { "..." } else { "" };
    format!("Incorrect string value: '{shown}{more}' for column '{column}' at row {line}")
}

/// What is wrong with a cell of a column, if anything is.
pub fn unfit(cell: Option<&[u8]>, column: &str, ty: &SqlType, line: usize) -> Option<String> {
    let text = cell?;
    match ty {
        SqlType::Bit(_) => {
            let is_cut = text.starts_with(b"b'") && !(text.len() > 2 && text.ends_with(b"'"));
            is_cut.then(|| format!("Unparsable bit value {}", String::from_utf8_lossy(text)))
        }
        _ if holds_characters(ty) && valid_part(text).len() < text.len() => {
            Some(incorrect_string(text, column, line))
        }
        _ => None,
    }
}

/// Adds a cell as the column takes it.
pub fn push_cell(cell: Option<&[u8]>, ty: &SqlType, out: &mut RowBatch) {
    let Some(text) = cell else {
        return out.push_value(Value::Null);
    };
    match ty {
        SqlType::Int { .. } | SqlType::Bit(_) if text.eq_ignore_ascii_case(b"true") => {
            out.push_value(Value::Int(1));
        }
        SqlType::Int { .. } | SqlType::Bit(_) if text.eq_ignore_ascii_case(b"false") => {
            out.push_value(Value::Int(0));
        }
        SqlType::Bit(_) => {
            let shown = String::from_utf8_lossy(text);
            let digits = shown.trim_start_matches("b'").trim_end_matches('\'');
            let parsed = match (shown.starts_with("b'"), shown.strip_prefix("0x")) {
                (true, _) => u64::from_str_radix(digits, 2).ok(),
                (_, Some(hex)) => u64::from_str_radix(hex, 16).ok(),
                _ => shown.parse().ok(),
            };
            match parsed {
                Some(bits) => out.push_value(Value::UInt(bits)),
                None => out.push_text(text),
            }
        }
        t if text.is_empty() && !is_text(t) => out.push_value(Value::Null),
        t if holds_characters(t) => out.push_text(valid_part(text)),
        _ => out.push_text(text),
    }
}

fn holds_characters(ty: &SqlType) -> bool {
    matches!(
        ty,
        SqlType::Char(..)
            | SqlType::VarChar(..)
            | SqlType::Text(..)
            | SqlType::Enum(..)
            | SqlType::Set(..)
            | SqlType::Json
    )
}

fn is_text(ty: &SqlType) -> bool {
    matches!(
        ty,
        SqlType::Char(..)
            | SqlType::VarChar(..)
            | SqlType::Text(..)
            | SqlType::Binary(_)
            | SqlType::VarBinary(_)
            | SqlType::Blob(_)
            | SqlType::Enum(..)
            | SqlType::Set(..)
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use values::CollationId;

    #[test]
    fn what_is_no_character_is_refused_where_characters_are() {
        let text = SqlType::VarChar(9, CollationId::DEFAULT);
        let bad = b"2.5\x85 NVMe and more";
        assert_eq!(
            unfit(Some(bad), "c", &text, 3).as_deref(),
            Some("Incorrect string value: '\\x85 NVMe...' for column 'c' at row 3")
        );
        assert_eq!(valid_part(bad), b"2.5");
        assert_eq!(unfit(Some(bad), "c", &SqlType::VarBinary(9), 3), None);
        assert_eq!(unfit(None, "c", &text, 3), None);
        let bits = SqlType::Bit(4);
        assert_eq!(unfit(Some(b"b'10'"), "c", &bits, 1), None);
        assert!(unfit(Some(b"b'10"), "c", &bits, 1).is_some());
    }
}
