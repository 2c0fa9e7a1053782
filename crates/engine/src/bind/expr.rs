//! Binding of expressions.

use std::sync::Arc;

use syntax::ast::{self, BinaryOp, IsWhat, Literal, UnaryOp};
use values::{CollationId, OwnedValue, SqlType, Value};

use super::types::{self, Typed, coercibility, *};
use super::{AliasRule, Binder, Stage};
use crate::accounts::Privilege;
use crate::error::{Error, Result};
use crate::expr::{
    ArithAs, ArithOp, CallTypes, CompareAs, CompareOp, Expr, InSubquery, IsTest, SubqueryExpr,
};
use crate::program::Row;
use crate::program::call::FunctionCall;
use crate::result::ColumnMeta;

/// How far a name was found: block index from the bottom, and what it is there.
pub(crate) enum Found {
    Column(Typed),
    Missing,
}

impl Binder<'_> {
    pub(crate) fn boxed(&mut self, e: &ast::Expr) -> Result<Box<Expr>> {
        Ok(Box::new(self.expr(e)?.expr))
    }

    /// Binds a condition; text and other types are taken for their truth.
    pub(crate) fn condition(&mut self, e: &ast::Expr) -> Result<Expr> {
        let t = self.expr(e)?;
        Ok(self.plain(t).expr)
    }

    /// ENUM and SET as text, everything else as it is.
    pub(crate) fn plain(&self, t: Typed) -> Typed {
        match &t.ty {
            SqlType::Enum(_, c) | SqlType::Set(_, c) => {
                let to = SqlType::VarChar(types::text_length(&t.ty), *c);
                let from = t.ty.clone();
                let expr = Expr::Cast {
                    expr: Box::new(t.expr),
                    from,
                    to: to.clone(),
                };
                Typed {
                    expr,
                    ty: to,
                    nullable: t.nullable,
                    coercibility: t.coercibility,
                    origin: None,
                }
            }
            _ => t,
        }
    }

    /// A value in the domain of a comparison.
    pub(crate) fn for_compare(&self, t: Typed, kind: CompareAs) -> Expr {
        match kind {
            // TRUE is no number in a document.
            CompareAs::Json if t.ty == BOOL => self.convert_to(t, &SqlType::Json),
            CompareAs::Text(_) | CompareAs::Binary | CompareAs::DateTime | CompareAs::Json => {
                self.plain(t).expr
            }
            _ => t.expr,
        }
    }

    pub(crate) fn compare(&self, op: CompareOp, mut a: Typed, mut b: Typed) -> Result<Typed> {
        let kind = compare_as(&a, &b, self.modes.connection)?;
        if matches!(kind, CompareAs::Decimal | CompareAs::Float) {
            keep_digits(&mut a.expr);
            keep_digits(&mut b.expr);
        }
        let (a, b) = self.enum_literal(a, b);
        let nullable = op != CompareOp::NullSafeEq && (a.nullable || b.nullable);
        let left = Box::new(self.for_compare(a, kind));
        let right = Box::new(self.for_compare(b, kind));
        Ok(Typed::new(
            Expr::Compare {
                op,
                kind,
                left,
                right,
            },
            BOOL,
            nullable,
        ))
    }

    fn enum_literal(&self, a: Typed, b: Typed) -> (Typed, Typed) {
        (a, b)
    }

    /// Binds an expression.
    pub(crate) fn expr(&mut self, e: &ast::Expr) -> Result<Typed> {
        if self.block().stage == Stage::Groups
            && let Some(key) = self.grouping_key(e)?
        {
            return Ok(key);
        }
        match e {
            ast::Expr::Literal(l) => self.literal(l),
            ast::Expr::Column(c) => self.column(c),
            ast::Expr::Param(n) => {
                let n = *n as usize;
                let ty = self
                    .params
                    .get(n)
                    .cloned()
                    .unwrap_or(SqlType::VarChar(255, self.modes.connection));
                Ok(Typed::new(Expr::Param(n), ty, true).with_coercibility(coercibility::LITERAL))
            }
            ast::Expr::UserVar(name) => {
                self.uncacheable = true;
                let value = self.catalog.user_variable(name);
                let ty = type_of_value(&value, self.modes.connection);
                Ok(Typed::new(Expr::UserVar(name.clone()), ty, true))
            }
            ast::Expr::SystemVar(v) => {
                self.uncacheable = true;
                let value = self.catalog.system_variable(v.scope, &v.name)?;
                let ty = type_of_value(&value, self.modes.connection);
                Ok(Typed::new(
                    Expr::SystemVar(v.scope, v.name.clone()),
                    ty,
                    true,
                ))
            }
            ast::Expr::Assign { target, value } => {
                self.uncacheable = true;
                let v = self.expr(value)?;
                let v = self.plain(v);
                Ok(Typed::new(
                    Expr::Assign(target.clone(), Box::new(v.expr)),
                    v.ty,
                    true,
                ))
            }
            ast::Expr::Unary { op, expr } => self.unary(*op, expr),
            ast::Expr::Binary { op, left, right } => self.binary(*op, left, right),
            ast::Expr::And(list) => {
                let (list, nullable) = self.conditions(list)?;
                Ok(Typed::new(Expr::And(list), BOOL, nullable))
            }
            ast::Expr::Or(list) => {
                let (list, nullable) = self.conditions(list)?;
                Ok(Typed::new(Expr::Or(list), BOOL, nullable))
            }
            ast::Expr::Quantified {
                op,
                left,
                quantifier,
                query,
            } => {
                let all = *quantifier == ast::Quantifier::All;
                let op = compare_op(*op).ok_or_else(|| Error::not_supported("operator"))?;
                self.in_query(left, query, op, all)
            }
            ast::Expr::Like {
                expr,
                negated,
                pattern,
                escape,
            } => {
                let a = self.expr(expr)?;
                let b = self.expr(pattern)?;
                let (a, b) = (self.plain(a), self.plain(b));
                let (id, _) = common_collation(
                    &[(&a.ty, a.coercibility), (&b.ty, b.coercibility)],
                    self.modes.connection,
                    "like",
                )?;
                let collation =
                    values::collation::by_id(id).ok_or_else(|| Error::unknown_collation(id.0))?;
                let nullable = a.nullable || b.nullable;
                let escape = match escape {
                    Some(e) => Some(self.boxed(e)?),
                    None => None,
                };
                let (expr, pattern) = (Box::new(a.expr), Box::new(b.expr));
                let like = Expr::Like {
                    expr,
                    pattern,
                    escape,
                    collation,
                    negated: *negated,
                };
                Ok(Typed::new(like, BOOL, nullable))
            }
            ast::Expr::Regexp {
                expr,
                negated,
                pattern,
            } => {
                let call =
                    self.named_call("regexp_like", &[(**expr).clone(), (**pattern).clone()])?;
                Ok(if *negated { negate(call) } else { call })
            }
            ast::Expr::Between {
                expr,
                negated,
                low,
                high,
            } => {
                let x = self.expr(expr)?;
                let l = self.expr(low)?;
                let h = self.expr(high)?;
                // Each bound is compared by the pair's own types.
                let a = self.compare(CompareOp::Ge, x.clone(), l)?;
                let b = self.compare(CompareOp::Le, x, h)?;
                let nullable = a.nullable || b.nullable;
                let both = Typed::new(Expr::And(vec![a.expr, b.expr]), BOOL, nullable);
                Ok(if *negated { negate(both) } else { both })
            }
            ast::Expr::InList {
                expr,
                negated,
                list,
            } => self.in_list(expr, *negated, list),
            ast::Expr::InSubquery {
                expr,
                negated,
                query,
            } => {
                let t = self.in_query(expr, query, CompareOp::Eq, false)?;
                Ok(if *negated { negate(t) } else { t })
            }
            ast::Expr::Is {
                expr,
                negated,
                what,
            } => {
                let t = self.expr(expr)?;
                let t = self.plain(t);
                let test = match what {
                    IsWhat::Null | IsWhat::Unknown => IsTest::Null,
                    IsWhat::True => IsTest::True,
                    IsWhat::False => IsTest::False,
                };
                let is = Expr::Is {
                    expr: Box::new(t.expr),
                    test,
                    negated: *negated,
                };
                Ok(Typed::new(is, BOOL, false))
            }
            ast::Expr::MemberOf { value, array } => {
                self.named_call("json_member_of", &[(**value).clone(), (**array).clone()])
            }
            ast::Expr::Collate { expr, collation } => {
                let t = self.expr(expr)?;
                let mut t = self.plain(t);
                let c = values::collation::by_name(collation)
                    .ok_or_else(|| Error::unknown_collation(collation))?;
                let have = types::collation_id(&t.ty);
                if let Some(old) = have.and_then(values::collation::by_id)
                    && old.charset.name != c.charset.name
                    && have != Some(c.id)
                    && t.coercibility <= coercibility::IMPLICIT
                {
                    return Err(Error::collation_mismatch(c.name, old.charset.name));
                }
                t.ty = match t.ty {
                    SqlType::Char(n, _) => SqlType::Char(n, c.id),
                    SqlType::VarChar(n, _) => SqlType::VarChar(n, c.id),
                    SqlType::Text(s, _) => SqlType::Text(s, c.id),
                    other => types::varchar(types::text_length(&other), c.id),
                };
                t.coercibility = coercibility::EXPLICIT;
                t.origin = None;
                Ok(t)
            }
            ast::Expr::Case {
                operand,
                branches,
                otherwise,
            } => self.case(operand.as_deref(), branches, otherwise.as_deref()),
            ast::Expr::Cast { expr, to, .. } => {
                let t = self.expr(expr)?;
                let to = self.cast_type(&to.kind)?;
                Ok(self.cast(t, to))
            }
            ast::Expr::ConvertUsing { expr, charset } => {
                let t = self.expr(expr)?;
                let collation = crate::bind::types::charset_default(charset)
                    .ok_or_else(|| Error::unknown_charset(charset))?;
                let to = types::varchar(types::text_length(&t.ty), collation.id);
                let mut out = self.cast(t, to);
                out.coercibility = coercibility::IMPLICIT;
                Ok(out)
            }
            ast::Expr::CharUsing { args, charset } => {
                let t = self.named_call("char", args)?;
                let collation = crate::bind::types::charset_default(charset)
                    .ok_or_else(|| Error::unknown_charset(charset))?;
                let to = types::varchar(types::text_length(&t.ty), collation.id);
                Ok(self.cast(t, to))
            }
            ast::Expr::WeightString { expr, .. } => {
                self.named_call("weight_string", std::slice::from_ref(&**expr))
            }
            ast::Expr::Function(call) => self.function(call),
            ast::Expr::Extract { unit, expr } => {
                let unit = text_literal(unit.as_str());
                self.named_call("extract", &[unit, (**expr).clone()])
            }
            ast::Expr::Trim { side, what, from } => {
                let name = match side {
                    ast::TrimSide::Leading => "trim_leading",
                    ast::TrimSide::Trailing => "trim_trailing",
                    _ => "trim",
                };
                match what {
                    Some(w) => self.named_call(name, &[(**from).clone(), (**w).clone()]),
                    None => self.named_call(name, &[(**from).clone()]),
                }
            }
            ast::Expr::Position { needle, haystack } => {
                self.named_call("locate", &[(**needle).clone(), (**haystack).clone()])
            }
            ast::Expr::TimestampFunction {
                diff,
                unit,
                first,
                second,
            } => {
                if *diff {
                    let unit = text_literal(unit.as_str());
                    self.named_call(
                        "timestampdiff",
                        &[unit, (**first).clone(), (**second).clone()],
                    )
                } else {
                    self.date_add(second, first, *unit, false)
                }
            }
            ast::Expr::GetFormat { kind, format } => {
                self.named_call("get_format", &[text_literal(kind), (**format).clone()])
            }
            ast::Expr::Interval { .. } => Err(Error::not_allowed_here("INTERVAL")),
            ast::Expr::Exists(query) => {
                let q = self.subquery(query)?;
                Ok(Typed::new(Expr::Exists(q), BOOL, false))
            }
            ast::Expr::Subquery(query) => {
                let q = self.subquery(query)?;
                if q.plan.columns.len() != 1 {
                    return Err(Error::operand_columns(1));
                }
                let column = &q.plan.columns[0];
                let ty = column.ty.clone();
                Ok(Typed::new(Expr::Scalar(q), ty, true).with_coercibility(coercibility::IMPLICIT))
            }
            ast::Expr::Row(list) if list.len() == 1 => self.expr(&list[0]),
            ast::Expr::Row(_) => Err(Error::operand_columns(1)),
            ast::Expr::Match {
                columns,
                against,
                mode,
            } => self.match_against(columns, against, *mode),
            ast::Expr::Default(Some(c)) => self.default_of(c),
            ast::Expr::Default(None) => Err(Error::not_allowed_here("DEFAULT")),
            ast::Expr::Values(c) => {
                let block = self.blocks.iter().rev().find(|b| b.insert_row.is_some());
                match block.and_then(|b| b.insert_row) {
                    Some(slot) => self.column_in_slot(slot, &c.name),
                    None => Ok(Typed::new(Expr::Literal(Value::Null), SqlType::Null, true)),
                }
            }
            ast::Expr::JsonValue {
                doc,
                path,
                returning,
                on_empty,
                ..
            } => {
                let to = match returning {
                    Some(r) => Some(self.cast_type(&r.kind)?),
                    None => None,
                };
                let args = [(**doc).clone(), (**path).clone()];
                let found = self.json_value(&args, to)?;
                match on_empty.as_deref() {
                    Some(ast::JsonOn::Default(e)) => {
                        let default = self.expr(e)?;
                        let ty = found.ty.clone();
                        let default = self.cast(default, ty.clone());
                        Ok(Typed::new(
                            Expr::Coalesce(vec![found.expr, default.expr]),
                            ty,
                            true,
                        ))
                    }
                    _ => Ok(found),
                }
            }
            ast::Expr::Odbc { expr, .. } => self.expr(expr),
        }
    }

    fn conditions(&mut self, list: &[ast::Expr]) -> Result<(Vec<Expr>, bool)> {
        let mut out = Vec::with_capacity(list.len());
        let mut nullable = false;
        for e in list {
            let t = self.expr(e)?;
            let t = self.plain(t);
            nullable |= t.nullable;
            out.push(t.expr);
        }
        Ok((out, nullable))
    }

    fn literal(&mut self, l: &Literal) -> Result<Typed> {
        let connection = self.modes.connection;
        let lit = |v: OwnedValue, ty: SqlType| Typed::new(Expr::Literal(v), ty, false);
        Ok(match l {
            Literal::Null => Typed::new(Expr::Literal(Value::Null), SqlType::Null, true),
            Literal::Bool(b) => lit(Value::Int(*b as i64), BOOL),
            Literal::Int(v) => match i64::try_from(*v) {
                Ok(v) => lit(Value::Int(v), BIGINT),
                Err(_) => lit(Value::UInt(*v), UBIGINT),
            },
            Literal::Decimal(text) => {
                let d = values::Decimal::parse(text)
                    .ok_or_else(|| Error::general(format!("invalid number {text}")))?;
                let scale = d.scale() as u32;
                let digits = text.bytes().filter(u8::is_ascii_digit).count() as u32;
                lit(
                    Value::Decimal(d),
                    types::decimal(digits.saturating_sub(scale), scale),
                )
            }
            Literal::Float(text) => {
                let v: f64 = text.parse().map_err(|_| Error::general("invalid number"))?;
                if !v.is_finite() {
                    return Err(Error::new(
                        1367,
                        "22007",
                        format!("Illegal double '{text}' value found during parsing"),
                    ));
                }
                lit(Value::Float(v), SqlType::Double)
            }
            Literal::String { bytes, charset } => {
                let collation = match charset.as_deref() {
                    None => connection,
                    Some(c) => {
                        crate::bind::types::charset_default(c)
                            .ok_or_else(|| Error::unknown_charset(c))?
                            .id
                    }
                };
                let mut bytes = bytes.to_vec();
                if charset.is_some()
                    && let Some(c) = values::collation::by_id(collation)
                    && !c.charset.is_utf8()
                {
                    // The introducer says what the bytes of the literal are.
                    bytes = c.charset.to_utf8(&bytes).ok_or_else(|| {
                        let hex: String =
                            bytes.iter().take(6).map(|b| format!("{b:02X}")).collect();
                        let text = format!("Invalid {} character string: '{hex}'", c.charset.name);
                        Error::new(1300, "HY000", text)
                    })?;
                }
                let n = String::from_utf8_lossy(&bytes).chars().count() as u32;
                let ty = types::varchar(n, collation);
                lit(Value::Bytes(bytes.into()), ty)
            }
            Literal::Hex { bytes, charset } | Literal::Bit { bytes, charset } => {
                let ty = match charset.as_deref() {
                    Some(c) => {
                        let c = crate::bind::types::charset_default(c)
                            .ok_or_else(|| Error::unknown_charset(c))?;
                        types::varchar(bytes.len() as u32, c.id)
                    }
                    None => SqlType::VarBinary(bytes.len() as u32),
                };
                lit(Value::Bytes(bytes.to_vec().into()), ty)
            }
            Literal::Temporal { kind, text } => {
                let fsp = text.rsplit_once('.').map_or(0, |(_, f)| f.len().min(6)) as u8;
                let (to, what) = match kind {
                    ast::TemporalKind::Date => (SqlType::Date, "DATE"),
                    ast::TemporalKind::Time => (SqlType::Time(fsp), "TIME"),
                    ast::TemporalKind::Timestamp => (SqlType::DateTime(fsp), "DATETIME"),
                };
                let value = crate::convert::strict_temporal(text, &to).ok_or_else(|| {
                    Error::new(1525, "HY000", format!("Incorrect {what} value: '{text}'"))
                })?;
                lit(value, to)
            }
        })
    }

    fn unary(&mut self, op: UnaryOp, expr: &ast::Expr) -> Result<Typed> {
        match op {
            UnaryOp::Not | UnaryOp::Bang => {
                let t = self.expr(expr)?;
                Ok(negate(self.plain(t)))
            }
            UnaryOp::Plus => self.expr(expr),
            UnaryOp::BitNot => {
                let e = self.expr(expr)?;
                Ok(Typed::new(
                    Expr::BitNot(Box::new(e.expr)),
                    UBIGINT,
                    e.nullable,
                ))
            }
            UnaryOp::Binary => {
                let t = self.expr(expr)?;
                let t = self.plain(t);
                let to = types::varchar(types::text_length(&t.ty), CollationId::BINARY);
                Ok(self.cast(t, to))
            }
            UnaryOp::Minus => {
                // A negative literal is one value: -9223372036854775808 is a BIGINT.
                if let ast::Expr::Literal(Literal::Int(v)) = expr {
                    let value = match v {
                        0..=0x7fff_ffff_ffff_ffff => Some(-(*v as i64)),
                        0x8000_0000_0000_0000 => Some(i64::MIN),
                        _ => None,
                    };
                    if let Some(value) = value {
                        return Ok(Typed::new(Expr::Literal(Value::Int(value)), BIGINT, false));
                    }
                    let d = values::Decimal::parse(&format!("-{v}"))
                        .expect("an integer is a decimal number");
                    return Ok(Typed::new(
                        Expr::Literal(Value::Decimal(d)),
                        types::decimal(20, 0),
                        false,
                    ));
                }
                let t = self.expr(expr)?;
                // Minus zero, written as a literal, is zero.
                let zero = match &t.expr {
                    Expr::Literal(Value::Float(f)) => *f == 0.0,
                    Expr::Literal(Value::Decimal(d)) => d.is_zero(),
                    _ => false,
                };
                if zero {
                    return Ok(t);
                }
                let (kind, ty) = match &t.ty {
                    SqlType::Decimal { precision, scale } => (
                        ArithAs::Decimal { scale: *scale },
                        SqlType::Decimal {
                            precision: *precision,
                            scale: *scale,
                        },
                    ),
                    SqlType::Null => (ArithAs::Signed, BIGINT),
                    ty if types::is_integer(ty) => (ArithAs::Signed, BIGINT),
                    ty if types::is_temporal(ty) => (ArithAs::Signed, BIGINT),
                    _ => (ArithAs::Float, SqlType::Double),
                };
                Ok(Typed::new(
                    Expr::Negate(Box::new(t.expr), kind),
                    ty,
                    t.nullable,
                ))
            }
        }
    }

    fn binary(&mut self, op: BinaryOp, left: &ast::Expr, right: &ast::Expr) -> Result<Typed> {
        if let Some(op) = compare_op(op) {
            return self.comparison(op, left, right);
        }
        if let ast::Expr::Interval { value, unit } = right
            && matches!(op, BinaryOp::Add | BinaryOp::Sub)
        {
            return self.date_add(left, value, *unit, op == BinaryOp::Sub);
        }
        if let ast::Expr::Interval { value, unit } = left
            && op == BinaryOp::Add
        {
            return self.date_add(right, value, *unit, false);
        }
        let arith = match op {
            BinaryOp::Add => ArithOp::Add,
            BinaryOp::Sub => ArithOp::Sub,
            BinaryOp::Mul => ArithOp::Mul,
            BinaryOp::Div => ArithOp::Div,
            BinaryOp::IntDiv => ArithOp::IntDiv,
            BinaryOp::Mod => ArithOp::Mod,
            BinaryOp::BitAnd => ArithOp::BitAnd,
            BinaryOp::BitOr => ArithOp::BitOr,
            BinaryOp::BitXor => ArithOp::BitXor,
            BinaryOp::ShiftLeft => ArithOp::ShiftLeft,
            BinaryOp::ShiftRight => ArithOp::ShiftRight,
            BinaryOp::Xor => {
                let (a, b) = (self.expr(left)?, self.expr(right)?);
                let nullable = a.nullable || b.nullable;
                let xor = Expr::Xor(Box::new(self.plain(a).expr), Box::new(self.plain(b).expr));
                return Ok(Typed::new(xor, BOOL, nullable));
            }
            BinaryOp::Concat => return self.named_call("concat", &[left.clone(), right.clone()]),
            BinaryOp::JsonExtract => {
                return self.named_call("json_extract", &[left.clone(), right.clone()]);
            }
            BinaryOp::JsonUnquote => {
                let inner = self.named_call("json_extract", &[left.clone(), right.clone()])?;
                return self.call("json_unquote", vec![inner]);
            }
            BinaryOp::SoundsLike => {
                let a = self.named_call("soundex", std::slice::from_ref(left))?;
                let b = self.named_call("soundex", std::slice::from_ref(right))?;
                return self.compare(CompareOp::Eq, a, b);
            }
            _ => return Err(Error::not_supported("operator")),
        };
        let (mut a, mut b) = (self.operand(left)?, self.operand(right)?);
        keep_digits(&mut a.expr);
        keep_digits(&mut b.expr);
        let (kind, ty) = arithmetic(arith, &a.ty, &b.ty, self.modes.div_increment);
        let nullable = a.nullable
            || b.nullable
            || matches!(arith, ArithOp::Div | ArithOp::IntDiv | ArithOp::Mod);
        let e = Expr::Arith {
            op: arith,
            kind,
            left: Box::new(a.expr),
            right: Box::new(b.expr),
        };
        Ok(Typed::new(e, ty, nullable))
    }

    /// A comparison, of values or of rows.
    fn comparison(&mut self, op: CompareOp, left: &ast::Expr, right: &ast::Expr) -> Result<Typed> {
        match (row_of(left), row_of(right)) {
            (Some(a), Some(b)) => {
                if a.len() != b.len() {
                    return Err(Error::operand_columns(a.len()));
                }
                self.row_comparison(op, a, b)
            }
            (Some(a), None) => match right {
                ast::Expr::Subquery(q) => {
                    let t = self.in_query(&ast::Expr::Row(a.to_vec()), q, op, false)?;
                    Ok(t)
                }
                _ => Err(Error::operand_columns(a.len())),
            },
            (None, Some(b)) => match left {
                ast::Expr::Subquery(q) => {
                    self.in_query(&ast::Expr::Row(b.to_vec()), q, op.flip(), false)
                }
                _ => Err(Error::operand_columns(1)),
            },
            (None, None) => {
                if let (Some(row), ast::Expr::Subquery(_)) = (row_of_query(left), right) {
                    return self.comparison(op, &row, right);
                }
                let (a, b) = (self.expr(left)?, self.expr(right)?);
                self.compare(op, a, b)
            }
        }
    }

    /// `(a, b) op (c, d)` as comparisons of the parts.
    fn row_comparison(&mut self, op: CompareOp, a: &[ast::Expr], b: &[ast::Expr]) -> Result<Typed> {
        match op {
            CompareOp::Eq | CompareOp::NullSafeEq | CompareOp::Ne => {
                let each = if op == CompareOp::Ne {
                    CompareOp::Eq
                } else {
                    op
                };
                let mut parts = Vec::new();
                let mut nullable = false;
                for (x, y) in a.iter().zip(b) {
                    let t = self.comparison(each, x, y)?;
                    nullable |= t.nullable;
                    parts.push(t.expr);
                }
                let all = Typed::new(Expr::And(parts), BOOL, nullable);
                Ok(if op == CompareOp::Ne {
                    negate(all)
                } else {
                    all
                })
            }
            _ => {
                // a < c OR (a = c AND rest), the last part with the operator itself.
                let strict = match op {
                    CompareOp::Le => CompareOp::Lt,
                    CompareOp::Ge => CompareOp::Gt,
                    other => other,
                };
                let n = a.len();
                let mut result = self.comparison(op, &a[n - 1], &b[n - 1])?;
                for i in (0..n - 1).rev() {
                    let less = self.comparison(strict, &a[i], &b[i])?;
                    let same = self.comparison(CompareOp::Eq, &a[i], &b[i])?;
                    let rest = Expr::And(vec![same.expr, result.expr]);
                    result = Typed::new(Expr::Or(vec![less.expr, rest]), BOOL, true);
                }
                Ok(result)
            }
        }
    }

    fn in_list(&mut self, expr: &ast::Expr, negated: bool, list: &[ast::Expr]) -> Result<Typed> {
        if let Some(row) = row_of(expr) {
            let mut any = Vec::new();
            for item in list {
                let parts = row_of(item).ok_or_else(|| Error::operand_columns(row.len()))?;
                if parts.len() != row.len() {
                    return Err(Error::operand_columns(row.len()));
                }
                any.push(self.row_comparison(CompareOp::Eq, row, parts)?.expr);
            }
            let t = Typed::new(Expr::Or(any), BOOL, true);
            return Ok(if negated { negate(t) } else { t });
        }
        if let ast::Expr::Subquery(query) = expr
            && list.iter().all(|item| row_of(item).is_some())
        {
            let mut any = Vec::new();
            for item in list {
                any.push(self.in_query(item, query, CompareOp::Eq, false)?.expr);
            }
            let t = Typed::new(Expr::Or(any), BOOL, true);
            return Ok(if negated { negate(t) } else { t });
        }
        let x = self.expr(expr)?;
        let mut nullable = x.nullable;
        let mut items = Vec::with_capacity(list.len());
        let mut plain = false;
        for item in list {
            if row_of(item).is_some() {
                return Err(Error::operand_columns(1));
            }
            let t = self.expr(item)?;
            nullable |= t.nullable;
            let kind = compare_as(&x, &t, self.modes.connection)?;
            plain |= matches!(kind, CompareAs::Text(_) | CompareAs::Binary);
            items.push((self.for_compare(t, kind), kind));
        }
        let x = if plain { self.plain(x) } else { x };
        let e = Expr::InList {
            expr: Box::new(x.expr),
            list: items,
            negated,
        };
        Ok(Typed::new(e, BOOL, nullable))
    }

    fn in_query(
        &mut self,
        left: &ast::Expr,
        query: &ast::Query,
        op: CompareOp,
        all: bool,
    ) -> Result<Typed> {
        let row = row_of_query(left);
        let left = row.as_ref().unwrap_or(left);
        let parts: Vec<Typed> = match row_of(left) {
            Some(row) => row.iter().map(|e| self.expr(e)).collect::<Result<_>>()?,
            None => vec![self.expr(left)?],
        };
        let query = self.subquery(query)?;
        if query.plan.columns.len() != parts.len() {
            return Err(Error::operand_columns(parts.len()));
        }
        let mut left = Vec::new();
        let mut kinds = Vec::new();
        for (part, column) in parts.into_iter().zip(&query.plan.columns) {
            let kind = compare_types(
                (&part.ty, part.coercibility),
                (&column.ty, coercibility::IMPLICIT),
                self.modes.connection,
            )?;
            kinds.push(kind);
            left.push(self.for_compare(part, kind));
        }
        let e = Expr::InQuery(Box::new(InSubquery {
            left,
            kinds,
            query,
            op,
            all,
        }));
        Ok(Typed::new(e, BOOL, true))
    }

    /// Binds a query inside an expression.
    pub(crate) fn subquery(&mut self, query: &ast::Query) -> Result<Arc<SubqueryExpr>> {
        let depth = self.blocks.len();
        let cache = self.new_cache();
        let (plan, outer) = self.query_with_outer(query)?;
        Ok(Arc::new(SubqueryExpr {
            plan,
            correlated: outer < depth,
            cache,
        }))
    }

    fn case(
        &mut self,
        operand: Option<&ast::Expr>,
        branches: &[(ast::Expr, ast::Expr)],
        otherwise: Option<&ast::Expr>,
    ) -> Result<Typed> {
        let operand = operand.map(|o| self.expr(o)).transpose()?;
        let mut whens = Vec::new();
        let mut thens = Vec::new();
        for (when, then) in branches {
            let w = self.expr(when)?;
            whens.push(match &operand {
                Some(o) => self.compare(CompareOp::Eq, o.clone(), w)?.expr,
                None => self.plain(w).expr,
            });
            thens.push(self.expr(then)?);
        }
        let otherwise = otherwise.map(|e| self.expr(e)).transpose()?;
        let (mut results, ty, nullable) =
            self.unify(thens.into_iter().chain(otherwise.clone()).collect())?;
        let last = otherwise
            .is_some()
            .then(|| results.pop())
            .flatten()
            .map(Box::new);
        let branches = whens.into_iter().zip(results).collect();
        let nullable = nullable || last.is_none();
        Ok(Typed::new(
            Expr::Case {
                branches,
                otherwise: last,
            },
            ty,
            nullable,
        )
        .with_coercibility(coercibility::IMPLICIT))
    }

    /// Converts alternatives to one type.
    pub(crate) fn unify(&mut self, list: Vec<Typed>) -> Result<(Vec<Expr>, SqlType, bool)> {
        let pairs: Vec<(&SqlType, u8)> = list.iter().map(|t| (&t.ty, t.coercibility)).collect();
        let mut ty = common_of(&pairs, self.modes.connection)?;
        if matches!(ty, SqlType::Enum(..) | SqlType::Set(..)) {
            ty = types::varchar(
                types::text_length(&ty),
                collation_id(&ty).unwrap_or(self.modes.connection),
            );
        }
        let nullable = list.iter().any(|t| t.nullable);
        let out = list.into_iter().map(|t| self.convert_to(t, &ty)).collect();
        Ok((out, ty, nullable))
    }

    /// Wraps a conversion where the physical form differs.
    pub(crate) fn convert_to(&self, t: Typed, ty: &SqlType) -> Expr {
        if same_form(&t.ty, ty) {
            return t.expr;
        }
        Expr::Cast {
            expr: Box::new(t.expr),
            from: t.ty,
            to: ty.clone(),
        }
    }

    pub(crate) fn cast(&self, mut t: Typed, to: SqlType) -> Typed {
        if is_number(&to) {
            keep_digits(&mut t.expr);
        }
        let nullable = t.nullable || !types::is_string(&to);
        let coercibility = if types::is_string(&to) {
            coercibility::IMPLICIT
        } else {
            coercibility::NUMERIC
        };
        let e = Expr::Cast {
            expr: Box::new(t.expr),
            from: t.ty,
            to: to.clone(),
        };
        Typed::new(e, to, nullable).with_coercibility(coercibility)
    }

    fn cast_type(&self, kind: &ast::CastKind) -> Result<SqlType> {
        use ast::CastKind::*;
        let connection = self.modes.connection;
        let fsp = |f: &Option<u32>, name: &str| match f {
            Some(f) if *f > 6 => Err(Error::wrong_field_precision(f, name, 6)),
            f => Ok(f.unwrap_or(0) as u8),
        };
        Ok(match kind {
            Binary(None) => SqlType::VarBinary(65_535),
            Binary(Some(n)) => SqlType::Binary((*n).min(u32::MAX as u64) as u32),
            Char {
                length,
                charset,
                binary,
            } => {
                let mut id = match charset.as_deref() {
                    Some(c) => {
                        crate::bind::types::charset_default(c)
                            .ok_or_else(|| Error::unknown_charset(c))?
                            .id
                    }
                    None => connection,
                };
                if *binary && id != CollationId::BINARY {
                    let charset =
                        values::collation::by_id(id).map_or("utf8mb4", |c| c.charset.name);
                    id = values::collation::by_name(&format!("{charset}_bin")).map_or(id, |c| c.id);
                }
                match length {
                    Some(n) => types::varchar((*n).min(u32::MAX as u64) as u32, id),
                    None => SqlType::Text(values::LobSize::Long, id),
                }
            }
            NChar(n) => {
                let id =
                    values::collation::by_name("utf8mb3_general_ci").map_or(connection, |c| c.id);
                match n {
                    Some(n) => types::varchar((*n).min(u32::MAX as u64) as u32, id),
                    None => SqlType::Text(values::LobSize::Long, id),
                }
            }
            Date => SqlType::Date,
            Datetime(f) => SqlType::DateTime(fsp(f, "CAST")?),
            Time(f) => SqlType::Time(fsp(f, "CAST")?),
            Year => SqlType::Year,
            Signed => BIGINT,
            Unsigned => UBIGINT,
            Decimal { precision, scale } => {
                let p = precision.unwrap_or(10);
                let s = scale.unwrap_or(0);
                if p > 65 {
                    return Err(Error::wrong_field_precision(p, "CAST", 65));
                }
                if s > 30 {
                    return Err(Error::wrong_field_scale(s, "CAST", 30));
                }
                if s > p {
                    return Err(Error::scale_above_precision(""));
                }
                SqlType::Decimal {
                    precision: p.max(1) as u8,
                    scale: s as u8,
                }
            }
            Float(Some(p)) if *p > 24 => SqlType::Double,
            Float(_) => SqlType::Float,
            Double | Real => SqlType::Double,
            Json => SqlType::Json,
            Geometry(_) => SqlType::Geometry(values::GeometryKind::Geometry, None),
            Vector(n) => SqlType::Vector(n.unwrap_or(2048) as u16),
        })
    }

    fn date_add(
        &mut self,
        date: &ast::Expr,
        amount: &ast::Expr,
        unit: ast::IntervalUnit,
        negative: bool,
    ) -> Result<Typed> {
        let d = self.expr(date)?;
        let d = self.plain(d);
        let a = self.expr(amount)?;
        let a = self.plain(a);
        use ast::IntervalUnit::*;
        let micro = matches!(
            unit,
            Microsecond | SecondMicrosecond | MinuteMicrosecond | HourMicrosecond | DayMicrosecond
        );
        let time_unit = !matches!(unit, Day | Week | Month | Quarter | Year | YearMonth);
        let fraction = match (&a.ty, unit) {
            (SqlType::Decimal { scale, .. }, Second) => (*scale).min(6),
            (ty, Second) if types::is_string(ty) || matches!(ty, SqlType::Double) => 6,
            _ => 0,
        };
        let ty = match &d.ty {
            SqlType::Date if time_unit => SqlType::DateTime(if micro { 6 } else { fraction }),
            SqlType::Date => SqlType::Date,
            SqlType::DateTime(f) | SqlType::Timestamp(f) => {
                SqlType::DateTime(if micro { 6 } else { (*f).max(fraction) })
            }
            SqlType::Time(f) if time_unit => {
                SqlType::Time(if micro { 6 } else { (*f).max(fraction) })
            }
            SqlType::Time(f) => SqlType::DateTime(*f),
            _ => SqlType::VarChar(29, self.modes.connection),
        };
        let e = Expr::DateAdd {
            date: Box::new(d.expr),
            amount: Box::new(a.expr),
            unit,
            negative,
            ty: ty.clone(),
        };
        Ok(Typed::new(e, ty, true))
    }

    /// JSON_VALUE of a document and a path, as a type.
    fn json_value(&mut self, args: &[ast::Expr], to: Option<SqlType>) -> Result<Typed> {
        match to {
            Some(SqlType::Json) => self.named_call("json_extract", args),
            Some(to) => {
                let found = self.named_call("json_value", args)?;
                Ok(self.cast(found, to))
            }
            None => self.named_call("json_value", args),
        }
    }

    /// The type that Dolt's third argument of JSON_VALUE names.
    fn json_value_type(&self, name: &ast::Expr) -> Option<SqlType> {
        let ast::Expr::Literal(Literal::String { bytes, .. }) = name else {
            return None;
        };
        let name = String::from_utf8_lossy(bytes).to_ascii_lowercase();
        Some(match name.split(['(', ' ']).next().unwrap_or("") {
            "json" => SqlType::Json,
            "signed" | "int" | "integer" | "bigint" => BIGINT,
            "unsigned" => UBIGINT,
            "double" | "real" => SqlType::Double,
            "float" => SqlType::Float,
            "decimal" => types::decimal(35, 30),
            "date" => SqlType::Date,
            "datetime" | "timestamp" => SqlType::DateTime(6),
            "time" => SqlType::Time(6),
            _ => SqlType::Text(values::LobSize::Long, self.modes.connection),
        })
    }

    /// An operand of arithmetic: a hexadecimal or bit literal is a number there.
    fn operand(&mut self, e: &ast::Expr) -> Result<Typed> {
        match e {
            ast::Expr::Literal(
                Literal::Hex {
                    bytes,
                    charset: None,
                }
                | Literal::Bit {
                    bytes,
                    charset: None,
                },
            ) if bytes.len() <= 8 => {
                let n = bytes.iter().fold(0u64, |n, b| n << 8 | u64::from(*b));
                Ok(Typed::new(Expr::Literal(Value::UInt(n)), UBIGINT, false))
            }
            e => self.expr(e),
        }
    }

    /// A call of a built-in function by name.
    pub(crate) fn named_call(&mut self, name: &str, args: &[ast::Expr]) -> Result<Typed> {
        let args = args
            .iter()
            .map(|a| self.expr(a))
            .collect::<Result<Vec<_>>>()?;
        self.call(name, args)
    }

    /// A call of a built-in function on bound arguments.
    pub(crate) fn call(&mut self, name: &str, mut args: Vec<Typed>) -> Result<Typed> {
        if let ("round" | "truncate" | "floor" | "ceil" | "ceiling" | "format", Some(first)) =
            (name, args.first_mut())
        {
            keep_digits(&mut first.expr);
        }
        let Some(function) = crate::functions::lookup(name) else {
            return Err(Error::unknown_function(name));
        };
        let most = if function.max == u8::MAX {
            usize::MAX
        } else {
            function.max as usize
        };
        if args.len() < function.min as usize || args.len() > most {
            return Err(Error::wrong_parameter_count(name));
        }
        let strict = function.strict;
        let nullable_args = args.iter().any(|a| a.nullable);
        let arg_types: Vec<SqlType> = args.iter().map(|a| a.ty.clone()).collect();
        let text: Vec<(&SqlType, u8)> = args
            .iter()
            .filter(|a| collation_id(&a.ty).is_some())
            .map(|a| (&a.ty, a.coercibility))
            .collect();
        let (collation, strength) = match common_collation(&text, self.modes.connection, name) {
            Ok(found) => found,
            Err(_) if !text.is_empty() => (self.modes.connection, coercibility::IMPLICIT),
            Err(e) => return Err(e),
        };
        let plain_types: Vec<SqlType> = args.iter().map(|a| self.plain(a.clone()).ty).collect();
        let mut result = (function.result)(&plain_types, collation);
        if let Some(refine) = function.refine {
            let constants: Vec<Option<OwnedValue>> = args
                .iter()
                .map(|a| match &a.expr {
                    Expr::Literal(v) => Some(v.clone()),
                    Expr::Negate(e, _) => match &**e {
                        Expr::Literal(Value::Decimal(d)) => Some(Value::Decimal(d.neg())),
                        _ => None,
                    },
                    Expr::Param(n) => {
                        self.uncacheable = true;
                        self.param_values.get(*n).cloned()
                    }
                    _ => None,
                })
                .collect();
            result = refine(&plain_types, &constants, result);
        }
        let args = args.into_iter().map(|a| self.plain(a).expr).collect();
        let types = Arc::new(CallTypes {
            args: arg_types,
            result: result.clone(),
            collation,
        });
        let ty = result;
        let coercibility = if types::is_string(&ty) {
            strength.min(coercibility::LITERAL)
        } else {
            coercibility::NUMERIC
        };
        if function.volatile {
            // The value belongs to the statement's time, user or session, never to the plan.
        }
        let e = Expr::Call {
            function,
            args,
            types,
        };
        Ok(
            Typed::new(e, ty, nullable_args || !strict || function.min > 0)
                .with_coercibility(coercibility),
        )
    }

    fn function(&mut self, call: &ast::FunctionCall) -> Result<Typed> {
        let name = call.name.to_ascii_lowercase();
        if call.over.is_some() {
            return self.window_call(&name, call);
        }
        if self.is_aggregate(&name) {
            return self.aggregate_call(&name, call);
        }
        let args = &call.args;
        let count = |min: usize, max: usize| {
            if args.len() < min || args.len() > max {
                Err(Error::wrong_parameter_count(&call.name))
            } else {
                Ok(())
            }
        };
        match name.as_str() {
            "if" => {
                count(3, 3)?;
                self.case(None, &[(args[0].clone(), args[1].clone())], Some(&args[2]))
            }
            "ifnull" | "coalesce" => {
                if name == "ifnull" {
                    count(2, 2)?;
                } else {
                    count(1, usize::MAX)?;
                }
                let list = args
                    .iter()
                    .map(|a| self.expr(a))
                    .collect::<Result<Vec<_>>>()?;
                let nullable = list.iter().all(|t| t.nullable);
                let strength = list
                    .iter()
                    .map(|t| t.coercibility)
                    .min()
                    .unwrap_or(coercibility::LITERAL);
                let (list, ty, _) = self.unify(list)?;
                Ok(Typed::new(Expr::Coalesce(list), ty, nullable).with_coercibility(strength))
            }
            "nullif" => {
                count(2, 2)?;
                let a = self.expr(&args[0])?;
                let b = self.expr(&args[1])?;
                let ty = self.plain(a.clone()).ty;
                let same = self.compare(CompareOp::Eq, a.clone(), b)?;
                let strength = a.coercibility;
                let e = Expr::Case {
                    branches: vec![(same.expr, Expr::Literal(Value::Null))],
                    otherwise: Some(Box::new(self.plain(a).expr)),
                };
                Ok(Typed::new(e, ty, true).with_coercibility(strength))
            }
            "isnull" => {
                count(1, 1)?;
                let t = self.expr(&args[0])?;
                let is = Expr::Is {
                    expr: Box::new(t.expr),
                    test: IsTest::Null,
                    negated: false,
                };
                Ok(Typed::new(is, BOOL, false))
            }
            "greatest" | "least" => {
                count(2, usize::MAX)?;
                let list = args
                    .iter()
                    .map(|a| self.expr(a))
                    .collect::<Result<Vec<_>>>()?;
                let (list, ty, nullable) = self.unify(list)?;
                let typed = list
                    .into_iter()
                    .map(|e| Typed::new(e, ty.clone(), nullable))
                    .collect();
                let mut t = self.call(&name, typed)?;
                t.ty = ty;
                Ok(t)
            }
            "date_add" | "adddate" | "date_sub" | "subdate" => {
                count(2, 2)?;
                let negative = name.ends_with("sub") || name.starts_with("sub");
                match &args[1] {
                    ast::Expr::Interval { value, unit } => {
                        self.date_add(&args[0], value, *unit, negative)
                    }
                    days => self.date_add(&args[0], days, ast::IntervalUnit::Day, negative),
                }
            }
            "mod" => {
                count(2, 2)?;
                self.binary(BinaryOp::Mod, &args[0], &args[1])
            }
            "collation" | "charset" | "coercibility" => {
                count(1, 1)?;
                let t = self.expr(&args[0])?;
                self.collation_fact(&name, &t)
            }
            "json_value" if args.len() == 3 => {
                let to = self.json_value_type(&args[2]);
                self.json_value(&args[..2], to)
            }
            "any_value" => {
                count(1, 1)?;
                self.expr(&args[0])
            }
            "values" => {
                count(1, 1)?;
                match &args[0] {
                    ast::Expr::Column(c) => self.expr(&ast::Expr::Values(Box::new(c.clone()))),
                    _ => Err(Error::not_supported("VALUES()")),
                }
            }
            _ => {
                if let Some(db) = &call.db {
                    if let Some(t) = self.stored_call(Some(&**db), &call.name, args)? {
                        return Ok(t);
                    }
                    return Err(Error::unknown_function(format!(
                        "{}.{}",
                        call.db.as_deref().unwrap_or(""),
                        call.name
                    )));
                }
                match crate::functions::lookup(&name) {
                    Some(_) => self.named_call(&name, args),
                    None => {
                        if let Some(t) = self.stored_call(None, &call.name, args)? {
                            return Ok(t);
                        }
                        let db = self.default_db();
                        Err(match db {
                            Some(db) => Error::unknown_function(format!("{db}.{}", call.name)),
                            None => Error::unknown_function(&call.name),
                        })
                    }
                }
            }
        }
    }

    fn collation_fact(&mut self, name: &str, t: &Typed) -> Result<Typed> {
        let id = collation_id(&t.ty).unwrap_or(match &t.ty {
            ty if is_number(ty) || is_temporal(ty) => CollationId::BINARY,
            SqlType::Null => CollationId::BINARY,
            _ => self.modes.connection,
        });
        let collation = values::collation::by_id(id);
        let text = match name {
            "collation" => collation.map_or("binary", |c| c.name),
            _ => collation.map_or("binary", |c| c.charset.name),
        };
        if name == "coercibility" {
            let v = Value::Int(t.coercibility as i64);
            return Ok(Typed::new(Expr::Literal(v), BIGINT, false));
        }
        let utf8 = values::collation::by_name("utf8mb3_general_ci")
            .map_or(self.modes.connection, |c| c.id);
        Ok(Typed::new(
            Expr::Literal(Value::text(text)),
            SqlType::VarChar(64, utf8),
            false,
        ))
    }

    /// A variable of the program around the statement, or a column of a trigger's row.
    fn variable(&self, c: &ast::ColumnRef) -> Result<Option<Typed>> {
        let Some(scope) = &self.scope else {
            return Ok(None);
        };
        let row = match &c.table {
            None => None,
            Some(t) => match (scope.event, Row::named(t)) {
                (Some(_), Some(row)) if c.db.is_none() => Some(row),
                _ => return Ok(None),
            },
        };
        if let Some(l) = scope.find(row, &c.name) {
            let t = Typed::new(Expr::Local(l.place), l.ty.clone(), true);
            return Ok(Some(t.with_coercibility(coercibility::IMPLICIT)));
        }
        match (row, scope.event) {
            (Some(Row::Old), Some(ast::TriggerEvent::Insert)) => {
                Err(Error::trigger_row_missing("OLD", "INSERT"))
            }
            (Some(Row::New), Some(ast::TriggerEvent::Delete)) => {
                Err(Error::trigger_row_missing("NEW", "DELETE"))
            }
            (Some(row), _) => Err(Error::unknown_column(&*c.name, row.as_str())),
            (None, _) => Ok(None),
        }
    }

    /// A call of a stored function, if there is one of that name.
    fn stored_call(
        &mut self,
        db: Option<&str>,
        name: &str,
        args: &[ast::Expr],
    ) -> Result<Option<Typed>> {
        let db = db.map(str::to_string).or_else(|| self.default_db());
        let Some((stored, db)) = self.catalog.stored_function(db.as_deref(), name)? else {
            return Ok(None);
        };
        if let Some(access) = &self.access {
            access.routine(crate::accounts::Privilege::Execute, &db, name, false)?;
        }
        let Some(routine) = stored.routine() else {
            return Ok(None);
        };
        if args.len() != routine.params.len() {
            return Err(Error::routine_arguments(
                "FUNCTION",
                format!("{}.{}", stored.db, stored.name),
                routine.params.len(),
                args.len(),
            ));
        }
        if let Some(access) = &self.access {
            access.routine(Privilege::Execute, &db, name, false)?;
        }
        let program = stored.program(CollationId::DEFAULT, None)?;
        let args = args
            .iter()
            .map(|a| self.expr(a).map(|t| (t.expr, t.ty)))
            .collect::<Result<Vec<_>>>()?;
        self.depends_on_code(&db);
        let call = FunctionCall {
            program,
            db,
            args,
            deterministic: crate::program::call::is_deterministic(routine),
        };
        let ty = call.ty();
        let t = Typed::new(Expr::StoredCall(Arc::new(call)), ty, true);
        Ok(Some(t.with_coercibility(coercibility::IMPLICIT)))
    }

    /// Resolves a column name from the innermost block outwards.
    pub(crate) fn column(&mut self, c: &ast::ColumnRef) -> Result<Typed> {
        if c.table.is_some() && self.one_table {
            let mut bare = c.clone();
            (bare.db, bare.table) = (None, None);
            return self.column(&bare);
        }
        if let Some(t) = self.variable(c)? {
            return Ok(t);
        }
        let here = self.blocks.len() - 1;
        for level in (0..=here).rev() {
            if self.blocks[level].hidden {
                continue;
            }
            match self.column_at(level, c)? {
                Found::Column(t) => {
                    return Ok(if level == here {
                        t
                    } else {
                        self.outward(t, here, level)
                    });
                }
                Found::Missing => {}
            }
        }
        let clause = self.blocks[here].clause;
        let mut shown = String::new();
        for part in [&c.db, &c.table].into_iter().flatten() {
            shown.push_str(part);
            shown.push('.');
        }
        shown.push_str(&c.name);
        Err(Error::unknown_column(shown, clause))
    }

    /// Turns a column found `level` into one seen from `here`.
    fn outward(&mut self, mut t: Typed, here: usize, level: usize) -> Typed {
        for b in &mut self.blocks[level + 1..=here] {
            b.outer = b.outer.min(level);
        }
        fn shift(e: &mut Expr, by: u16) {
            match e {
                Expr::Column { slot, col } => {
                    *e = Expr::Outer {
                        depth: by,
                        slot: *slot,
                        col: *col,
                    }
                }
                Expr::Outer { depth, .. } => *depth += by,
                Expr::Cast { expr, .. } => shift(expr, by),
                Expr::Coalesce(list) => list.iter_mut().for_each(|e| shift(e, by)),
                Expr::Call { args, .. } => args.iter_mut().for_each(|e| shift(e, by)),
                Expr::Arith { left, right, .. } | Expr::Compare { left, right, .. } => {
                    shift(left, by);
                    shift(right, by);
                }
                Expr::And(list) | Expr::Or(list) => list.iter_mut().for_each(|e| shift(e, by)),
                Expr::Not(e) | Expr::Negate(e, _) => shift(e, by),
                Expr::Case {
                    branches,
                    otherwise,
                } => {
                    for (a, b) in branches {
                        shift(a, by);
                        shift(b, by);
                    }
                    if let Some(e) = otherwise {
                        shift(e, by);
                    }
                }
                _ => {}
            }
        }
        shift(&mut t.expr, (here - level) as u16);
        t
    }

    /// Looks a column up in one block.
    /// The one stored table of this query block that columns belong to: its number in the
    /// statement, its slot, and the columns.
    pub(crate) fn matched_table(
        &mut self,
        columns: &[ast::ColumnRef],
    ) -> Result<(usize, u16, Vec<usize>)> {
        let mut found: Option<(usize, u16)> = None;
        let mut places = Vec::new();
        for c in columns {
            self.column(c)?;
            let block = self.block();
            let of = |t: &&super::ScopeTable| {
                c.table
                    .as_ref()
                    .is_none_or(|n| t.alias.eq_ignore_ascii_case(n))
                    && t.columns
                        .iter()
                        .any(|x| x.meta.name.eq_ignore_ascii_case(&c.name))
            };
            let table = block.tables.iter().find(of);
            let Some((base, slot)) = table.and_then(|t| Some((t.base?, t.slot))) else {
                return Err(Error::wrong_arguments("MATCH"));
            };
            if found.is_some_and(|f| f.0 != base) {
                return Err(Error::wrong_arguments("MATCH"));
            }
            found = Some((base, slot));
            let place = self.tables[base].def.column(&c.name);
            places.extend(place);
        }
        let (base, slot) = found.ok_or_else(|| Error::wrong_arguments("MATCH"))?;
        Ok((base, slot, places))
    }

    fn column_at(&mut self, level: usize, c: &ast::ColumnRef) -> Result<Found> {
        let name: &str = &c.name;
        let block = &self.blocks[level];
        let alias = |block: &super::BlockScope| {
            block
                .aliases
                .iter()
                .find(|(a, _)| a.eq_ignore_ascii_case(name))
                .map(|(_, t)| t.clone())
        };
        if c.table.is_none()
            && block.alias_rule == AliasRule::First
            && !block.in_aggregate
            && let Some(t) = alias(block)
        {
            return Ok(Found::Column(t));
        }
        let mut found: Option<(usize, usize)> = None;
        for (i, table) in block.tables.iter().enumerate() {
            if let Some(t) = &c.table
                && !table.alias.eq_ignore_ascii_case(t)
            {
                continue;
            }
            if let Some(db) = &c.db
                && !(table.db.eq_ignore_ascii_case(db)
                    || base_name(&table.db).eq_ignore_ascii_case(base_name(db)))
            {
                continue;
            }
            if c.table.is_none() && table.merged.iter().any(|m| m.eq_ignore_ascii_case(name)) {
                continue;
            }
            for (j, column) in table.columns.iter().enumerate() {
                if column.meta.name.eq_ignore_ascii_case(name) {
                    if found.is_some() {
                        let shown = match &c.table {
                            Some(t) => format!("{t}.{name}"),
                            None => name.to_string(),
                        };
                        if c.table.is_none()
                            && let Some(t) = block
                                .alias_rule
                                .eq(&AliasRule::Fallback)
                                .then(|| alias(block))
                                .flatten()
                        {
                            return Ok(Found::Column(t));
                        }
                        return Err(Error::ambiguous_column(shown, block.clause));
                    }
                    found = Some((i, j));
                    break;
                }
            }
        }
        if c.table.is_none()
            && let Some((_, t)) = block
                .joined
                .iter()
                .find(|(n, _)| n.eq_ignore_ascii_case(name))
        {
            return Ok(Found::Column(t.clone()));
        }
        let Some((i, j)) = found else {
            if c.table.is_none()
                && block.alias_rule == AliasRule::Fallback
                && !block.in_aggregate
                && let Some(t) = alias(block)
            {
                return Ok(Found::Column(t));
            }
            return Ok(Found::Missing);
        };
        let column = &self.blocks[level].tables[i].columns[j];
        if column.denied
            && !self.assigns
            && let Some(access) = &self.access
        {
            let (name, table) = (&column.meta.org_name, &column.meta.org_table);
            return Err(access.column_denied("SELECT", name, table));
        }
        let t = self.blocks[level].tables[i].typed(j);
        if self.blocks[level].stage == Stage::Groups {
            return self.group_column(level, i, j, t).map(Found::Column);
        }
        Ok(Found::Column(t))
    }

    /// The column of this name in one slot.
    pub(crate) fn column_in_slot(&mut self, slot: u16, name: &str) -> Result<Typed> {
        for level in (0..self.blocks.len()).rev() {
            let Some(table) = self.blocks[level].tables.iter().find(|t| t.slot == slot) else {
                continue;
            };
            if let Some(j) = table
                .columns
                .iter()
                .position(|c| c.meta.name.eq_ignore_ascii_case(name))
            {
                return Ok(table.typed(j));
            }
        }
        Err(Error::unknown_column(name, "field list"))
    }

    fn default_of(&mut self, c: &ast::ColumnRef) -> Result<Typed> {
        let here = self.blocks.len() - 1;
        for table in self.blocks[here].tables.clone() {
            if c.table
                .as_ref()
                .is_some_and(|t| !table.alias.eq_ignore_ascii_case(t))
            {
                continue;
            }
            let Some(base) = table.base else { continue };
            let def = self.tables[base].def.clone();
            if let Some(i) = def.column(&c.name) {
                return self.stored_default(&def, i);
            }
        }
        Err(Error::unknown_column(&c.name, self.blocks[here].clause))
    }

    /// The bound default of a stored column.
    pub(crate) fn stored_default(
        &mut self,
        def: &crate::table::TableDef,
        i: usize,
    ) -> Result<Typed> {
        let column = &def.columns[i];
        if column.default.is_empty() {
            if column.nullable {
                return Ok(Typed::new(
                    Expr::Literal(Value::Null),
                    column.ty.clone(),
                    true,
                ));
            }
            return Err(Error::no_default(&column.name));
        }
        let e = syntax::parse_expr(column.default.as_bytes(), &self.modes.syntax)
            .map_err(crate::statement::syntax_error)?;
        let t = self.bind_alone(&e)?;
        let ty = column.ty.clone();
        let e = Expr::Cast {
            expr: Box::new(t.expr),
            from: t.ty,
            to: ty.clone(),
        };
        Ok(Typed::new(e, ty, true))
    }
}

