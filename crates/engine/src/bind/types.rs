//! Types of expressions: literals, common types, how two operands are compared.

use std::sync::Arc;

use values::{Collation, CollationId, IntWidth, LobSize, SqlType};

use crate::error::{Error, Result};
use crate::expr::{ArithAs, ArithOp, CompareAs, Expr};

/// Strength of an operand's collation; the least number wins (MySQL's coercibility).
pub mod coercibility {
    /// COLLATE clause.
    pub const EXPLICIT: u8 = 0;
    /// A column.
    pub const IMPLICIT: u8 = 2;
    /// System constants such as USER().
    pub const SYSTEM: u8 = 3;
    /// A literal or a variable.
    pub const LITERAL: u8 = 4;
    /// A number or date turned to text.
    pub const NUMERIC: u8 = 5;
    /// NULL.
    pub const IGNORABLE: u8 = 6;
}

/// An expression with what is known about its value.
#[derive(Clone, Debug)]
pub struct Typed {
    /// The expression.
    pub expr: Expr,
    /// Its type.
    pub ty: SqlType,
    /// Whether it can be NULL.
    pub nullable: bool,
    /// Strength of its collation.
    pub coercibility: u8,
    /// The base column, when it is one.
    pub origin: Option<Box<crate::result::ColumnMeta>>,
}

impl Typed {
    /// An expression that is no column.
    pub fn new(expr: Expr, ty: SqlType, nullable: bool) -> Typed {
        let coercibility = match &ty {
            SqlType::Null => coercibility::IGNORABLE,
            SqlType::Char(..) | SqlType::VarChar(..) | SqlType::Text(..) => coercibility::LITERAL,
            _ => coercibility::NUMERIC,
        };
        Typed {
            expr,
            ty,
            nullable,
            coercibility,
            origin: None,
        }
    }

    /// The same with another strength of collation.
    pub fn with_coercibility(mut self, coercibility: u8) -> Typed {
        self.coercibility = coercibility;
        self
    }
}

/// BIGINT.
pub const BIGINT: SqlType = SqlType::Int {
    width: IntWidth::Big,
    unsigned: false,
    bool_width: false,
};
/// INT.
pub const INT: SqlType = SqlType::Int {
    width: IntWidth::Int,
    unsigned: false,
    bool_width: false,
};
/// BIGINT UNSIGNED.
pub const UBIGINT: SqlType = SqlType::Int {
    width: IntWidth::Big,
    unsigned: true,
    bool_width: false,
};
/// Type of comparisons and logic.
pub const BOOL: SqlType = SqlType::Int {
    width: IntWidth::Tiny,
    unsigned: false,
    bool_width: true,
};

/// Whether values are character data (not binary).
pub fn is_text(ty: &SqlType) -> bool {
    matches!(
        ty,
        SqlType::Char(..) | SqlType::VarChar(..) | SqlType::Text(..)
    )
}

/// Whether values are bytes without a character set.
pub fn is_binary(ty: &SqlType) -> bool {
    match ty {
        SqlType::Binary(_) | SqlType::VarBinary(_) | SqlType::Blob(_) => true,
        SqlType::Geometry(..) | SqlType::Vector(_) => true,
        SqlType::Char(_, c) | SqlType::VarChar(_, c) | SqlType::Text(_, c) => {
            *c == CollationId::BINARY
        }
        _ => false,
    }
}

/// Text, binary, ENUM or SET.
pub fn is_string(ty: &SqlType) -> bool {
    is_text(ty) || is_binary(ty) || matches!(ty, SqlType::Enum(..) | SqlType::Set(..))
}

/// Integers, YEAR and BIT.
pub fn is_integer(ty: &SqlType) -> bool {
    matches!(ty, SqlType::Int { .. } | SqlType::Year | SqlType::Bit(_))
}

/// Any number.
pub fn is_number(ty: &SqlType) -> bool {
    is_integer(ty)
        || matches!(
            ty,
            SqlType::Decimal { .. } | SqlType::Float | SqlType::Double
        )
}

