//! Function calls: the ordinary ones, and those with a grammar of their own.

use super::expr::plain_call;
use super::{Parser, Res};
use crate::ast::*;
use crate::keyword::Kw;
use crate::lexer::{T, Token};

impl Parser<'_> {
    /// An expression that begins with a keyword: a special call, or an ordinary name.
    pub(super) fn keyword_call(&mut self) -> Res<Expr> {
        let tok = self.tok;
        match tok.kw {
            Kw::CURRENT_DATE
            | Kw::CURRENT_TIME
            | Kw::CURRENT_TIMESTAMP
            | Kw::CURRENT_USER
            | Kw::LOCALTIME
            | Kw::LOCALTIMESTAMP
            | Kw::UTC_DATE
            | Kw::UTC_TIME
            | Kw::UTC_TIMESTAMP => {
                let name = self.name_of(tok)?;
                self.advance();
                let mut args = Vec::new();
                if self.eat(T::LParen) {
                    // Fractional digits are part of the grammar, no expression.
                    let bare = matches!(tok.kw, Kw::CURRENT_DATE | Kw::CURRENT_USER | Kw::UTC_DATE);
                    if !bare && self.is(T::Int) {
                        args.push(self.expr_from(super::expr::level::PRIMARY)?);
                    }
                    self.expect(T::RParen)?;
                }
                return Ok(Expr::Function(Box::new(plain_call(name, args))));
            }
            Kw::DEFAULT => {
                self.advance();
                if !self.eat(T::LParen) {
                    return Ok(Expr::Default(None));
                }
                let column = self.column_ref()?;
                self.expect(T::RParen)?;
                return Ok(Expr::Default(Some(Box::new(column))));
            }
            Kw::MATCH => return self.match_against(),
            _ => {}
        }
        if self.peek().kind != T::LParen {
            return self.column_or_call();
        }
        match tok.kw {
            Kw::VALUES => {
                self.advance();
                self.advance();
                let column = self.column_ref()?;
                self.expect(T::RParen)?;
                return Ok(Expr::Values(Box::new(column)));
            }
            Kw::CAST => return self.cast(),
            Kw::CONVERT => return self.convert(),
            Kw::CHAR => return self.char_call(),
            Kw::EXTRACT => {
                self.open_call();
                let unit = self.interval_unit()?;
                self.expect_kw(Kw::FROM)?;
                let expr = self.boxed_expr()?;
                self.expect(T::RParen)?;
                return Ok(Expr::Extract { unit, expr });
            }
            Kw::TRIM => return self.trim(),
            Kw::POSITION => {
                self.open_call();
                let needle = Box::new(self.bit_expr()?);
                if !self.eat_kw(Kw::IN) {
                    return self.fail();
                }
                let haystack = self.boxed_expr()?;
                self.expect(T::RParen)?;
                return Ok(Expr::Position { needle, haystack });
            }
            Kw::SUBSTRING | Kw::SUBSTR | Kw::MID => return self.substring(),
            Kw::TIMESTAMPADD | Kw::TIMESTAMPDIFF => {
                self.open_call();
                let unit = self.interval_unit()?;
                self.expect(T::Comma)?;
                let first = self.boxed_expr()?;
                self.expect(T::Comma)?;
                let second = self.boxed_expr()?;
                self.expect(T::RParen)?;
                return Ok(Expr::TimestampFunction {
                    diff: tok.kw == Kw::TIMESTAMPDIFF,
                    unit,
                    first,
                    second,
                });
            }
            Kw::GET_FORMAT => {
                self.open_call();
                let kind = self.upper_word()?;
                self.expect(T::Comma)?;
                let format = self.boxed_expr()?;
                self.expect(T::RParen)?;
                return Ok(Expr::GetFormat { kind, format });
            }
            Kw::WEIGHT_STRING => return self.weight_string(),
            Kw::JSON_VALUE => return self.json_value(),
            _ => {}
        }
        if tok.kw.is_reserved() && !callable(tok.kw) {
            return self.fail();
        }
        let name = self.name_of(tok)?;
        self.advance();
        self.call(None, name, tok)
    }

    /// Steps over a function's name and its parenthesis.
    fn open_call(&mut self) {
        self.advance();
        self.advance();
    }

    /// `( ... )` of a call and what may follow it; the name is consumed.
    pub(super) fn call(&mut self, db: Option<Ident>, name: Ident, _at: Token) -> Res<Expr> {
        self.expect(T::LParen)?;
        let mut call = plain_call(name, Vec::new());
        call.db = db;
        if self.is(T::Star) && self.peek().kind == T::RParen {
            self.advance();
            call.star = true;
        } else if !self.is(T::RParen) {
            call.distinct = self.eat_kw(Kw::DISTINCT) || self.eat_kw(Kw::DISTINCTROW);
            if !call.distinct {
                self.eat_kw(Kw::ALL);
            }
            if call.distinct && self.is(T::Star) {
                self.advance();
                call.star = true;
            } else {
                call.args = self.comma_list(Self::expr)?;
            }
            if self.kw(Kw::ORDER) {
                call.order_by = self.order_by()?;
            }
            if self.eat_kw(Kw::SEPARATOR) {
                call.separator = Some(self.string_or_hex()?);
            }
        }
        self.expect(T::RParen)?;
        if self.tok.kind == T::Word {
            self.window_clauses(&mut call)?;
        }
        Ok(Expr::Function(Box::new(call)))
    }

    fn window_clauses(&mut self, call: &mut FunctionCall) -> Res<()> {
        if self.kw(Kw::FROM) {
            let (next, after) = self.peek2();
            let last = self.token_is(next, "LAST");
            let ends = matches!(after.kw, Kw::OVER | Kw::RESPECT | Kw::IGNORE);
            if ends && (last || self.token_is(next, "FIRST")) {
                self.advance();
                self.advance();
                call.from_last = last;
            }
        }
        if (self.kw(Kw::RESPECT) || self.kw(Kw::IGNORE)) && self.peek_w("NULLS") {
            call.nulls = Some(if self.kw(Kw::IGNORE) {
                NullTreatment::Ignore
            } else {
                NullTreatment::Respect
            });
            self.advance();
            self.advance();
        }
        if self.eat_kw(Kw::OVER) {
            call.over = Some(Box::new(if self.is(T::LParen) {
                Over::Spec(self.window_spec()?)
            } else {
                Over::Name(self.ident()?)
            }));
        }
        Ok(())
    }

    /// `( [base] [PARTITION BY ..] [ORDER BY ..] [frame] )`
    pub(super) fn window_spec(&mut self) -> Res<WindowSpec> {
        self.expect(T::LParen)?;
        let base = if self.is_ident() {
            Some(self.ident()?)
        } else {
            None
        };
        let partition_by = if self.eat_kw(Kw::PARTITION) {
            self.expect_kw(Kw::BY)?;
            self.comma_list(Self::expr)?
        } else {
            Vec::new()
        };
        let order_by = if self.kw(Kw::ORDER) {
            self.order_by()?
        } else {
            Vec::new()
        };
        let unit = match self.tok.kw {
            Kw::ROWS => Some(FrameUnit::Rows),
            Kw::RANGE => Some(FrameUnit::Range),
            Kw::GROUPS => Some(FrameUnit::Groups),
            _ => None,
        };
        let frame = match unit {
            Some(unit) => {
                self.advance();
                Some(self.window_frame(unit)?)
            }
            None => None,
        };
        self.expect(T::RParen)?;
        Ok(WindowSpec {
            base,
            partition_by,
            order_by,
            frame,
        })
    }

    fn window_frame(&mut self, unit: FrameUnit) -> Res<WindowFrame> {
        let (start, end) = if self.eat_kw(Kw::BETWEEN) {
            let start = self.frame_bound()?;
            self.expect_kw(Kw::AND)?;
            (start, Some(self.frame_bound()?))
        } else {
            (self.frame_bound()?, None)
        };
        let exclude = if self.eat_w("EXCLUDE") {
            Some(if self.eat_ws(&["CURRENT", "ROW"]) {
                FrameExclude::CurrentRow
            } else if self.eat_kw(Kw::GROUP) {
                FrameExclude::Group
            } else if self.eat_w("TIES") {
                FrameExclude::Ties
            } else {
                self.expect_ws(&["NO", "OTHERS"])?;
                FrameExclude::NoOthers
            })
        } else {
            None
        };
        Ok(WindowFrame {
            unit,
            start,
            end,
            exclude,
        })
    }

    fn frame_bound(&mut self) -> Res<FrameBound> {
        if self.eat_w("UNBOUNDED") {
            if self.eat_w("PRECEDING") {
                return Ok(FrameBound::UnboundedPreceding);
            }
            self.expect_w("FOLLOWING")?;
            return Ok(FrameBound::UnboundedFollowing);
        }
        if self.eat_ws(&["CURRENT", "ROW"]) {
            return Ok(FrameBound::CurrentRow);
        }
        let expr = self.bit_expr()?;
        if self.eat_w("PRECEDING") {
            return Ok(FrameBound::Preceding(expr));
        }
        self.expect_w("FOLLOWING")?;
        Ok(FrameBound::Following(expr))
    }

    fn match_against(&mut self) -> Res<Expr> {
        self.advance();
        let columns = if self.is(T::LParen) {
            self.paren_list(Self::column_ref)?
        } else {
            self.comma_list(Self::column_ref)?
        };
        self.expect_w("AGAINST")?;
        self.expect(T::LParen)?;
        let against = Box::new(self.bit_expr()?);
        let mode = if self.eat_ws(&["IN", "BOOLEAN", "MODE"]) {
            MatchMode::Boolean
        } else if self.eat_ws(&["IN", "NATURAL", "LANGUAGE", "MODE"]) {
            if self.eat_ws(&["WITH", "QUERY", "EXPANSION"]) {
                MatchMode::NaturalLanguageWithExpansion
            } else {
                MatchMode::NaturalLanguage
            }
        } else if self.eat_ws(&["WITH", "QUERY", "EXPANSION"]) {
            MatchMode::WithExpansion
        } else {
            MatchMode::Default
        };
        self.expect(T::RParen)?;
        Ok(Expr::Match {
            columns,
            against,
            mode,
        })
    }

    fn cast(&mut self) -> Res<Expr> {
        self.open_call();
        let expr = self.boxed_expr()?;
        let at_time_zone = if self.eat_ws(&["AT", "TIME", "ZONE"]) {
            self.eat_kw(Kw::INTERVAL);
            Some(self.string()?)
        } else {
            None
        };
        self.expect_kw(Kw::AS)?;
        let to = Box::new(self.cast_type()?);
        self.expect(T::RParen)?;
        Ok(Expr::Cast {
            expr,
            to,
            at_time_zone,
        })
    }

    fn convert(&mut self) -> Res<Expr> {
        self.open_call();
        let expr = self.boxed_expr()?;
        if self.eat_kw(Kw::USING) {
            let charset = self.charset_name()?;
            self.expect(T::RParen)?;
            return Ok(Expr::ConvertUsing { expr, charset });
        }
        self.expect(T::Comma)?;
        let to = Box::new(self.cast_type()?);
        self.expect(T::RParen)?;
        Ok(Expr::Cast {
            expr,
            to,
            at_time_zone: None,
        })
    }

    fn char_call(&mut self) -> Res<Expr> {
        let tok = self.tok;
        let name = self.name_of(tok)?;
        self.open_call();
        let args = self.comma_list(Self::expr)?;
        if self.eat_kw(Kw::USING) {
            let charset = self.charset_name()?;
            self.expect(T::RParen)?;
            return Ok(Expr::CharUsing { args, charset });
        }
        self.expect(T::RParen)?;
        Ok(Expr::Function(Box::new(plain_call(name, args))))
    }

    fn trim(&mut self) -> Res<Expr> {
        self.open_call();
        let side = match self.tok.kw {
            Kw::BOTH => TrimSide::Both,
            Kw::LEADING => TrimSide::Leading,
            Kw::TRAILING => TrimSide::Trailing,
            _ => TrimSide::Unspecified,
        };
        if side != TrimSide::Unspecified {
            self.advance();
            if self.eat_kw(Kw::FROM) {
                let from = self.boxed_expr()?;
                self.expect(T::RParen)?;
                return Ok(Expr::Trim {
                    side,
                    what: None,
                    from,
                });
            }
        }
        let first = self.boxed_expr()?;
        let (what, from) = if self.eat_kw(Kw::FROM) {
            (Some(first), self.boxed_expr()?)
        } else if side == TrimSide::Unspecified {
            (None, first)
        } else {
            return self.fail();
        };
        self.expect(T::RParen)?;
        Ok(Expr::Trim { side, what, from })
    }

    fn substring(&mut self) -> Res<Expr> {
        let tok = self.tok;
        let name = self.name_of(tok)?;
        self.open_call();
        let mut args = self.comma_list(Self::expr)?;
        if args.len() == 1 && self.eat_kw(Kw::FROM) {
            args.push(self.expr()?);
            if self.eat_kw(Kw::FOR) {
                args.push(self.expr()?);
            }
        }
        self.expect(T::RParen)?;
        Ok(Expr::Function(Box::new(plain_call(name, args))))
    }

    fn weight_string(&mut self) -> Res<Expr> {
        self.open_call();
        let expr = self.boxed_expr()?;
        let pad = if self.eat_kw(Kw::AS) {
            let binary = self.eat_kw(Kw::BINARY);
            if !binary {
                self.expect_kw(Kw::CHAR)?;
            }
            Some(WeightPad {
                binary,
                length: self.paren_integer()?,
            })
        } else {
            None
        };
        self.expect(T::RParen)?;
        Ok(Expr::WeightString { expr, pad })
    }

    fn json_value(&mut self) -> Res<Expr> {
        let tok = self.tok;
        let name = self.name_of(tok)?;
        self.open_call();
        if self.eat(T::RParen) {
            return Ok(Expr::Function(Box::new(plain_call(name, Vec::new()))));
        }
        let doc = self.expr()?;
        if !self.eat(T::Comma) {
            self.expect(T::RParen)?;
            return Ok(Expr::Function(Box::new(plain_call(name, vec![doc]))));
        }
        let path = self.expr()?;
        let mut args = vec![doc, path];
        // Dolt takes the type as a third argument, in a string.
        while self.eat(T::Comma) {
            args.push(self.expr()?);
        }
        if args.len() > 2 || self.is(T::RParen) {
            self.expect(T::RParen)?;
            return Ok(Expr::Function(Box::new(plain_call(name, args))));
        }
        let returning = if self.eat_kw(Kw::RETURNING) {
            Some(Box::new(self.cast_type()?))
        } else {
            None
        };
        let (on_empty, on_error) = self.json_on()?;
        self.expect(T::RParen)?;
        let path = args.pop().map(Box::new);
        let doc = args.pop().map(Box::new);
        match (doc, path) {
            (Some(doc), Some(path)) => Ok(Expr::JsonValue {
                doc,
                path,
                returning,
                on_empty: on_empty.map(Box::new),
                on_error: on_error.map(Box::new),
            }),
            _ => self.fail(),
        }
    }

    /// `[.. ON EMPTY] [.. ON ERROR]`
    pub(super) fn json_on(&mut self) -> Res<(Option<JsonOn>, Option<JsonOn>)> {
        let (mut on_empty, mut on_error) = (None, None);
        loop {
            let what = if self.eat_kw(Kw::NULL) {
                JsonOn::Null
            } else if self.eat_w("ERROR") {
                JsonOn::Error
            } else if self.eat_kw(Kw::DEFAULT) {
                JsonOn::Default(self.expr_from(super::expr::level::BANG)?)
            } else {
                return Ok((on_empty, on_error));
            };
            self.expect_kw(Kw::ON)?;
            if on_empty.is_none() && on_error.is_none() && self.eat_kw(Kw::EMPTY) {
                on_empty = Some(what);
            } else if on_error.is_none() {
                self.expect_w("ERROR")?;
                on_error = Some(what);
            } else {
                return self.fail();
            }
        }
    }
}

/// Reserved words that are also functions.
fn callable(kw: Kw) -> bool {
    matches!(
        kw,
        Kw::IF
            | Kw::LEFT
            | Kw::RIGHT
            | Kw::REPLACE
            | Kw::INSERT
            | Kw::MOD
            | Kw::DATABASE
            | Kw::SCHEMA
            | Kw::REPEAT
            | Kw::CUME_DIST
            | Kw::DENSE_RANK
            | Kw::FIRST_VALUE
            | Kw::GROUPING
            | Kw::LAG
            | Kw::LAST_VALUE
            | Kw::LEAD
            | Kw::NTH_VALUE
            | Kw::NTILE
            | Kw::PERCENT_RANK
            | Kw::RANK
            | Kw::ROW_NUMBER
            | Kw::RLIKE
            | Kw::REGEXP
    )
}