impl super::ScopeTable {
    pub(crate) fn typed(&self, column: usize) -> Typed {
        let c = &self.columns[column];
        let expr = match &c.computed {
            Some(e) => e.clone(),
            None => Expr::Column {
                slot: self.slot,
                col: column as u16,
            },
        };
        let mut meta: ColumnMeta = c.meta.clone();
        meta.table = self.alias.clone();
        Typed {
            expr,
            ty: c.meta.ty.clone(),
            nullable: c.nullable,
            coercibility: coercibility::IMPLICIT,
            origin: Some(Box::new(meta)),
        }
    }
}

/// Lets a quotient keep the digits that MySQL computes beyond those that it shows: whole groups of
/// nine, which count when the quotient is used further.
fn keep_digits(e: &mut Expr) {
    fn is_arith(e: &Expr) -> bool {
        matches!(
            e,
            Expr::Arith {
                kind: ArithAs::Decimal { .. },
                ..
            }
        )
    }
    let Expr::Arith {
        op,
        kind: ArithAs::Decimal { scale },
        left,
        right,
    } = e
    else {
        return;
    };
    let nested = is_arith(left) || is_arith(right);
    if *op == ArithOp::Div || nested {
        let groups = scale.div_ceil(9) + u8::from(nested);
        *scale = (groups * 9).min(30).max(*scale);
    }
}

