//! The text of expressions as schemas store it (spec 03 §8): an engine's re-rendering of what the
//! user wrote, with columns unqualified and in backticks. It enters the schema's hash, so it is a
//! format of its own, apart from the printer of the syntax tree.

use syntax::ast::{BinaryOp, Expr, IsWhat, Literal, TrimSide, UnaryOp};

use values::{SqlType, Value};

use crate::error::{Error, Result};

/// Reads a text that a schema stores. Whatever the session's sql_mode says does not change what
/// it means.
pub fn parse(text: &str) -> Result<Expr> {
    let options = syntax::Options {
        empty_hex: true,
        ..syntax::Options::default()
    };
    syntax::parse_expr(text.as_bytes(), &options).map_err(crate::statement::syntax_error)
}

/// Text of a DEFAULT.
pub fn default_text(e: &Expr, parenthesized: bool) -> Result<String> {
    if let Expr::Function(f) = e
        && is_now(&f.name)
    {
        return Ok(now_text(f.args.first()));
    }
    let literal = match e {
        Expr::Literal(_) => true,
        Expr::Unary {
            op: UnaryOp::Minus | UnaryOp::Plus,
            expr,
        } => matches!(**expr, Expr::Literal(_)),
        _ => false,
    };
    if !parenthesized {
        match e {
            Expr::Literal(Literal::Bool(b)) => return Ok((*b as u8).to_string()),
            Expr::Literal(Literal::Bit {
                bytes,
                charset: None,
            }) if bytes.len() <= 8 => {
                let n = bytes.iter().fold(0u64, |n, b| n << 8 | u64::from(*b));
                return Ok(n.to_string());
            }
            _ => {}
        }
    }
    let mut out = String::new();
    write(e, &mut out)?;
    Ok(if literal && !parenthesized {
        out
    } else {
        format!("({out})")
    })
}

/// Text of a literal default as the value that its column makes of it; none for types whose
/// literals are kept as written.
pub fn value_text(v: &Value<'_>, ty: &SqlType) -> Option<String> {
    match (v, ty) {
        (_, SqlType::Enum(..) | SqlType::Set(..) | SqlType::Json | SqlType::Geometry(..)) => None,
        (Value::Int(n), _) => Some(n.to_string()),
        (Value::UInt(n), _) => Some(n.to_string()),
        (Value::Float(f), SqlType::Float) => Some(float_text(&format!("{:e}", *f as f32))),
        (Value::Float(f), _) => Some(float_text(&format!("{f:e}"))),
        (Value::Decimal(d), _) => Some(d.to_string()),
        (Value::Bytes(b), t) if t.is_text() => {
            let mut out = String::new();
            quoted(b, &mut out);
            Some(out)
        }
        (Value::Bytes(b), SqlType::Binary(_) | SqlType::VarBinary(_)) => {
            let digits: String = b.iter().map(|x| format!("{x:02X}")).collect();
            Some(format!("0x{digits}"))
        }
        _ => None,
    }
}