/// DATE, DATETIME, TIMESTAMP or TIME.
pub fn is_temporal(ty: &SqlType) -> bool {
    matches!(
        ty,
        SqlType::Date | SqlType::DateTime(_) | SqlType::Timestamp(_) | SqlType::Time(_)
    )
}

fn is_datelike(ty: &SqlType) -> bool {
    matches!(
        ty,
        SqlType::Date | SqlType::DateTime(_) | SqlType::Timestamp(_)
    )
}

/// Whether a number cannot be negative.
pub fn is_unsigned(ty: &SqlType) -> bool {
    matches!(
        ty,
        SqlType::Int { unsigned: true, .. } | SqlType::Bit(_) | SqlType::Year
    )
}

/// The collation of a type; that of numbers is given by the connection.
pub fn collation_id(ty: &SqlType) -> Option<CollationId> {
    match ty {
        SqlType::Char(_, c) | SqlType::VarChar(_, c) | SqlType::Text(_, c) => Some(*c),
        SqlType::Enum(_, c) | SqlType::Set(_, c) => Some(*c),
        SqlType::Binary(_) | SqlType::VarBinary(_) | SqlType::Blob(_) => Some(CollationId::BINARY),
        _ => None,
    }
}

/// The collation under which text operands meet (MySQL's aggregation by coercibility).
pub fn common_collation(
    operands: &[(&SqlType, u8)],
    connection: CollationId,
    operation: &str,
) -> Result<(CollationId, u8)> {
    let mut best: Option<(CollationId, u8)> = None;
    let mut conflict = None;
    for (ty, strength) in operands {
        let Some(id) = collation_id(ty) else { continue };
        match best {
            None => best = Some((id, *strength)),
            Some((have, s)) if have == id => best = Some((have, s.min(*strength))),
            Some((have, s)) => {
                if *strength < s {
                    best = Some((id, *strength));
                    conflict = None;
                } else if *strength == s {
                    let (a, b) = (values::collation::by_id(have), values::collation::by_id(id));
                    let name = |c: Option<&Collation>| c.map_or("", |c| c.name).to_string();
                    let (an, bn) = (name(a), name(b));
                    if id == CollationId::BINARY || have == CollationId::BINARY {
                        best = Some((CollationId::BINARY, s));
                    } else if an.ends_with("_bin") && !bn.ends_with("_bin") {
                        // The binary collation of a character set wins over its others.
                    } else if bn.ends_with("_bin") && !an.ends_with("_bin") {
                        best = Some((id, s));
                    } else if an.starts_with("utf8mb4") && !bn.starts_with("utf8mb4") {
                        // Unicode is the superset of the other character set.
                    } else if bn.starts_with("utf8mb4") && !an.starts_with("utf8mb4") {
                        best = Some((id, s));
                    } else if s == coercibility::LITERAL || s == coercibility::NUMERIC {
                        best = Some((connection, s));
                    } else {
                        let word = if s == 0 { "EXPLICIT" } else { "IMPLICIT" };
                        conflict = Some(format!(
                            "({an},{word}) and ({bn},{word}) for operation '{operation}'"
                        ));
                    }
                }
            }
        }
    }
    if let Some(text) = conflict {
        return Err(Error::illegal_mix(text));
    }
    Ok(best.unwrap_or((connection, coercibility::NUMERIC)))
}

/// How two operands are compared.
pub fn compare_as(a: &Typed, b: &Typed, connection: CollationId) -> Result<CompareAs> {
    // A constant number is made a date, so that it can be looked up; any other is a number, and
    // then the date is one too.
    let varies =
        |t: &Typed| is_number(&t.ty) && !matches!(t.expr, Expr::Literal(_) | Expr::Param(_));
    if is_datelike(&a.ty) && varies(b) || is_datelike(&b.ty) && varies(a) {
        return Ok(CompareAs::Float);
    }
    compare_types((&a.ty, a.coercibility), (&b.ty, b.coercibility), connection)
}

