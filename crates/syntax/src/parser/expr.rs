//! Expressions by precedence climbing over MySQL's levels.

use super::{Parser, Res, small_integer};
use crate::ast::*;
use crate::keyword::{CHARSETS, Kw};
use crate::lexer::{T, Token};

/// Binding levels, low to high; each names the productions of MySQL's grammar that it stands for.
pub(crate) mod level {
    pub(crate) const OR: u8 = 1;
    pub(crate) const XOR: u8 = 2;
    pub(crate) const AND: u8 = 3;
    pub(crate) const NOT: u8 = 4;
    /// Comparisons and IS (`bool_pri`).
    pub(crate) const COMPARE: u8 = 5;
    /// IN, BETWEEN, LIKE, REGEXP, MEMBER OF, SOUNDS LIKE (`predicate`).
    pub(crate) const PREDICATE: u8 = 6;
    pub(crate) const BIT_OR: u8 = 7;
    pub(crate) const BIT_AND: u8 = 8;
    pub(crate) const SHIFT: u8 = 9;
    pub(crate) const ADD: u8 = 10;
    pub(crate) const MULTIPLY: u8 = 11;
    pub(crate) const BIT_XOR: u8 = 12;
    /// `||` under PIPES_AS_CONCAT.
    pub(crate) const CONCAT: u8 = 13;
    /// Unary minus, plus, tilde.
    pub(crate) const NEGATE: u8 = 14;
    pub(crate) const BANG: u8 = 15;
    pub(crate) const COLLATE: u8 = 16;
    pub(crate) const PRIMARY: u8 = 17;
}

use level::*;

