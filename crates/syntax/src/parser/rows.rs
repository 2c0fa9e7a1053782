//! INSERT, REPLACE, UPDATE, DELETE, LOAD DATA, CALL.

use std::sync::Arc;

use super::{Parser, Res, small_integer};
use crate::ast::*;
use crate::keyword::Kw;
use crate::lexer::T;

impl Parser<'_> {
    fn priority(&mut self) -> Option<Priority> {
        let priority = match self.tok.kw {
            Kw::LOW_PRIORITY => Priority::Low,
            Kw::DELAYED => Priority::Delayed,
            Kw::HIGH_PRIORITY => Priority::High,
            _ => return None,
        };
        self.advance();
        Some(priority)
    }

    pub(super) fn insert(&mut self, with: Option<With>) -> Res<Insert> {
        let replace = self.kw(Kw::REPLACE);
        let hints = self.verb_with_hints()?;
        let priority = self.priority();
        let ignore = self.eat_kw(Kw::IGNORE);
        self.eat_kw(Kw::INTO);
        let table = self.object_name()?;
        let partitions = self.opt_partitions()?;
        let mut columns = Vec::new();
        let mut has_columns = false;
        if self.is(T::LParen) && !self.query_follows() {
            columns = self.paren_list_or_empty(Self::column_ref)?;
            has_columns = true;
        }
        let mut row_alias = None;
        let source = match self.tok.kw {
            Kw::VALUES if self.peek().kw == Kw::ROW => {
                let query = self.query()?;
                InsertSource::Query(Box::new(query))
            }
            Kw::VALUES | Kw::VALUE => {
                self.advance();
                InsertSource::Values(Arc::new(self.value_rows()?))
            }
            Kw::SET if !has_columns => {
                self.advance();
                InsertSource::Set(self.comma_list(Self::assignment)?)
            }
            _ if self.query_follows() => InsertSource::Query(Box::new(self.query()?)),
            _ => return self.fail(),
        };
        if self.eat_kw(Kw::AS) {
            row_alias = Some((self.ident()?, self.opt_columns()?));
        }
        let on_duplicate = if self.eat_ws(&["ON", "DUPLICATE", "KEY", "UPDATE"]) {
            self.comma_list(Self::assignment)?
        } else {
            Vec::new()
        };
        let returning = self.returning()?;
        Ok(Insert {
            with,
            replace,
            ignore,
            priority,
            hints,
            table,
            partitions,
            columns,
            has_columns,
            source,
            row_alias,
            on_duplicate,
            returning,
        })
    }

    /// `(cell, ...), ...`, where a row may be empty.
    fn value_rows(&mut self) -> Res<ValueRows> {
        let mut rows = ValueRows::default();
        loop {
            self.expect(T::LParen)?;
            if !self.is(T::RParen) {
                self.value_cell(&mut rows)?;
                while self.eat(T::Comma) {
                    self.value_cell(&mut rows)?;
                }
            }
            self.expect(T::RParen)?;
            rows.end_row();
            if !self.eat(T::Comma) {
                return Ok(rows);
            }
        }
    }

    /// A cell of a row. Most are literals with nothing behind them.
    fn value_cell(&mut self, rows: &mut ValueRows) -> Res<()> {
        let ends_cell = |end: u32| matches!(self.lx.src.get(end as usize), Some(b',' | b')'));
        let negative = self.is(T::Minus);
        let tok = match negative {
            true => self.peek(),
            false => self.tok,
        };
        let number = matches!(tok.kind, T::Int | T::Decimal);
        if !ends_cell(tok.end) || negative && !number {
            rows.push(self.expr()?);
            return Ok(());
        }
        match (tok.kind, tok.kw) {
            (T::Str, _) => rows.push_string(|out| self.append_string(tok, out)),
            (T::Int, _) => {
                match small_integer(self.bytes(tok)).filter(|n| ValueRows::has_int(*n, negative)) {
                    Some(n) => rows.push_int(n, negative),
                    None => {
                        rows.push(self.expr()?);
                        return Ok(());
                    }
                }
            }
            (T::Decimal, _) => {
                let text = std::str::from_utf8(self.bytes(tok)).unwrap_or_default();
                rows.push_decimal(text, negative);
            }
            (T::Word, Kw::NULL) => rows.push_null(),
            (T::Word, Kw::DEFAULT) => rows.push_default(),
            _ => {
                rows.push(self.expr()?);
                return Ok(());
            }
        }
        if negative {
            self.advance();
        }
        self.advance();
        Ok(())
    }

    fn returning(&mut self) -> Res<Vec<SelectItem>> {
        if self.eat_kw(Kw::RETURNING) {
            return self.comma_list(Self::select_item);
        }
        Ok(Vec::new())
    }

    /// `column = value`, `column := value`.
    pub(super) fn assignment(&mut self) -> Res<Assignment> {
        let column = self.column_ref()?;
        if !self.eat(T::Assign) {
            self.expect(T::Eq)?;
        }
        let value = self.expr()?;
        Ok(Assignment { column, value })
    }

    pub(super) fn update(&mut self, with: Option<With>) -> Res<Update> {
        let hints = self.verb_with_hints()?;
        let low_priority = self.eat_kw(Kw::LOW_PRIORITY);
        let ignore = self.eat_kw(Kw::IGNORE);
        let tables = self.comma_list(Self::table_ref)?;
        self.expect_kw(Kw::SET)?;
        let set = self.comma_list(Self::assignment)?;
        Ok(Update {
            with,
            low_priority,
            ignore,
            hints,
            tables,
            set,
            where_: self.opt_where()?,
            order_by: self.opt_order_by()?,
            limit: self.opt_row_count()?,
            returning: self.returning()?,
        })
    }

    pub(super) fn delete(&mut self, with: Option<With>) -> Res<Delete> {
        let hints = self.verb_with_hints()?;
        let (mut low_priority, mut quick, mut ignore) = (false, false, false);
        loop {
            if self.eat_kw(Kw::LOW_PRIORITY) {
                low_priority = true;
            } else if self.kw(Kw::IGNORE) {
                self.advance();
                ignore = true;
            } else if self.w("QUICK") && (self.is_word_after_quick()) {
                self.advance();
                quick = true;
            } else {
                break;
            }
        }
        let mut targets = Vec::new();
        if !self.eat_kw(Kw::FROM) {
            targets = self.comma_list(Self::delete_target)?;
            self.expect_kw(Kw::FROM)?;
        } else if self.lists_targets() {
            targets = self.comma_list(Self::delete_target)?;
            self.expect_kw(Kw::USING)?;
        }
        let from = self.comma_list(Self::table_ref)?;
        Ok(Delete {
            with,
            low_priority,
            quick,
            ignore,
            hints,
            targets,
            from,
            where_: self.opt_where()?,
            order_by: self.opt_order_by()?,
            limit: self.opt_row_count()?,
            returning: self.returning()?,
        })
    }

    /// QUICK is also a table's name: `DELETE quick FROM quick`.
    fn is_word_after_quick(&self) -> bool {
        let (next, after) = self.peek2();
        match next.kw {
            Kw::FROM => !self.token_is(after, "quick"),
            _ => next.kind != T::Comma && next.kind != T::Dot,
        }
    }

    /// Whether `a, b USING` stands here.
    fn lists_targets(&self) -> bool {
        let mut lx = self.lx.clone();
        let mut tok = self.tok;
        loop {
            match tok.kind {
                T::Word if tok.kw == Kw::USING => return true,
                T::Word | T::Quoted if !tok.kw.is_reserved() => {}
                T::Dot | T::Comma | T::Star => {}
                _ => return false,
            }
            tok = lx.next();
        }
    }

    /// `t`, `db.t`, each perhaps with `.*`.
    fn delete_target(&mut self) -> Res<ObjectName> {
        let first = self.ident()?;
        let mut name = ObjectName {
            db: None,
            name: first,
        };
        while self.eat(T::Dot) {
            if self.eat(T::Star) {
                return Ok(name);
            }
            if name.db.is_some() {
                return self.fail();
            }
            name = ObjectName {
                db: Some(name.name),
                name: self.any_ident()?,
            };
        }
        Ok(name)
    }

    pub(super) fn load_data(&mut self) -> Res<LoadData> {
        self.expect_ws(&["LOAD", "DATA"])?;
        let priority = if self.eat_kw(Kw::LOW_PRIORITY) {
            Some(LoadPriority::Low)
        } else if self.eat_w("CONCURRENT") {
            Some(LoadPriority::Concurrent)
        } else {
            None
        };
        let local = self.eat_w("LOCAL");
        self.expect_kw(Kw::INFILE)?;
        let file = self.string()?;
        let duplicates = self.load_duplicates();
        self.expect_ws(&["INTO", "TABLE"])?;
        let table = self.object_name()?;
        let partitions = self.opt_partitions()?;
        let charset = self.opt_charset()?;
        let format = self.file_format()?;
        let ignore_lines = if self.eat_kw(Kw::IGNORE) {
            let n = self.integer()?;
            if self.one_of(&["LINES", "ROWS"]).is_none() {
                return self.fail();
            }
            Some(n)
        } else {
            None
        };
        let columns = self.load_columns()?;
        let set = if self.eat_kw(Kw::SET) {
            self.comma_list(Self::assignment)?
        } else {
            Vec::new()
        };
        Ok(LoadData {
            priority,
            local,
            file,
            duplicates,
            table,
            partitions,
            charset,
            format,
            ignore_lines,
            columns,
            set,
        })
    }

    fn load_columns(&mut self) -> Res<Vec<LoadColumn>> {
        if !self.is(T::LParen) {
            return Ok(Vec::new());
        }
        self.paren_list_or_empty(|p| {
            if p.is(T::UserVar) {
                return Ok(LoadColumn::User(p.user_var()?));
            }
            Ok(LoadColumn::Column(p.column_ref()?))
        })
    }

    pub(super) fn load_duplicates(&mut self) -> Option<LoadDuplicates> {
        if self.eat_kw(Kw::REPLACE) {
            Some(LoadDuplicates::Replace)
        } else if self.eat_kw(Kw::IGNORE) {
            Some(LoadDuplicates::Ignore)
        } else {
            None
        }
    }

    /// `[CHARACTER SET x | CHARSET x]`
    pub(super) fn opt_charset(&mut self) -> Res<Option<Box<str>>> {
        if self.eat_ws(&["CHARACTER", "SET"]) || self.eat_w("CHARSET") {
            return self.charset_name().map(Some);
        }
        Ok(None)
    }

    /// `[FIELDS ..] [LINES ..]`
    pub(super) fn file_format(&mut self) -> Res<FileFormat> {
        let mut format = FileFormat::default();
        if self.one_of(&["FIELDS", "COLUMNS"]).is_some() {
            loop {
                if self.eat_kw(Kw::TERMINATED) {
                    self.expect_kw(Kw::BY)?;
                    format.fields_terminated = Some(self.string_or_hex()?);
                } else if self.kw(Kw::OPTIONALLY) || self.kw(Kw::ENCLOSED) {
                    format.fields_optionally_enclosed = self.eat_kw(Kw::OPTIONALLY);
                    self.expect_kw(Kw::ENCLOSED)?;
                    self.expect_kw(Kw::BY)?;
                    format.fields_enclosed = Some(self.string_or_hex()?);
                } else if self.eat_kw(Kw::ESCAPED) {
                    self.expect_kw(Kw::BY)?;
                    format.fields_escaped = Some(self.string_or_hex()?);
                } else {
                    break;
                }
            }
        }
        if self.eat_kw(Kw::LINES) {
            loop {
                if self.eat_kw(Kw::TERMINATED) {
                    self.expect_kw(Kw::BY)?;
                    format.lines_terminated = Some(self.string_or_hex()?);
                } else if self.eat_kw(Kw::STARTING) {
                    self.expect_kw(Kw::BY)?;
                    format.lines_starting = Some(self.string_or_hex()?);
                } else {
                    break;
                }
            }
        }
        Ok(format)
    }

    pub(super) fn call_statement(&mut self) -> Res<Call> {
        self.expect_kw(Kw::CALL)?;
        let name = self.object_name()?;
        let args = if self.is(T::LParen) {
            self.paren_list_or_empty(Self::expr)?
        } else {
            Vec::new()
        };
        let as_of = match self.opt_as_of()? {
            None => None,
            Some(AsOf::Point(at)) => Some(at),
            Some(_) => return self.fail(),
        };
        Ok(Call { name, args, as_of })
    }
}