/// How values of two types are compared.
pub fn compare_types(
    (a, sa): (&SqlType, u8),
    (b, sb): (&SqlType, u8),
    connection: CollationId,
) -> Result<CompareAs> {
    use SqlType::*;
    let other = |x: &SqlType| own_compare(x, connection);
    match (a, b) {
        (Null, x) | (x, Null) => return Ok(other(x)),
        (Json, _) | (_, Json) => return Ok(CompareAs::Json),
        _ => {}
    }
    if is_temporal(a) || is_temporal(b) {
        return Ok(match (a, b) {
            (Time(_), Time(_)) => CompareAs::Time,
            (Time(_), x) | (x, Time(_)) if is_string(x) => CompareAs::Time,
            (Time(_), x) | (x, Time(_)) if is_number(x) => CompareAs::Float,
            (Date, Date) => CompareAs::Date,
            _ => CompareAs::DateTime,
        });
    }
    let (ea, eb) = (
        matches!(a, Enum(..) | Set(..)),
        matches!(b, Enum(..) | Set(..)),
    );
    if ea && is_number(b) || eb && is_number(a) {
        return Ok(CompareAs::Integer);
    }
    if is_string(a) && is_string(b) {
        if is_binary(a) || is_binary(b) {
            return Ok(CompareAs::Binary);
        }
        let (id, _) = common_collation(&[(a, sa), (b, sb)], connection, "=")?;
        return Ok(text_compare(id));
    }
    if is_integer(a) && is_integer(b) {
        return Ok(CompareAs::Integer);
    }
    let float = |x: &SqlType| matches!(x, Float | Double);
    if float(a) || float(b) || is_string(a) || is_string(b) {
        return Ok(CompareAs::Float);
    }
    Ok(CompareAs::Decimal)
}

fn text_compare(id: CollationId) -> CompareAs {
    match values::collation::by_id(id) {
        Some(_) if id == CollationId::BINARY => CompareAs::Binary,
        Some(c) => CompareAs::Text(c),
        None => CompareAs::Binary,
    }
}

/// How values of one type are compared with each other.
pub fn own_compare(ty: &SqlType, connection: CollationId) -> CompareAs {
    use SqlType::*;
    match ty {
        Null => CompareAs::Binary,
        Int { .. } | Bit(_) | Year | Enum(..) | Set(..) => CompareAs::Integer,
        Float | Double => CompareAs::Float,
        Decimal { .. } => CompareAs::Decimal,
        Date => CompareAs::Date,
        DateTime(_) | Timestamp(_) => CompareAs::DateTime,
        Time(_) => CompareAs::Time,
        Json => CompareAs::Json,
        x if is_binary(x) => CompareAs::Binary,
        x => text_compare(collation_id(x).unwrap_or(connection)),
    }
}

/// Most digits before the point, and digits after it, of a number of this type.
fn digits(ty: &SqlType) -> (u32, u32) {
    match ty {
        SqlType::Decimal { precision, scale } => ((precision - scale) as u32, *scale as u32),
        SqlType::Int {
            width, unsigned, ..
        } => (
            match (width, unsigned) {
                (IntWidth::Tiny, _) => 3,
                (IntWidth::Small, _) => 5,
                (IntWidth::Medium, false) => 7,
                (IntWidth::Medium, true) => 8,
                (IntWidth::Int, _) => 10,
                (IntWidth::Big, false) => 19,
                (IntWidth::Big, true) => 20,
            },
            0,
        ),
        SqlType::Year => (4, 0),
        SqlType::Bit(_) => (20, 0),
        SqlType::Date => (8, 0),
        SqlType::Time(f) => (7, *f as u32),
        SqlType::DateTime(f) | SqlType::Timestamp(f) => (14, *f as u32),
        _ => (10, 0),
    }
}

