//! Binding of expressions.

mod calls;
mod casts;
mod comparisons;
mod names;

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
            keep_digits(&mut a.expr, self.modes.div_increment);
            keep_digits(&mut b.expr, self.modes.div_increment);
        }
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
                // Only `:=` changes it while the statement runs.
                let fixed = !self.source.windows(2).any(|w| w == b":=");
                let name = name.clone();
                Ok(Typed::new(Expr::UserVar { name, fixed }, ty, true))
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
                    && (t.coercibility <= coercibility::IMPLICIT
                        || matches!(t.expr, Expr::Literal(_)))
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
        keep_digits(&mut a.expr, self.modes.div_increment);
        keep_digits(&mut b.expr, self.modes.div_increment);
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

/// Lets a quotient keep the digits that MySQL computes beyond those that it shows, which count when
/// the quotient is used further.
fn keep_digits(e: &mut Expr, increment: u8) {
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
    if *op == ArithOp::Div || is_arith(left) || is_arith(right) {
        *scale = ArithAs::ALL_DIGITS + increment.min(30);
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