/// NOT.
pub(crate) fn negate(t: Typed) -> Typed {
    Typed::new(Expr::Not(Box::new(t.expr)), BOOL, t.nullable)
}

fn text_literal(text: &str) -> ast::Expr {
    ast::Expr::Literal(Literal::String {
        bytes: text.as_bytes().into(),
        charset: None,
    })
}

/// The parts of a row constructor.
/// The row that a subquery of several columns gives, each part asked for by itself.
fn row_of_query(e: &ast::Expr) -> Option<ast::Expr> {
    let ast::Expr::Subquery(query) = e else {
        return None;
    };
    let ast::SetExpr::Select(select) = &query.body else {
        return None;
    };
    let plain = |i: &ast::SelectItem| matches!(i, ast::SelectItem::Expr { .. });
    if select.items.len() < 2 || !query.order_by.is_empty() || !select.items.iter().all(plain) {
        return None;
    }
    let parts = select.items.iter().map(|item| {
        let mut select = select.clone();
        select.items = vec![item.clone()];
        let mut query = query.clone();
        query.body = ast::SetExpr::Select(select);
        ast::Expr::Subquery(query)
    });
    Some(ast::Expr::Row(parts.collect()))
}

fn row_of(e: &ast::Expr) -> Option<&[ast::Expr]> {
    match e {
        ast::Expr::Row(list) if list.len() > 1 => Some(list),
        _ => None,
    }
}