/// DECIMAL with so many digits, within its limits.
pub fn decimal(whole: u32, scale: u32) -> SqlType {
    let scale = scale.min(30);
    let precision = (whole + scale).clamp(scale.max(1), 65);
    SqlType::Decimal {
        precision: precision as u8,
        scale: scale as u8,
    }
}

/// Domain and result type of arithmetic on two operands.
pub fn arithmetic(op: ArithOp, a: &SqlType, b: &SqlType, div_increment: u8) -> (ArithAs, SqlType) {
    use ArithOp::*;
    if matches!(op, BitAnd | BitOr | BitXor | ShiftLeft | ShiftRight) {
        return (ArithAs::Unsigned, UBIGINT);
    }
    let float =
        |t: &SqlType| matches!(t, SqlType::Float | SqlType::Double | SqlType::Json) || is_string(t);
    let exact_fraction = |t: &SqlType| match t {
        SqlType::Decimal { .. } => true,
        SqlType::Time(f) | SqlType::DateTime(f) | SqlType::Timestamp(f) => *f > 0,
        _ => false,
    };
    if op == IntDiv {
        let unsigned = is_unsigned(a) || is_unsigned(b);
        return if unsigned {
            (ArithAs::Unsigned, UBIGINT)
        } else {
            (ArithAs::Signed, BIGINT)
        };
    }
    if float(a) || float(b) {
        return (ArithAs::Float, SqlType::Double);
    }
    let ((wa, sa), (wb, sb)) = (digits(a), digits(b));
    if op == Div {
        let scale = (sa + div_increment as u32).min(30);
        return (
            ArithAs::Decimal { scale: scale as u8 },
            decimal(wa + sb, scale),
        );
    }
    if exact_fraction(a) || exact_fraction(b) {
        let (whole, scale) = match op {
            Mul => (wa + wb, sa + sb),
            Mod => (wa.max(wb), sa.max(sb)),
            _ => (wa.max(wb) + 1, sa.max(sb)),
        };
        return (
            ArithAs::Decimal {
                scale: scale.min(30) as u8,
            },
            decimal(whole, scale),
        );
    }
    let unsigned = match op {
        Mod => is_unsigned(a),
        _ => is_unsigned(a) || is_unsigned(b),
    };
    if unsigned {
        (ArithAs::Unsigned, UBIGINT)
    } else {
        (ArithAs::Signed, BIGINT)
    }
}

/// Length in characters that a value of this type needs as text.
pub fn text_length(ty: &SqlType) -> u32 {
    match ty {
        SqlType::Null => 0,
        SqlType::Char(n, _) | SqlType::VarChar(n, _) => *n,
        SqlType::Binary(n) | SqlType::VarBinary(n) => *n,
        SqlType::Text(s, _) | SqlType::Blob(s) => match s {
            LobSize::Tiny => 255,
            LobSize::Regular => 65_535,
            LobSize::Medium => 16_777_215,
            LobSize::Long => u32::MAX,
        },
        SqlType::Enum(m, _) => m
            .iter()
            .map(|x| x.chars().count() as u32)
            .max()
            .unwrap_or(0),
        SqlType::Set(m, _) => m.iter().map(|x| x.chars().count() as u32 + 1).sum(),
        SqlType::Date => 10,
        SqlType::Time(f) => 10 + if *f > 0 { *f as u32 + 1 } else { 0 },
        SqlType::DateTime(f) | SqlType::Timestamp(f) => 19 + if *f > 0 { *f as u32 + 1 } else { 0 },
        SqlType::Json => u32::MAX,
        SqlType::Float => 12,
        SqlType::Double => 22,
        other => {
            let (whole, scale) = digits(other);
            whole + scale + 2
        }
    }
}