/// Shortest digits with an exponent from six digits before the point on, or when there are four
/// zeros behind it.
fn float_text(scientific: &str) -> String {
    let (digits, exponent) = scientific.split_once('e').unwrap_or((scientific, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    if digits.trim_start_matches('-') == "0" {
        return "0".to_string();
    }
    if (-4..6).contains(&exponent) {
        return plain_text(digits, exponent);
    }
    let sign = if exponent < 0 { '-' } else { '+' };
    format!("{digits}e{sign}{:02}", exponent.abs())
}

/// Digits with the point moved by the exponent.
fn plain_text(digits: &str, exponent: i32) -> String {
    let (sign, digits) = match digits.strip_prefix('-') {
        Some(rest) => ("-", rest),
        None => ("", digits),
    };
    let all = digits.replace('.', "");
    let point = 1 + exponent;
    if point <= 0 {
        return format!("{sign}0.{}{all}", "0".repeat(-point as usize));
    }
    let point = point as usize;
    match point >= all.len() {
        true => format!("{sign}{all}{}", "0".repeat(point - all.len())),
        false => format!("{sign}{}.{}", &all[..point], &all[point..]),
    }
}

/// Text of ON UPDATE.
pub fn on_update_text(e: &Expr) -> Result<String> {
    match e {
        Expr::Function(f) if is_now(&f.name) => Ok(now_text(f.args.first())),
        _ => Err(Error::new(
            1294,
            "HY000",
            "Invalid ON UPDATE clause for column",
        )),
    }
}

/// Text of a generated column.
pub fn generated_text(e: &Expr) -> Result<String> {
    let mut out = String::from("(");
    write(e, &mut out)?;
    out.push(')');
    Ok(out)
}

/// Text of a check.
pub fn check_text(e: &Expr) -> Result<String> {
    let mut out = String::new();
    write(e, &mut out)?;
    Ok(out)
}

/// CURRENT_TIMESTAMP and its other names.
pub(super) fn is_now(name: &str) -> bool {
    ["now", "current_timestamp", "localtime", "localtimestamp"]
        .iter()
        .any(|n| n.eq_ignore_ascii_case(name))
}

fn now_text(precision: Option<&Expr>) -> String {
    match precision {
        Some(Expr::Literal(Literal::Int(n))) if *n > 0 => format!("CURRENT_TIMESTAMP({n})"),
        _ => "CURRENT_TIMESTAMP".to_string(),
    }
}

fn quoted(bytes: &[u8], out: &mut String) {
    out.push('\'');
    for c in String::from_utf8_lossy(bytes).chars() {
        match c {
            '\'' => out.push_str("''"),
            '\\' => out.push_str("\\\\"),
            c => out.push(c),
        }
    }
    out.push('\'');
}

fn list(items: &[Expr], separator: &str, out: &mut String) -> Result<()> {
    for (i, e) in items.iter().enumerate() {
        if i > 0 {
            out.push_str(separator);
        }
        write(e, out)?;
    }
    Ok(())
}

fn binary(op: BinaryOp) -> Option<&'static str> {
    Some(match op {
        BinaryOp::Xor => "XOR",
        BinaryOp::Eq => "=",
        BinaryOp::NullSafeEq => "<=>",
        BinaryOp::Lt => "<",
        BinaryOp::Le => "<=",
        BinaryOp::Gt => ">",
        BinaryOp::Ge => ">=",
        BinaryOp::BitOr => "|",
        BinaryOp::BitAnd => "&",
        BinaryOp::ShiftLeft => "<<",
        BinaryOp::ShiftRight => ">>",
        BinaryOp::Add => "+",
        BinaryOp::Sub => "-",
        BinaryOp::Mul => "*",
        BinaryOp::Div => "/",
        BinaryOp::IntDiv => "div",
        BinaryOp::Mod => "%",
        BinaryOp::BitXor => "^",
        _ => return None,
    })
}

fn write(e: &Expr, out: &mut String) -> Result<()> {
    let negate = |inner: String, out: &mut String| {
        out.push_str("(NOT(");
        out.push_str(&inner);
        out.push_str("))");
    };
    let text = |e: &Expr| -> Result<String> {
        let mut s = String::new();
        write(e, &mut s)?;
        Ok(s)
    };
    match e {
        Expr::Literal(l) => literal(l, out),
        Expr::Column(c) => {
            out.push('`');
            out.push_str(&c.name.replace('`', "``"));
            out.push('`');
        }
        Expr::Unary { op, expr } => match op {
            UnaryOp::Not | UnaryOp::Bang => negate(text(expr)?, out),
            UnaryOp::Minus => {
                out.push('-');
                write(expr, out)?;
            }
            UnaryOp::Plus => write(expr, out)?,
            UnaryOp::BitNot => {
                out.push('~');
                write(expr, out)?;
            }
            UnaryOp::Binary => {
                out.push_str("BINARY ");
                write(expr, out)?;
            }
        },
        Expr::Binary {
            op: BinaryOp::Ne,
            left,
            right,
        } => {
            negate(format!("({} = {})", text(left)?, text(right)?), out);
        }
        Expr::Binary {
            op: BinaryOp::JsonExtract,
            left,
            right,
        } => {
            out.push_str(&format!("json_extract({}, {})", text(left)?, text(right)?));
        }
        Expr::Binary {
            op: BinaryOp::JsonUnquote,
            left,
            right,
        } => {
            out.push_str(&format!(
                "json_unquote(json_extract({}, {}))",
                text(left)?,
                text(right)?
            ));
        }
        Expr::Binary {
            op: BinaryOp::Concat,
            left,
            right,
        } => {
            out.push_str(&format!("concat({},{})", text(left)?, text(right)?));
        }
        Expr::Binary { op, left, right } => {
            let symbol =
                binary(*op).ok_or_else(|| Error::not_supported("operator in a definition"))?;
            out.push('(');
            write(left, out)?;
            out.push(' ');
            out.push_str(symbol);
            out.push(' ');
            write(right, out)?;
            out.push(')');
        }
        Expr::And(items) | Expr::Or(items) => {
            let word = if matches!(e, Expr::And(_)) {
                " AND "
            } else {
                " OR "
            };
            let mut acc = text(&items[0])?;
            for item in &items[1..] {
                acc = format!("({acc}{word}{})", text(item)?);
            }
            out.push_str(&acc);
        }
        Expr::Between {
            expr,
            negated,
            low,
            high,
        } => {
            let inner = format!(
                "({} BETWEEN {} AND {})",
                text(expr)?,
                text(low)?,
                text(high)?
            );
            if *negated {
                negate(inner, out)
            } else {
                out.push_str(&inner)
            }
        }
        Expr::InList {
            expr,
            negated,
            list: items,
        } => {
            let mut inner = format!(
                "({} {} (",
                text(expr)?,
                if *negated { "NOT IN" } else { "IN" }
            );
            list(items, ", ", &mut inner)?;
            inner.push_str("))");
            out.push_str(&inner);
        }
        Expr::Is {
            expr,
            negated,
            what,
        } => {
            let word = match what {
                IsWhat::Null | IsWhat::Unknown => "NULL",
                IsWhat::True => "TRUE",
                IsWhat::False => "FALSE",
            };
            let inner = format!("{} IS {word}", text(expr)?);
            if *negated {
                negate(inner, out)
            } else {
                out.push_str(&inner)
            }
        }
        Expr::Like {
            expr,
            negated,
            pattern,
            ..
        } => {
            let inner = format!("{} LIKE {}", text(expr)?, text(pattern)?);
            if *negated {
                negate(inner, out)
            } else {
                out.push_str(&inner)
            }
        }
        Expr::Regexp {
            expr,
            negated,
            pattern,
        } => {
            let inner = format!("{} REGEXP {}", text(expr)?, text(pattern)?);
            if *negated {
                negate(inner, out)
            } else {
                out.push_str(&inner)
            }
        }
        Expr::Case {
            operand,
            branches,
            otherwise,
        } => {
            out.push_str("CASE ");
            if let Some(o) = operand {
                out.push_str(&format!("{} ", text(o)?));
            }
            for (when, then) in branches {
                out.push_str(&format!("WHEN {} THEN {} ", text(when)?, text(then)?));
            }
            if let Some(o) = otherwise {
                out.push_str(&format!("ELSE {} ", text(o)?));
            }
            out.push_str("END");
        }
        Expr::Function(f) => {
            let name = f.name.to_ascii_lowercase();
            if is_now(&name) {
                out.push_str("NOW(");
                list(&f.args, ",", out)?;
                out.push(')');
                return Ok(());
            }
            if name == "utc_timestamp" && f.args.is_empty() {
                out.push_str("UTC_TIMESTAMP(0)");
                return Ok(());
            }
            let (shown, separator) = super::function_text::style(&name);
            out.push_str(shown);
            out.push('(');
            list(&f.args, separator, out)?;
            // Without a second argument ROUND has its default written.
            out.push_str(if name == "round" && f.args.len() == 1 {
                ",0)"
            } else {
                ")"
            });
        }
        Expr::Cast { expr, to, .. } => {
            let mut ty = Vec::new();
            syntax::ToSql::write_sql(&**to, &mut ty);
            out.push_str(&format!(
                "convert({}, {})",
                text(expr)?,
                String::from_utf8_lossy(&ty).to_lowercase()
            ));
        }
        Expr::Trim { side, what, from } => {
            let side = match side {
                TrimSide::Leading => "leading",
                TrimSide::Trailing => "trailing",
                TrimSide::Both | TrimSide::Unspecified => "both",
            };
            let what = what.as_deref().map_or(Ok("' '".to_string()), text)?;
            out.push_str(&format!("trim({side} {what} from {})", text(from)?));
        }
        Expr::Row(items) => {
            out.push('(');
            list(items, ", ", out)?;
            out.push(')');
        }
        Expr::Interval { value, unit } => {
            out.push_str(&format!("INTERVAL {} {}", text(value)?, unit.as_str()));
        }
        Expr::Collate { expr, collation } => {
            out.push_str(&format!("{} COLLATE {collation}", text(expr)?));
        }
        other => out.push_str(&syntax::ToSql::to_sql(other)),
    }
    Ok(())
}

fn literal(l: &Literal, out: &mut String) {
    match l {
        Literal::Null => out.push_str("NULL"),
        Literal::Bool(b) => out.push_str(if *b { "true" } else { "false" }),
        Literal::Int(n) => out.push_str(&n.to_string()),
        Literal::Decimal(text) => {
            let trimmed = text.strip_prefix('+').unwrap_or(text);
            if trimmed.starts_with('.') {
                out.push('0');
            }
            out.push_str(trimmed.strip_suffix('.').unwrap_or(trimmed));
        }
        Literal::Float(text) => match text.parse::<f64>() {
            Ok(v) => out.push_str(&format!("{v}")),
            Err(_) => out.push_str(text),
        },
        Literal::String { bytes, .. } => quoted(bytes, out),
        Literal::Hex { bytes, .. } | Literal::Bit { bytes, .. } => {
            out.push_str("0x");
            for b in bytes.iter() {
                out.push_str(&format!("{b:02X}"));
            }
        }
        Literal::Temporal { text, .. } => quoted(text.as_bytes(), out),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use values::{CollationId, Decimal};

    #[test]
    fn literals_are_stored_as_the_column_has_them() {
        let check = |v: Value<'_>, ty: SqlType, text: &str| {
            assert_eq!(value_text(&v, &ty).as_deref(), Some(text));
        };
        check(Value::Float(1.0), SqlType::Float, "1");
        check(Value::Float(16777216.0), SqlType::Float, "1.6777216e+07");
        check(
            Value::Float(f64::from(1.2345679f32)),
            SqlType::Float,
            "1.2345679",
        );
        check(Value::Float(123456.0), SqlType::Double, "123456");
        check(Value::Float(1e20), SqlType::Double, "1e+20");
        check(Value::Float(1e300), SqlType::Double, "1e+300");
        check(Value::Float(0.001), SqlType::Double, "0.001");
        check(Value::Float(-1.5e-7), SqlType::Double, "-1.5e-07");
        check(Value::Float(-0.0), SqlType::Double, "0");
        check(Value::Int(-6), SqlType::Year, "-6");
        let decimal: Decimal = Decimal::parse("3.00").expect("a decimal");
        let ty = SqlType::Decimal {
            precision: 5,
            scale: 2,
        };
        check(Value::Decimal(decimal), ty, "3.00");
        let text = SqlType::VarChar(10, CollationId::DEFAULT);
        check(Value::text("it's"), text, "'it''s'");
        check(Value::Bytes(b"ab\0".into()), SqlType::Binary(3), "0x616200");
        assert_eq!(value_text(&Value::text("a"), &SqlType::Json), None);
    }
}
