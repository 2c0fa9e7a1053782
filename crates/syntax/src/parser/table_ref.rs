//! Table references: names, joins, derived tables, table functions, JSON_TABLE.

use super::{Parser, Res};
use crate::ast::*;
use crate::keyword::Kw;
use crate::lexer::T;

impl Parser<'_> {
    /// `t [PARTITION (..)] [AS OF ..]`
    pub(super) fn table_name(&mut self) -> Res<TableName> {
        let name = self.object_name()?;
        let partitions = self.opt_partitions()?;
        let as_of = self.opt_as_of()?.map(Box::new);
        Ok(TableName {
            name,
            as_of,
            partitions,
        })
    }

    pub(super) fn opt_partitions(&mut self) -> Res<Vec<Ident>> {
        if self.kw(Kw::PARTITION) && self.peek().kind == T::LParen {
            self.advance();
            return self.paren_list(Self::ident);
        }
        Ok(Vec::new())
    }

    pub(super) fn opt_as_of(&mut self) -> Res<Option<AsOf>> {
        if self.kw(Kw::AS) {
            let next = self.peek();
            if next.kw != Kw::OF {
                return Ok(None);
            }
            self.advance();
            self.advance();
            return Ok(Some(AsOf::Point(self.bit_expr()?)));
        }
        let follows = self.kw(Kw::FOR) && {
            let next = self.peek();
            self.token_is(next, "SYSTEM_TIME") || self.token_is(next, "VERSION")
        };
        let versions = self.w("VERSIONS");
        if !follows && !versions {
            return Ok(None);
        }
        if follows {
            self.advance();
        }
        self.advance();
        if self.eat_kw(Kw::AS) {
            self.expect_kw(Kw::OF)?;
            return Ok(Some(AsOf::Point(self.bit_expr()?)));
        }
        if self.eat_kw(Kw::ALL) {
            return Ok(Some(AsOf::All));
        }
        if self.eat_kw(Kw::BETWEEN) {
            let low = self.bit_expr()?;
            self.expect_kw(Kw::AND)?;
            return Ok(Some(AsOf::Between(low, self.bit_expr()?)));
        }
        if self.eat_kw(Kw::FROM) {
            let low = self.bit_expr()?;
            self.expect_kw(Kw::TO)?;
            return Ok(Some(AsOf::FromTo(low, self.bit_expr()?)));
        }
        self.expect_ws(&["CONTAINED", "IN"])?;
        self.expect(T::LParen)?;
        let low = self.bit_expr()?;
        self.expect(T::Comma)?;
        let high = self.bit_expr()?;
        self.expect(T::RParen)?;
        Ok(Some(AsOf::ContainedIn(low, high)))
    }

    /// A table reference with its joins.
    pub(super) fn table_ref(&mut self) -> Res<TableRef> {
        self.nested(|p| {
            let first = p.table_factor()?;
            p.joins(first)
        })
    }

    fn joins(&mut self, mut left: TableRef) -> Res<TableRef> {
        let mut height = self.height;
        while let Some((kind, natural)) = self.join_operator()? {
            self.height = 0;
            // `a JOIN b JOIN c ON x ON y`: a join that begins before this one's ON belongs to it.
            let mut right = self.nested(Self::table_factor)?;
            let outer = matches!(kind, JoinKind::Left | JoinKind::Right | JoinKind::Full);
            if !natural && !self.kw(Kw::ON) && !self.kw(Kw::USING) && (outer || self.on_pending()) {
                right = self.nested(|p| p.joins(right))?;
            }
            let constraint = if natural {
                JoinConstraint::None
            } else if self.eat_kw(Kw::ON) {
                JoinConstraint::On(self.expr()?)
            } else if self.eat_kw(Kw::USING) {
                JoinConstraint::Using(self.paren_list_or_empty(Self::ident)?)
            } else if outer {
                return self.fail();
            } else {
                JoinConstraint::None
            };
            left = TableRef::Join(Box::new(Join {
                left,
                right,
                kind,
                natural,
                constraint,
            }));
            height = height.max(self.height) + 1;
            self.raise(height)?;
        }
        self.height = self.height.max(height);
        Ok(left)
    }

    /// Whether, of the joins that follow here at this level, one more ON or USING follows than
    /// there are joins: it then belongs to the join before.
    fn on_pending(&self) -> bool {
        let mut lx = self.lx.clone();
        let mut tok = self.tok;
        let (mut open, mut joins, mut budget) = (0usize, 0usize, 2_000usize);
        loop {
            match tok.kind {
                T::LParen => open += 1,
                T::RParen if open == 0 => return false,
                T::RParen => open -= 1,
                T::End | T::Bad | T::Semi => return false,
                T::Comma if open == 0 => return false,
                T::Word if open == 0 => match tok.kw {
                    Kw::JOIN | Kw::STRAIGHT_JOIN => joins += 1,
                    Kw::NATURAL => return false,
                    Kw::ON
                        if lx.clone().next().kw == Kw::UPDATE
                            || self.token_is(lx.clone().next(), "DUPLICATE") =>
                    {
                        return false;
                    }
                    Kw::ON | Kw::USING if joins == 0 => return true,
                    Kw::ON | Kw::USING => joins -= 1,
                    Kw::WHERE
                    | Kw::GROUP
                    | Kw::ORDER
                    | Kw::LIMIT
                    | Kw::HAVING
                    | Kw::UNION
                    | Kw::SET
                    | Kw::SELECT => return false,
                    _ => {}
                },
                _ => {}
            }
            budget -= 1;
            if budget == 0 {
                return false;
            }
            tok = lx.next();
        }
    }

    fn join_operator(&mut self) -> Res<Option<(JoinKind, bool)>> {
        let side = |kw| match kw {
            Kw::LEFT => Some(JoinKind::Left),
            Kw::RIGHT => Some(JoinKind::Right),
            Kw::FULL => Some(JoinKind::Full),
            _ => None,
        };
        match self.tok.kw {
            Kw::JOIN => {
                self.advance();
                Ok(Some((JoinKind::Inner, false)))
            }
            Kw::INNER | Kw::CROSS => {
                let cross = self.kw(Kw::CROSS);
                self.advance();
                self.expect_kw(Kw::JOIN)?;
                let kind = if cross {
                    JoinKind::Cross
                } else {
                    JoinKind::Inner
                };
                Ok(Some((kind, false)))
            }
            Kw::STRAIGHT_JOIN => {
                self.advance();
                Ok(Some((JoinKind::Straight, false)))
            }
            Kw::LEFT | Kw::RIGHT | Kw::FULL => {
                let kind = side(self.tok.kw).unwrap_or(JoinKind::Left);
                self.advance();
                self.eat_kw(Kw::OUTER);
                self.expect_kw(Kw::JOIN)?;
                Ok(Some((kind, false)))
            }
            Kw::NATURAL => {
                self.advance();
                let kind = match side(self.tok.kw) {
                    Some(kind) => {
                        self.advance();
                        self.eat_kw(Kw::OUTER);
                        kind
                    }
                    None => {
                        self.eat_kw(Kw::INNER);
                        JoinKind::Inner
                    }
                };
                self.expect_kw(Kw::JOIN)?;
                Ok(Some((kind, true)))
            }
            _ => Ok(None),
        }
    }

    fn table_factor(&mut self) -> Res<TableRef> {
        if self.is(T::LParen) {
            return self.paren_table();
        }
        if self.is(T::LBrace) {
            self.advance();
            self.any_ident()?;
            let inner = self.table_ref()?;
            self.expect(T::RBrace)?;
            return Ok(inner);
        }
        let lateral = self.eat_kw(Kw::LATERAL);
        if lateral && self.is(T::LParen) {
            let query = self.paren_query()?;
            return self.derived(true, query);
        }
        if self.kw(Kw::JSON_TABLE) {
            return self.json_table();
        }
        let name = self.object_name()?;
        if self.is(T::LParen) {
            let args = self.paren_list_or_empty(Self::expr)?;
            let as_of = self.opt_as_of()?.map(Box::new);
            let alias = self.table_alias()?;
            let columns = if alias.is_some() {
                self.opt_columns()?
            } else {
                Vec::new()
            };
            return Ok(TableRef::Function {
                call: Box::new(NamedCall { name, args }),
                lateral,
                as_of,
                alias,
                columns,
            });
        }
        if lateral {
            return self.fail();
        }
        let partitions = self.opt_partitions()?;
        let as_of = self.opt_as_of()?.map(Box::new);
        let alias = self.table_alias()?;
        let mut hints = Vec::new();
        while matches!(self.tok.kw, Kw::USE | Kw::FORCE | Kw::IGNORE) {
            match self.index_hint()? {
                Some(hint) => hints.push(hint),
                None => break,
            }
        }
        Ok(TableRef::Table {
            table: TableName {
                name,
                as_of,
                partitions,
            },
            alias,
            hints,
        })
    }

    /// `(query) alias`, `(t1, t2)`, `(t1 JOIN t2 ..)`.
    fn paren_table(&mut self) -> Res<TableRef> {
        if matches!(
            self.peek().kw,
            Kw::SELECT | Kw::WITH | Kw::TABLE | Kw::VALUES
        ) {
            let query = self.paren_query()?;
            return self.derived(false, query);
        }
        let open = self.advance();
        let first = self.table_ref()?;
        if let TableRef::Derived {
            alias: None, query, ..
        } = first
        {
            if self.query_continues() {
                let query = self.query_after(SetExpr::Nested(query), open.end)?;
                self.expect(T::RParen)?;
                return self.derived(false, Box::new(query));
            }
            self.expect(T::RParen)?;
            return self.derived(false, query);
        }
        if self.eat(T::Comma) {
            let mut tables = vec![first];
            tables.extend(self.comma_list(Self::table_ref)?);
            self.expect(T::RParen)?;
            return Ok(TableRef::List(tables));
        }
        self.expect(T::RParen)?;
        Ok(first)
    }

    fn derived(&mut self, lateral: bool, query: Box<Query>) -> Res<TableRef> {
        let alias = self.table_alias()?;
        let columns = if alias.is_some() {
            self.opt_columns()?
        } else {
            Vec::new()
        };
        Ok(TableRef::Derived {
            lateral,
            query,
            alias,
            columns,
        })
    }

    pub(super) fn table_alias(&mut self) -> Res<Option<Ident>> {
        if self.eat_kw(Kw::AS) {
            if self.is_string() {
                return Ok(Some(Ident(self.string()?)));
            }
            return self.ident().map(Some);
        }
        let joins = self.tok.kw == Kw::FULL && matches!(self.peek().kw, Kw::JOIN | Kw::OUTER);
        if self.is_ident() && self.tok.kw != Kw::RETURNING && !joins {
            return self.ident().map(Some);
        }
        Ok(None)
    }

    fn index_hint(&mut self) -> Res<Option<IndexHint>> {
        let kind = match self.tok.kw {
            Kw::USE => IndexHintKind::Use,
            Kw::FORCE => IndexHintKind::Force,
            _ => IndexHintKind::Ignore,
        };
        if !matches!(self.peek().kw, Kw::INDEX | Kw::KEY) {
            return Ok(None);
        }
        self.advance();
        self.advance();
        let scope = if self.eat_kw(Kw::FOR) {
            Some(if self.eat_kw(Kw::JOIN) {
                IndexHintScope::Join
            } else if self.eat_ws(&["ORDER", "BY"]) {
                IndexHintScope::OrderBy
            } else {
                self.expect_ws(&["GROUP", "BY"])?;
                IndexHintScope::GroupBy
            })
        } else {
            None
        };
        let indexes = self.paren_list_or_empty(Self::index_name)?;
        Ok(Some(IndexHint {
            kind,
            scope,
            indexes,
        }))
    }

    /// An index's name, PRIMARY included.
    pub(super) fn index_name(&mut self) -> Res<Ident> {
        if self.kw(Kw::PRIMARY) {
            return self.any_ident();
        }
        self.ident()
    }

    fn json_table(&mut self) -> Res<TableRef> {
        self.expect_kw(Kw::JSON_TABLE)?;
        self.expect(T::LParen)?;
        let doc = self.expr()?;
        self.expect(T::Comma)?;
        let path = self.expr()?;
        let columns = self.json_columns()?;
        self.expect(T::RParen)?;
        let alias = self.table_alias()?;
        Ok(TableRef::JsonTable(Box::new(JsonTable {
            doc,
            path,
            columns,
            alias,
        })))
    }

    fn json_columns(&mut self) -> Res<Vec<JsonColumn>> {
        self.expect_w("COLUMNS")?;
        self.nested(|p| p.paren_list(Self::json_column))
    }

    fn json_column(&mut self) -> Res<JsonColumn> {
        if self.w("NESTED") {
            let next = self.peek();
            if next.kind == T::Str || self.token_is(next, "PATH") {
                self.advance();
                self.eat_w("PATH");
                let path = self.text_literal(None)?;
                let columns = self.json_columns()?;
                return Ok(JsonColumn::Nested { path, columns });
            }
        }
        let name = self.ident()?;
        if self.eat_kw(Kw::FOR) {
            self.expect_w("ORDINALITY")?;
            return Ok(JsonColumn::Ordinality(name));
        }
        let mut data_type = self.data_type()?;
        if self.eat_kw(Kw::COLLATE) {
            data_type.collate = Some(self.charset_name()?);
        }
        let exists = self.eat_kw(Kw::EXISTS);
        self.expect_w("PATH")?;
        let path = self.expr_from(super::expr::level::BANG)?;
        let (on_empty, on_error) = self.json_on()?;
        Ok(JsonColumn::Path {
            name,
            data_type,
            exists,
            path,
            on_empty,
            on_error,
        })
    }
}