/// A character type of this length.
pub fn varchar(length: u32, collation: CollationId) -> SqlType {
    let binary = collation == CollationId::BINARY;
    match length {
        0..=16_383 if binary => SqlType::VarBinary(length),
        0..=16_383 => SqlType::VarChar(length, collation),
        16_384..=65_535 if binary => SqlType::Blob(LobSize::Regular),
        16_384..=65_535 => SqlType::Text(LobSize::Regular, collation),
        65_536..=16_777_215 if binary => SqlType::Blob(LobSize::Medium),
        65_536..=16_777_215 => SqlType::Text(LobSize::Medium, collation),
        _ if binary => SqlType::Blob(LobSize::Long),
        _ => SqlType::Text(LobSize::Long, collation),
    }
}

/// The type that holds values of both types: CASE, IF, COALESCE, UNION.
pub fn common_type(
    a: (&SqlType, u8),
    b: (&SqlType, u8),
    connection: CollationId,
) -> Result<SqlType> {
    use SqlType::*;
    let (ta, tb) = (a.0, b.0);
    if ta == tb {
        return Ok(ta.clone());
    }
    Ok(match (ta, tb) {
        (Null, x) | (x, Null) => x.clone(),
        (
            Int {
                width: wa,
                unsigned: ua,
                ..
            },
            Int {
                width: wb,
                unsigned: ub,
                ..
            },
        ) => {
            if ua == ub {
                Int {
                    width: *wa.max(wb),
                    unsigned: *ua,
                    bool_width: false,
                }
            } else {
                let (unsigned, signed) = if *ua { (wa, wb) } else { (wb, wa) };
                if *unsigned == IntWidth::Big {
                    decimal(20, 0)
                } else {
                    let wider = match unsigned {
                        IntWidth::Tiny => IntWidth::Small,
                        IntWidth::Small => IntWidth::Medium,
                        IntWidth::Medium => IntWidth::Int,
                        _ => IntWidth::Big,
                    };
                    Int {
                        width: wider.max(*signed),
                        unsigned: false,
                        bool_width: false,
                    }
                }
            }
        }
        (x, y) if is_number(x) && is_number(y) => {
            if matches!(x, Float | Double) || matches!(y, Float | Double) {
                Double
            } else if is_integer(x) && is_integer(y) {
                BIGINT
            } else {
                let ((wa, sa), (wb, sb)) = (digits(x), digits(y));
                decimal(wa.max(wb), sa.max(sb))
            }
        }
        (Json, x) | (x, Json) if !is_string(x) => Json,
        (Time(f), Time(g)) => Time(*f.max(g)),
        (x, y) if is_temporal(x) && is_temporal(y) => {
            let fsp = |t: &SqlType| match t {
                Time(f) | DateTime(f) | Timestamp(f) => *f,
                _ => 0,
            };
            DateTime(fsp(x).max(fsp(y)))
        }
        (x, y) => {
            let length = text_length(x).max(text_length(y));
            if is_binary(x) || is_binary(y) {
                return Ok(varchar(length, CollationId::BINARY));
            }
            let (id, _) = common_collation(&[a, b], connection, "UNION")?;
            let lob = matches!(x, Text(..) | Json) || matches!(y, Text(..) | Json);
            match varchar(length, id) {
                VarChar(..) if lob => Text(LobSize::Regular, id),
                other => other,
            }
        }
    })
}

/// The members of a type list as one type.
pub fn common_of(types: &[(&SqlType, u8)], connection: CollationId) -> Result<SqlType> {
    let mut result = SqlType::Null;
    let mut strength = coercibility::IGNORABLE;
    for (ty, s) in types {
        result = common_type((&result, strength), (ty, *s), connection)?;
        strength = strength.min(*s);
    }
    Ok(result)
}

/// Shares a member list.
pub fn members(list: &[Box<str>]) -> values::Members {
    Arc::from(list.to_vec())
}

/// The default collation of a character set by name.
pub fn charset_default(name: &str) -> Option<&'static Collation> {
    let charset = values::charset::by_name(name)?;
    values::collation::all()
        .iter()
        .find(|c| c.charset.name == charset.name && c.is_default)
}