impl Parser<'_> {
    /// An expression.
    pub(super) fn expr(&mut self) -> Res<Expr> {
        self.expr_from(OR)
    }

    /// What MySQL calls `bit_expr`: no comparison or boolean operator at the top.
    pub(super) fn bit_expr(&mut self) -> Res<Expr> {
        self.expr_from(BIT_OR)
    }

    pub(super) fn boxed_expr(&mut self) -> Res<Box<Expr>> {
        Ok(Box::new(self.expr()?))
    }

    /// An expression whose outermost operator binds at least as tightly as `min`.
    pub(super) fn expr_from(&mut self, min: u8) -> Res<Expr> {
        self.enter()?;
        let outer = std::mem::replace(&mut self.height, 0);
        let left = self.prefix(min)?;
        let left = self.climb(left, min)?;
        let height = self.height;
        self.height = outer;
        self.raise(height)?;
        self.depth -= 1;
        Ok(left)
    }

    /// Extends `left` by the operators that follow and bind at least as tightly as `min`.
    fn climb(&mut self, mut left: Expr, min: u8) -> Res<Expr> {
        let height = self.height + 1;
        self.raise(height)?;
        while let Some((op, level)) = self.infix() {
            if level < min {
                break;
            }
            let height = std::mem::replace(&mut self.height, 0);
            left = self.combine(left, op, level)?;
            let height = height.max(self.height) + 1;
            self.raise(height)?;
        }
        Ok(left)
    }

    fn prefix(&mut self, min: u8) -> Res<Expr> {
        let (op, operand) = match (self.tok.kind, self.tok.kw) {
            (T::Word, Kw::NOT) if self.options.high_not_precedence => (UnaryOp::Not, BANG),
            // NOT to the right of a tighter operator is MySQL's syntax error; being lenient there
            // would give `a = NOT b` a meaning that MySQL does not give it.
            (T::Word, Kw::NOT) if min <= NOT => (UnaryOp::Not, NOT),
            (T::Bang, _) => (UnaryOp::Bang, BANG),
            (T::Minus, _) => (UnaryOp::Minus, NEGATE),
            (T::Plus, _) => (UnaryOp::Plus, NEGATE),
            (T::Tilde, _) => (UnaryOp::BitNot, NEGATE),
            (T::Word, Kw::BINARY) => (UnaryOp::Binary, COLLATE),
            _ => return self.primary(),
        };
        self.advance();
        let expr = self.expr_from(operand)?;
        Ok(Expr::Unary {
            op,
            expr: Box::new(expr),
        })
    }

    /// The infix operator here and its level.
    fn infix(&self) -> Option<(Infix, u8)> {
        use Infix::*;
        let binary = |op, level| Some((Binary(op), level));
        match self.tok.kind {
            T::Word => match self.tok.kw {
                Kw::AND => Some((And, AND)),
                Kw::OR => Some((Or, OR)),
                Kw::XOR => binary(BinaryOp::Xor, XOR),
                Kw::IS => Some((Is, COMPARE)),
                Kw::LIKE => Some((Like, PREDICATE)),
                Kw::REGEXP | Kw::RLIKE => Some((Regexp, PREDICATE)),
                Kw::IN => Some((In, PREDICATE)),
                Kw::BETWEEN => Some((Between, PREDICATE)),
                Kw::DIV => binary(BinaryOp::IntDiv, MULTIPLY),
                Kw::MOD => binary(BinaryOp::Mod, MULTIPLY),
                Kw::COLLATE => Some((Collate, COLLATE)),
                Kw::NOT => match self.peek().kw {
                    Kw::LIKE | Kw::REGEXP | Kw::RLIKE | Kw::IN | Kw::BETWEEN => {
                        Some((Negated, PREDICATE))
                    }
                    _ => None,
                },
                Kw::MEMBER if self.peek().kw == Kw::OF => Some((MemberOf, PREDICATE)),
                Kw::SOUNDS if self.peek().kw == Kw::LIKE => Some((SoundsLike, PREDICATE)),
                _ => None,
            },
            T::AmpAmp => Some((And, AND)),
            T::PipePipe if self.options.pipes_as_concat => binary(BinaryOp::Concat, CONCAT),
            T::PipePipe => Some((Or, OR)),
            T::Eq => binary(BinaryOp::Eq, COMPARE),
            T::NullSafe => binary(BinaryOp::NullSafeEq, COMPARE),
            T::Ne => binary(BinaryOp::Ne, COMPARE),
            T::Lt => binary(BinaryOp::Lt, COMPARE),
            T::Le => binary(BinaryOp::Le, COMPARE),
            T::Gt => binary(BinaryOp::Gt, COMPARE),
            T::Ge => binary(BinaryOp::Ge, COMPARE),
            T::Pipe => binary(BinaryOp::BitOr, BIT_OR),
            T::Amp => binary(BinaryOp::BitAnd, BIT_AND),
            T::Shl => binary(BinaryOp::ShiftLeft, SHIFT),
            T::Shr => binary(BinaryOp::ShiftRight, SHIFT),
            T::Plus => binary(BinaryOp::Add, ADD),
            T::Minus => binary(BinaryOp::Sub, ADD),
            T::Star => binary(BinaryOp::Mul, MULTIPLY),
            T::Slash => binary(BinaryOp::Div, MULTIPLY),
            T::Percent => binary(BinaryOp::Mod, MULTIPLY),
            T::Caret => binary(BinaryOp::BitXor, BIT_XOR),
            T::Arrow => binary(BinaryOp::JsonExtract, PRIMARY),
            T::ArrowArrow => binary(BinaryOp::JsonUnquote, PRIMARY),
            _ => None,
        }
    }

    /// Parses what follows `left`, with the current token at the operator.
    fn combine(&mut self, left: Expr, op: Infix, level: u8) -> Res<Expr> {
        match op {
            Infix::And => self.chain(left, AND, Expr::And),
            Infix::Or => self.chain(left, OR, Expr::Or),
            Infix::Binary(op) => {
                self.advance();
                if level == COMPARE && op != BinaryOp::NullSafeEq {
                    let quantifier = match self.tok.kw {
                        Kw::ALL => Some(Quantifier::All),
                        Kw::ANY | Kw::SOME if self.peek().kind == T::LParen => {
                            Some(Quantifier::Any)
                        }
                        _ => None,
                    };
                    if let Some(quantifier) = quantifier {
                        self.advance();
                        return Ok(Expr::Quantified {
                            op,
                            left: Box::new(left),
                            quantifier,
                            query: self.paren_query()?,
                        });
                    }
                }
                let right = self.expr_from(level + 1)?;
                Ok(Expr::Binary {
                    op,
                    left: Box::new(left),
                    right: Box::new(right),
                })
            }
            Infix::Is => {
                self.advance();
                let negated = self.eat_kw(Kw::NOT);
                let what = match self.tok.kw {
                    Kw::NULL => IsWhat::Null,
                    Kw::TRUE => IsWhat::True,
                    Kw::FALSE => IsWhat::False,
                    Kw::UNKNOWN => IsWhat::Unknown,
                    _ => return self.fail(),
                };
                self.advance();
                Ok(Expr::Is {
                    expr: Box::new(left),
                    negated,
                    what,
                })
            }
            Infix::Collate => {
                self.advance();
                Ok(Expr::Collate {
                    expr: Box::new(left),
                    collation: self.charset_name()?,
                })
            }
            Infix::Negated => {
                self.advance();
                self.predicate(left, true)
            }
            _ => self.predicate(left, false),
        }
    }

    /// `left AND b AND c ...` as one node.
    fn chain(&mut self, left: Expr, level: u8, node: fn(Vec<Expr>) -> Expr) -> Res<Expr> {
        let mut operands = vec![left];
        loop {
            match self.infix() {
                Some((Infix::And, l)) | Some((Infix::Or, l)) if l == level => {}
                _ => return Ok(node(operands)),
            }
            self.advance();
            operands.push(self.expr_from(level + 1)?);
        }
    }

    fn predicate(&mut self, left: Expr, negated: bool) -> Res<Expr> {
        let expr = Box::new(left);
        let tok = self.advance();
        match tok.kw {
            Kw::LIKE => {
                let pattern = Box::new(self.bit_expr()?);
                let escape = if self.eat_kw(Kw::ESCAPE) {
                    Some(Box::new(self.expr_from(BANG)?))
                } else {
                    None
                };
                Ok(Expr::Like {
                    expr,
                    negated,
                    pattern,
                    escape,
                })
            }
            Kw::REGEXP | Kw::RLIKE => Ok(Expr::Regexp {
                expr,
                negated,
                pattern: Box::new(self.bit_expr()?),
            }),
            Kw::BETWEEN => {
                let low = Box::new(self.bit_expr()?);
                self.expect_kw(Kw::AND)?;
                let high = Box::new(self.expr_from(PREDICATE)?);
                Ok(Expr::Between {
                    expr,
                    negated,
                    low,
                    high,
                })
            }
            Kw::IN => {
                if !self.is(T::LParen) {
                    return self.fail();
                }
                if self.query_follows_paren() {
                    let query = self.paren_query()?;
                    return Ok(Expr::InSubquery {
                        expr,
                        negated,
                        query,
                    });
                }
                let mut list = self.paren_list(Self::expr)?;
                if let [Expr::Subquery(_)] = list.as_slice()
                    && let Some(Expr::Subquery(query)) = list.pop()
                {
                    return Ok(Expr::InSubquery {
                        expr,
                        negated,
                        query,
                    });
                }
                Ok(Expr::InList {
                    expr,
                    negated,
                    list,
                })
            }
            Kw::MEMBER => {
                self.expect_kw(Kw::OF)?;
                self.expect(T::LParen)?;
                let array = self.boxed_expr()?;
                self.expect(T::RParen)?;
                Ok(Expr::MemberOf { value: expr, array })
            }
            Kw::SOUNDS => {
                self.expect_kw(Kw::LIKE)?;
                Ok(Expr::Binary {
                    op: BinaryOp::SoundsLike,
                    left: expr,
                    right: Box::new(self.bit_expr()?),
                })
            }
            _ => Err(self.unexpected_at(tok.start as usize)),
        }
    }

    /// Whether the parenthesis here opens a query.
    pub(super) fn query_follows_paren(&self) -> bool {
        let (first, second) = self.peek2();
        match first.kw {
            Kw::SELECT | Kw::WITH | Kw::TABLE => true,
            Kw::VALUES => second.kw == Kw::ROW,
            _ => false,
        }
    }

    fn primary(&mut self) -> Res<Expr> {
        match self.tok.kind {
            T::Word => self.word_expr(),
            T::Quoted => self.column_or_call(),
            T::Int => {
                let tok = self.advance();
                let digits = self.bytes(tok);
                if let Some(n) = small_integer(digits) {
                    return Ok(Expr::Literal(Literal::Int(n)));
                }
                let text = self.utf8(digits, tok)?;
                Ok(Expr::Literal(match text.parse() {
                    Ok(n) => Literal::Int(n),
                    Err(_) => Literal::Decimal(text),
                }))
            }
            T::Decimal => Ok(Expr::Literal(Literal::Decimal(self.number_text()?))),
            T::Float => Ok(Expr::Literal(Literal::Float(self.number_text()?))),
            T::Str | T::NStr | T::Hex | T::Bit => self.text_literal(None),
            T::Param => {
                self.advance();
                self.params += 1;
                Ok(Expr::Param(self.params - 1))
            }
            T::LParen => self.paren_expr(),
            T::UserVar => {
                let name = self.user_var()?;
                if self.eat(T::Assign) {
                    return Ok(Expr::Assign {
                        target: name,
                        value: self.boxed_expr()?,
                    });
                }
                Ok(Expr::UserVar(name))
            }
            T::AtAt => {
                let (scope, name) = self.system_var()?;
                Ok(Expr::SystemVar(Box::new(SystemVar { scope, name })))
            }
            T::LBrace => {
                self.advance();
                let kind = self.any_ident()?;
                let temporal = match &*kind.to_ascii_lowercase() {
                    "d" => Some(TemporalKind::Date),
                    "t" => Some(TemporalKind::Time),
                    "ts" => Some(TemporalKind::Timestamp),
                    _ => None,
                };
                let expr = if let (Some(kind), true) = (temporal, self.is_string()) {
                    Expr::Literal(Literal::Temporal {
                        kind,
                        text: self.string()?,
                    })
                } else {
                    Expr::Odbc {
                        kind,
                        expr: self.boxed_expr()?,
                    }
                };
                self.expect(T::RBrace)?;
                Ok(expr)
            }
            _ => self.fail(),
        }
    }

    /// A string, hexadecimal or bit literal.
    pub(super) fn text_literal(&mut self, charset: Option<Box<str>>) -> Res<Expr> {
        Ok(Expr::Literal(match self.tok.kind {
            T::Hex => Literal::Hex {
                bytes: self.string_or_hex()?,
                charset,
            },
            T::Bit => Literal::Bit {
                bytes: self.string_or_hex()?,
                charset,
            },
            T::NStr => Literal::String {
                bytes: self.string_bytes()?,
                charset: Some("utf8".into()),
            },
            _ => Literal::String {
                bytes: self.string_bytes()?,
                charset,
            },
        }))
    }

    /// `@@[scope.]name[.name]`
    pub(super) fn system_var(&mut self) -> Res<(Option<VarScope>, Box<str>)> {
        self.expect(T::AtAt)?;
        let first = self.tok;
        let mut name = self.any_ident()?;
        let mut scope = None;
        if first.kind == T::Word && self.is(T::Dot) {
            scope = scope_of(&name);
            if scope.is_some() {
                self.advance();
                name = self.any_ident()?;
            }
        }
        if self.eat(T::Dot) {
            let rest = self.any_ident()?;
            return Ok((scope, format!("{name}.{rest}").into()));
        }
        Ok((scope, name.0))
    }

    /// `( ... )`: a query, a row, or an expression.
    fn paren_expr(&mut self) -> Res<Expr> {
        if self.query_follows_paren() {
            return Ok(Expr::Subquery(self.paren_query()?));
        }
        let open = self.advance();
        let first = self.expr()?;
        if let (Expr::Subquery(_), true) = (&first, self.query_continues())
            && let Expr::Subquery(query) = first
        {
            let query = self.query_after(SetExpr::Nested(query), open.end)?;
            self.expect(T::RParen)?;
            return Ok(Expr::Subquery(Box::new(query)));
        }
        if self.eat(T::Comma) {
            let mut row = vec![first];
            row.extend(self.comma_list(Self::expr)?);
            self.expect(T::RParen)?;
            return Ok(Expr::Row(row));
        }
        self.expect(T::RParen)?;
        Ok(first)
    }

    /// An expression that begins with an unquoted word.
    fn word_expr(&mut self) -> Res<Expr> {
        match self.tok.kw {
            Kw::NotKeyword => {
                if self.bytes(self.tok).first() == Some(&b'_')
                    && let Some(expr) = self.introduced()?
                {
                    return Ok(expr);
                }
                self.column_or_call()
            }
            Kw::NULL => self.literal(Literal::Null),
            Kw::TRUE => self.literal(Literal::Bool(true)),
            Kw::FALSE => self.literal(Literal::Bool(false)),
            Kw::CASE => self.case(),
            Kw::EXISTS => {
                self.advance();
                Ok(Expr::Exists(self.paren_query()?))
            }
            Kw::INTERVAL => self.interval(),
            Kw::DATE | Kw::TIME | Kw::TIMESTAMP => {
                let kind = match self.tok.kw {
                    Kw::DATE => TemporalKind::Date,
                    Kw::TIME => TemporalKind::Time,
                    _ => TemporalKind::Timestamp,
                };
                if self.peek().kind == T::Str {
                    self.advance();
                    let text = self.string()?;
                    return Ok(Expr::Literal(Literal::Temporal { kind, text }));
                }
                self.column_or_call()
            }
            Kw::ROW if self.peek().kind == T::LParen => {
                self.advance();
                Ok(Expr::Row(self.paren_list(Self::expr)?))
            }
            _ => self.keyword_call(),
        }
    }

    fn literal(&mut self, literal: Literal) -> Res<Expr> {
        self.advance();
        Ok(Expr::Literal(literal))
    }

    /// `_charset'...'`
    fn introduced(&mut self) -> Res<Option<Expr>> {
        let next = self.peek();
        if !matches!(next.kind, T::Str | T::Hex | T::Bit) {
            return Ok(None);
        }
        let word = &self.bytes(self.tok)[1..];
        let Some(charset) = CHARSETS
            .iter()
            .find(|c| word.eq_ignore_ascii_case(c.as_bytes()))
        else {
            return Ok(None);
        };
        self.advance();
        self.text_literal(Some((*charset).into())).map(Some)
    }

    fn case(&mut self) -> Res<Expr> {
        self.advance();
        let operand = if self.kw(Kw::WHEN) {
            None
        } else {
            Some(self.boxed_expr()?)
        };
        let mut branches = Vec::new();
        while self.eat_kw(Kw::WHEN) {
            let when = self.expr()?;
            self.expect_kw(Kw::THEN)?;
            branches.push((when, self.expr()?));
        }
        if branches.is_empty() {
            return self.fail();
        }
        let otherwise = if self.eat_kw(Kw::ELSE) {
            Some(self.boxed_expr()?)
        } else {
            None
        };
        self.expect_kw(Kw::END)?;
        Ok(Expr::Case {
            operand,
            branches,
            otherwise,
        })
    }

    /// `INTERVAL x unit`, or the function INTERVAL(n, a, b, ...).
    fn interval(&mut self) -> Res<Expr> {
        let word = self.advance();
        let value = if self.is(T::LParen) && !self.query_follows_paren() {
            let mut list = self.paren_list(Self::expr)?;
            match (list.len(), list.pop()) {
                (1, Some(first)) => self.climb(first, OR)?,
                (_, last) => {
                    list.extend(last);
                    let name = Ident(self.utf8(self.bytes(word), word)?);
                    return Ok(Expr::Function(Box::new(plain_call(name, list))));
                }
            }
        } else {
            self.expr()?
        };
        if self.unit_of(self.tok).is_some() {
            let unit = self.interval_unit()?;
            return Ok(Expr::Interval {
                value: Box::new(value),
                unit,
            });
        }
        self.fail()
    }

    fn unit_of(&self, tok: Token) -> Option<IntervalUnit> {
        if tok.kind != T::Word {
            return None;
        }
        let word = self.bytes(tok);
        let word = match word.get(..8) {
            Some(tsi) if tsi.eq_ignore_ascii_case(b"SQL_TSI_") => &word[8..],
            _ => word,
        };
        IntervalUnit::ALL
            .iter()
            .find(|(_, name)| word.eq_ignore_ascii_case(name.as_bytes()))
            .map(|(unit, _)| *unit)
    }

    pub(super) fn interval_unit(&mut self) -> Res<IntervalUnit> {
        match self.unit_of(self.tok) {
            Some(unit) => {
                self.advance();
                Ok(unit)
            }
            None => self.fail(),
        }
    }

    /// A column, or a call of a function that is no keyword.
    pub(super) fn column_or_call(&mut self) -> Res<Expr> {
        let tok = self.tok;
        if !self.is_ident() {
            return self.fail();
        }
        let first = self.name_of(tok)?;
        self.advance();
        match self.tok.kind {
            T::LParen => self.call(None, first, tok),
            T::Dot => {
                self.advance();
                let second = self.any_ident()?;
                match self.tok.kind {
                    T::LParen => self.call(Some(first), second, tok),
                    T::Dot => {
                        self.advance();
                        Ok(Expr::Column(ColumnRef {
                            db: Some(first),
                            table: Some(second),
                            name: self.any_ident()?,
                        }))
                    }
                    _ => Ok(Expr::Column(ColumnRef {
                        db: None,
                        table: Some(first),
                        name: second,
                    })),
                }
            }
            _ => Ok(Expr::Column(ColumnRef {
                db: None,
                table: None,
                name: first,
            })),
        }
    }

    /// A column's name with up to two qualifiers.
    pub(super) fn column_ref(&mut self) -> Res<ColumnRef> {
        let first = self.ident()?;
        if !self.eat(T::Dot) {
            return Ok(ColumnRef {
                db: None,
                table: None,
                name: first,
            });
        }
        let second = self.any_ident()?;
        if !self.eat(T::Dot) {
            return Ok(ColumnRef {
                db: None,
                table: Some(first),
                name: second,
            });
        }
        Ok(ColumnRef {
            db: Some(first),
            table: Some(second),
            name: self.any_ident()?,
        })
    }
}

enum Infix {
    And,
    Or,
    Binary(BinaryOp),
    Is,
    Like,
    Regexp,
    In,
    Between,
    Collate,
    Negated,
    MemberOf,
    SoundsLike,
}

/// A call without aggregate or window clauses.
pub(super) fn plain_call(name: Ident, args: Vec<Expr>) -> FunctionCall {
    FunctionCall {
        db: None,
        name,
        args,
        star: false,
        distinct: false,
        order_by: Vec::new(),
        separator: None,
        nulls: None,
        from_last: false,
        over: None,
    }
}

/// The scope that a word before a system variable names.
pub(super) fn scope_of(word: &str) -> Option<VarScope> {
    [
        ("global", VarScope::Global),
        ("session", VarScope::Session),
        ("local", VarScope::Session),
        ("persist", VarScope::Persist),
        ("persist_only", VarScope::PersistOnly),
    ]
    .iter()
    .find(|(name, _)| word.eq_ignore_ascii_case(name))
    .map(|(_, scope)| *scope)
}