/// A database name without its revision.
fn base_name(db: &str) -> &str {
    db.split(['/', '@']).next().unwrap_or(db)
}

fn compare_op(op: BinaryOp) -> Option<CompareOp> {
    Some(match op {
        BinaryOp::Eq => CompareOp::Eq,
        BinaryOp::NullSafeEq => CompareOp::NullSafeEq,
        BinaryOp::Ne => CompareOp::Ne,
        BinaryOp::Lt => CompareOp::Lt,
        BinaryOp::Le => CompareOp::Le,
        BinaryOp::Gt => CompareOp::Gt,
        BinaryOp::Ge => CompareOp::Ge,
        _ => return None,
    })
}

/// The type that a value has by itself: variables and parameters.
pub fn type_of_value(value: &OwnedValue, connection: CollationId) -> SqlType {
    match value {
        Value::Null => SqlType::Null,
        Value::Int(_) => BIGINT,
        Value::UInt(_) => UBIGINT,
        Value::Float(_) => SqlType::Double,
        Value::Decimal(d) => types::decimal(65 - d.scale() as u32, d.scale() as u32),
        Value::Bytes(b) => match std::str::from_utf8(b) {
            Ok(s) => types::varchar(s.chars().count() as u32, connection),
            Err(_) => types::varchar(b.len() as u32, CollationId::BINARY),
        },
        Value::Date(_) => SqlType::Date,
        Value::Time(_) => SqlType::Time(6),
        Value::DateTime(_) => SqlType::DateTime(6),
        Value::Json(_) => SqlType::Json,
    }
}

/// Whether values of both types have the same physical form, so that no conversion is needed.
pub fn same_form(from: &SqlType, to: &SqlType) -> bool {
    use SqlType::*;
    match (from, to) {
        (Null, _) => true,
        (Int { unsigned: a, .. }, Int { unsigned: b, .. }) => a == b,
        (Float | Double, Double) | (Float, Float) => true,
        (Decimal { scale: a, .. }, Decimal { scale: b, .. }) => a == b,
        (Date, Date) | (Json, Json) | (Year, Year) => true,
        (Bit(_), Bit(_)) => true,
        (Time(_), Time(_)) => true,
        (DateTime(_) | Timestamp(_), DateTime(_) | Timestamp(_)) => true,
        (Enum(a, _), Enum(b, _)) | (Set(a, _), Set(b, _)) => a == b,
        (a, b) if is_text(a) && is_text(b) => true,
        (a, b) if (is_text(a) || is_binary(a)) && is_binary(b) => {
            !matches!(b, Geometry(..) | Vector(_) | Binary(_))
        }
        _ => false,
    }
}
