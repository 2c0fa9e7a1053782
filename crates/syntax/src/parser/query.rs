//! Query expressions and table references.

use super::{Parser, Res};
use crate::ast::*;
use crate::keyword::Kw;
use crate::lexer::T;

impl Parser<'_> {
    /// `( query )`
    pub(super) fn paren_query(&mut self) -> Res<Box<Query>> {
        self.expect(T::LParen)?;
        let query = self.query()?;
        self.expect(T::RParen)?;
        Ok(Box::new(query))
    }

    /// Whether a query starts here.
    pub(super) fn query_follows(&self) -> bool {
        match self.tok.kind {
            T::Word => matches!(self.tok.kw, Kw::SELECT | Kw::WITH | Kw::VALUES | Kw::TABLE),
            T::LParen => {
                let mut lx = self.lx.clone();
                let mut tok = lx.next();
                while tok.kind == T::LParen {
                    tok = lx.next();
                }
                matches!(tok.kw, Kw::SELECT | Kw::WITH | Kw::VALUES | Kw::TABLE)
            }
            _ => false,
        }
    }

    /// A query expression with all that may follow it.
    pub(super) fn query(&mut self) -> Res<Query> {
        self.nested(|p| {
            let start = p.start();
            let with = p.with_clause()?;
            let outer = std::mem::replace(&mut p.height, 0);
            let mut into = None;
            let body = p.set_expr(&mut into)?;
            let query = p.query_tail(with, body, into, start);
            p.height = p.height.max(outer);
            query
        })
    }

    /// Whether what follows a query in parentheses makes it a part of a larger one.
    pub(super) fn query_continues(&self) -> bool {
        matches!(
            self.tok.kw,
            Kw::UNION | Kw::EXCEPT | Kw::INTERSECT | Kw::ORDER | Kw::LIMIT
        )
    }

    /// A query whose first operand is parsed already.
    pub(super) fn query_after(&mut self, first: SetExpr, start: u32) -> Res<Query> {
        self.nested(|p| {
            let mut into = None;
            let body = p.set_chain(first, &mut into)?;
            p.query_tail(None, body, into, start)
        })
    }

    pub(super) fn with_clause(&mut self) -> Res<Option<With>> {
        if !self.eat_kw(Kw::WITH) {
            return Ok(None);
        }
        let recursive = self.eat_kw(Kw::RECURSIVE);
        let ctes = self.comma_list(|p| {
            let name = p.ident()?;
            let columns = p.opt_columns()?;
            p.expect_kw(Kw::AS)?;
            let query = p.paren_query()?;
            Ok(Cte {
                name,
                columns,
                query,
            })
        })?;
        Ok(Some(With { recursive, ctes }))
    }

    /// `[(a, b)]`
    pub(super) fn opt_columns(&mut self) -> Res<Vec<Ident>> {
        if self.is(T::LParen) {
            self.paren_list(Self::ident)
        } else {
            Ok(Vec::new())
        }
    }

    fn set_expr(&mut self, into: &mut Option<Box<SelectInto>>) -> Res<SetExpr> {
        let first = self.set_operand(into)?;
        self.set_chain(first, into)
    }

    fn set_op(&self) -> Option<SetOp> {
        match self.tok.kw {
            Kw::UNION => Some(SetOp::Union),
            Kw::EXCEPT => Some(SetOp::Except),
            Kw::INTERSECT => Some(SetOp::Intersect),
            _ => None,
        }
    }

    fn set_chain(&mut self, first: SetExpr, into: &mut Option<Box<SelectInto>>) -> Res<SetExpr> {
        let mut first = self.intersect_chain(first, into)?;
        let mut rest = Vec::new();
        while let Some(op) = self.set_op() {
            self.advance();
            let all = self.set_quantifier();
            let term = self.set_operand(into)?;
            let term = self.intersect_chain(term, into)?;
            rest.push(SetTerm { op, all, term });
        }
        if !rest.is_empty() {
            first = SetExpr::Chain {
                first: Box::new(first),
                rest,
            };
        }
        Ok(first)
    }

    fn intersect_chain(
        &mut self,
        first: SetExpr,
        into: &mut Option<Box<SelectInto>>,
    ) -> Res<SetExpr> {
        if self.set_op() != Some(SetOp::Intersect) {
            return Ok(first);
        }
        let mut rest = Vec::new();
        while self.eat_kw(Kw::INTERSECT) {
            let all = self.set_quantifier();
            let term = self.set_operand(into)?;
            rest.push(SetTerm {
                op: SetOp::Intersect,
                all,
                term,
            });
        }
        Ok(SetExpr::Chain {
            first: Box::new(first),
            rest,
        })
    }

    fn set_quantifier(&mut self) -> bool {
        if self.eat_kw(Kw::ALL) {
            return true;
        }
        self.eat_kw(Kw::DISTINCT);
        false
    }

    fn set_operand(&mut self, into: &mut Option<Box<SelectInto>>) -> Res<SetExpr> {
        match self.tok.kw {
            Kw::SELECT => Ok(SetExpr::Select(Box::new(self.select(into)?))),
            Kw::VALUES => {
                self.advance();
                Ok(SetExpr::Values(self.comma_list(|p| {
                    p.eat_kw(Kw::ROW);
                    p.paren_list_or_empty(Self::expr)
                })?))
            }
            Kw::TABLE => {
                self.advance();
                Ok(SetExpr::Table(self.table_name()?))
            }
            _ if self.is(T::LParen) => Ok(SetExpr::Nested(self.paren_query()?)),
            _ => self.fail(),
        }
    }

    fn query_tail(
        &mut self,
        with: Option<With>,
        body: SetExpr,
        mut into: Option<Box<SelectInto>>,
        start: u32,
    ) -> Res<Query> {
        let order_by = if self.kw(Kw::ORDER) {
            self.order_by()?
        } else {
            Vec::new()
        };
        let limit = self.opt_limit()?;
        if self.kw(Kw::PROCEDURE) {
            return self.fail();
        }
        self.opt_into(&mut into)?;
        let mut locks = Vec::new();
        while let Some(lock) = self.lock_clause()? {
            locks.push(lock);
        }
        self.opt_into(&mut into)?;
        Ok(Query {
            with,
            body,
            order_by,
            limit,
            locks,
            into,
            span: self.span_from(start),
        })
    }

    fn opt_into(&mut self, into: &mut Option<Box<SelectInto>>) -> Res<()> {
        if self.kw(Kw::INTO) {
            if into.is_some() {
                return self.fail();
            }
            *into = Some(Box::new(self.select_into()?));
        }
        Ok(())
    }

    fn select(&mut self, into: &mut Option<Box<SelectInto>>) -> Res<Select> {
        let hints = self.verb_with_hints()?;
        let (mut distinct, mut all) = (false, false);
        let mut modifiers = SelectModifiers::default();
        loop {
            match self.tok.kw {
                Kw::ALL if !distinct => all = true,
                Kw::DISTINCT | Kw::DISTINCTROW if !all => distinct = true,
                Kw::HIGH_PRIORITY => modifiers.high_priority = true,
                Kw::STRAIGHT_JOIN => modifiers.straight_join = true,
                Kw::SQL_SMALL_RESULT => modifiers.small_result = true,
                Kw::SQL_BIG_RESULT => modifiers.big_result = true,
                Kw::SQL_BUFFER_RESULT => modifiers.buffer_result = true,
                Kw::SQL_NO_CACHE => modifiers.no_cache = true,
                Kw::SQL_CALC_FOUND_ROWS => modifiers.calc_found_rows = true,
                _ if self.tok.kind == T::Word
                    && self.tok.kw == Kw::NotKeyword
                    && self.w("SQL_CACHE") =>
                {
                    modifiers.cache = true
                }
                _ => break,
            }
            self.advance();
        }
        let items = self.comma_list(Self::select_item)?;
        self.opt_into(into)?;
        let from = if self.eat_kw(Kw::FROM) {
            if self.eat_kw(Kw::DUAL) {
                Vec::new()
            } else {
                self.comma_list(Self::table_ref)?
            }
        } else {
            Vec::new()
        };
        let where_ = self.opt_where()?;
        let mut group_by = Vec::new();
        let mut rollup = false;
        if self.eat_kw(Kw::GROUP) {
            self.expect_kw(Kw::BY)?;
            if self.eat_ws(&["ROLLUP"]) && self.is(T::LParen) {
                rollup = true;
                group_by = self.paren_list(Self::group_item)?;
            } else {
                group_by = self.comma_list(Self::group_item)?;
                rollup = self.eat_ws(&["WITH", "ROLLUP"]);
            }
        }
        let having = if self.eat_kw(Kw::HAVING) {
            Some(self.expr()?)
        } else {
            None
        };
        let windows = if self.eat_kw(Kw::WINDOW) {
            self.comma_list(|p| {
                let name = p.ident()?;
                p.expect_kw(Kw::AS)?;
                Ok((name, p.window_spec()?))
            })?
        } else {
            Vec::new()
        };
        Ok(Select {
            distinct,
            modifiers,
            hints,
            items,
            from,
            where_,
            group_by,
            rollup,
            having,
            windows,
        })
    }

    /// Steps over SELECT, INSERT and the like; gives the optimizer hints that follow the word.
    pub(super) fn verb_with_hints(&mut self) -> Res<Option<Box<str>>> {
        let verb = self.advance();
        match self.lx.hint {
            Some((start, end)) if start >= verb.end as usize && end <= self.tok.start as usize => {
                let text = self.utf8(&self.lx.src[start..end], self.tok)?;
                Ok(Some(text.trim().into()))
            }
            _ => Ok(None),
        }
    }

    fn group_item(&mut self) -> Res<GroupItem> {
        let start = self.start();
        let expr = self.expr()?;
        let span = self.span_from(start);
        let _ = self.eat_kw(Kw::ASC) || self.eat_kw(Kw::DESC);
        Ok(GroupItem { expr, span })
    }

    pub(super) fn select_item(&mut self) -> Res<SelectItem> {
        if self.eat(T::Star) {
            return Ok(SelectItem::Wildcard);
        }
        if let Some(name) = self.qualified_wildcard()? {
            return Ok(SelectItem::QualifiedWildcard(name));
        }
        let start = self.start();
        let expr = self.expr()?;
        let span = self.span_from(start);
        let alias = self.select_alias()?;
        Ok(SelectItem::Expr { expr, alias, span })
    }

    /// `t.*` and `db.t.*`
    fn qualified_wildcard(&mut self) -> Res<Option<ObjectName>> {
        if !self.is_ident() || !(self.followed_by(b'.') || self.followed_by(b' ')) {
            return Ok(None);
        }
        let mut lx = self.lx.clone();
        if lx.next().kind != T::Dot {
            return Ok(None);
        }
        let second = lx.next();
        let qualified = match second.kind {
            T::Star => false,
            T::Word | T::Quoted => {
                if lx.next().kind != T::Dot || lx.next().kind != T::Star {
                    return Ok(None);
                }
                true
            }
            _ => return Ok(None),
        };
        let first = self.ident()?;
        self.advance();
        let name = if qualified {
            let name = self.any_ident()?;
            self.advance();
            ObjectName {
                db: Some(first),
                name,
            }
        } else {
            ObjectName {
                db: None,
                name: first,
            }
        };
        self.advance();
        Ok(Some(name))
    }

    fn select_alias(&mut self) -> Res<Option<Ident>> {
        if self.eat_kw(Kw::AS) {
            if self.is_string() {
                return Ok(Some(Ident(self.string()?)));
            }
            return self.ident().map(Some);
        }
        if self.is(T::Str) {
            return Ok(Some(Ident(self.string()?)));
        }
        if self.is_ident() && self.tok.kw != Kw::RETURNING {
            return self.ident().map(Some);
        }
        Ok(None)
    }

    pub(super) fn opt_where(&mut self) -> Res<Option<Expr>> {
        if self.eat_kw(Kw::WHERE) {
            return self.expr().map(Some);
        }
        Ok(None)
    }

    /// `ORDER BY ...`
    pub(super) fn order_by(&mut self) -> Res<Vec<OrderItem>> {
        self.expect_kw(Kw::ORDER)?;
        self.expect_kw(Kw::BY)?;
        self.comma_list(|p| {
            let start = p.start();
            let expr = p.expr()?;
            let span = p.span_from(start);
            let descending = p.eat_kw(Kw::DESC);
            if !descending {
                p.eat_kw(Kw::ASC);
            }
            Ok(OrderItem {
                expr,
                descending,
                span,
            })
        })
    }

    pub(super) fn opt_order_by(&mut self) -> Res<Vec<OrderItem>> {
        if self.kw(Kw::ORDER) {
            self.order_by()
        } else {
            Ok(Vec::new())
        }
    }

    /// LIMIT of UPDATE and DELETE, which knows no offset.
    pub(super) fn opt_row_count(&mut self) -> Res<Option<Limit>> {
        if !self.eat_kw(Kw::LIMIT) {
            return Ok(None);
        }
        Ok(Some(Limit {
            count: self.limit_value()?,
            offset: None,
        }))
    }

    pub(super) fn opt_limit(&mut self) -> Res<Option<Limit>> {
        if !self.eat_kw(Kw::LIMIT) {
            return Ok(None);
        }
        let first = self.limit_value()?;
        if self.eat(T::Comma) {
            return Ok(Some(Limit {
                count: self.limit_value()?,
                offset: Some(first),
            }));
        }
        let offset = if self.eat_w("OFFSET") {
            Some(self.limit_value()?)
        } else {
            None
        };
        Ok(Some(Limit {
            count: first,
            offset,
        }))
    }

    fn limit_value(&mut self) -> Res<Expr> {
        match self.tok.kind {
            T::Int
            | T::Decimal
            | T::Float
            | T::Hex
            | T::Bit
            | T::Param
            | T::UserVar
            | T::Word
            | T::Quoted
            | T::AtAt
            | T::LParen
            | T::Str => self.expr_from(super::expr::level::PRIMARY),
            _ => self.fail(),
        }
    }

    fn lock_clause(&mut self) -> Res<Option<LockClause>> {
        if self.eat_ws(&["LOCK", "IN", "SHARE", "MODE"]) {
            return Ok(Some(LockClause {
                strength: LockStrength::ShareMode,
                of: Vec::new(),
                wait: LockWait::Wait,
            }));
        }
        let strength = if self.eat_ws(&["FOR", "UPDATE"]) {
            LockStrength::Update
        } else if self.eat_ws(&["FOR", "SHARE"]) {
            LockStrength::Share
        } else {
            return Ok(None);
        };
        let of = if self.eat_kw(Kw::OF) {
            self.comma_list(Self::object_name)?
        } else {
            Vec::new()
        };
        let wait = if self.eat_w("NOWAIT") {
            LockWait::NoWait
        } else if self.eat_ws(&["SKIP", "LOCKED"]) {
            LockWait::SkipLocked
        } else {
            LockWait::Wait
        };
        Ok(Some(LockClause { strength, of, wait }))
    }

    fn select_into(&mut self) -> Res<SelectInto> {
        self.expect_kw(Kw::INTO)?;
        if self.eat_kw(Kw::OUTFILE) {
            let file = self.string()?;
            let charset = self.opt_charset()?;
            let format = self.file_format()?;
            return Ok(SelectInto::Outfile {
                file,
                charset,
                format,
            });
        }
        if self.eat_w("DUMPFILE") {
            return Ok(SelectInto::Dumpfile(self.string()?));
        }
        Ok(SelectInto::Variables(self.comma_list(Self::select_target)?))
    }

    pub(super) fn select_target(&mut self) -> Res<IntoTarget> {
        if self.is(T::UserVar) {
            return Ok(IntoTarget::User(self.user_var()?));
        }
        Ok(IntoTarget::Local(self.ident()?))
    }
}
