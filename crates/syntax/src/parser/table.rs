//! CREATE TABLE: columns, keys, constraints, options.

use super::expr::level::PRIMARY;
use super::{Parser, Res};
use crate::ast::*;
use crate::keyword::Kw;
use crate::lexer::T;

impl Parser<'_> {
    /// What follows CREATE [TEMPORARY] TABLE.
    pub(super) fn create_table(&mut self, temporary: bool) -> Res<CreateTable> {
        let if_not_exists = self.if_not_exists();
        let name = self.object_name()?;
        let mut table = CreateTable {
            temporary,
            if_not_exists,
            name,
            like: None,
            columns: Vec::new(),
            constraints: Vec::new(),
            options: Vec::new(),
            partition: None,
            as_query: None,
        };
        if self.eat_kw(Kw::LIKE) {
            table.like = Some(self.object_name()?);
            return Ok(table);
        }
        if self.is(T::LParen) && self.peek().kw == Kw::LIKE {
            self.advance();
            self.advance();
            table.like = Some(self.object_name()?);
            self.expect(T::RParen)?;
            return Ok(table);
        }
        if self.is(T::LParen) && !self.query_follows() {
            self.advance();
            self.table_elements(&mut table.columns, &mut table.constraints)?;
            self.expect(T::RParen)?;
        }
        loop {
            let before = self.start();
            self.eat(T::Comma);
            match self.table_option()? {
                Some(option) => table.options.push(option),
                None if self.prev_end > before => return self.fail(),
                None => break,
            }
        }
        if self.kw(Kw::PARTITION) {
            table.partition = Some(self.partition_by()?);
        }
        let duplicates = self.load_duplicates();
        let as_ = self.eat_kw(Kw::AS);
        if as_ || duplicates.is_some() || self.query_follows() {
            let query = Box::new(self.query()?);
            table.as_query = Some(CreateAs { duplicates, query });
        }
        Ok(table)
    }

    /// The comma list inside CREATE TABLE's parentheses.
    pub(super) fn table_elements(
        &mut self,
        columns: &mut Vec<ColumnDef>,
        constraints: &mut Vec<TableConstraint>,
    ) -> Res<()> {
        loop {
            match self.table_constraint()? {
                Some(constraint) => constraints.push(constraint),
                None => columns.push(self.column_def()?),
            }
            if !self.eat(T::Comma) {
                return Ok(());
            }
        }
    }

    pub(super) fn column_def(&mut self) -> Res<ColumnDef> {
        let name = self.ident()?;
        if self.eat(T::Dot) {
            let name = self.any_ident()?;
            return self.column_def_of(name);
        }
        self.column_def_of(name)
    }

    /// A column definition whose name is consumed.
    pub(super) fn column_def_of(&mut self, name: Ident) -> Res<ColumnDef> {
        let mut data_type = self.data_type()?;
        let mut attributes = Vec::new();
        loop {
            self.type_attributes(&mut data_type)?;
            match self.column_attribute()? {
                Some(attribute) => attributes.push(attribute),
                None => break,
            }
        }
        Ok(ColumnDef {
            name,
            data_type,
            attributes,
        })
    }

    fn column_attribute(&mut self) -> Res<Option<ColumnAttribute>> {
        use ColumnAttribute::*;
        let attribute = match self.tok.kw {
            Kw::NULL => {
                self.advance();
                Null
            }
            Kw::NOT => {
                let (next, _) = self.peek2();
                if next.kw == Kw::NULL {
                    self.advance();
                    self.advance();
                    NotNull
                } else {
                    return Ok(None);
                }
            }
            Kw::DEFAULT => {
                self.advance();
                Default(self.default_value()?)
            }
            Kw::ON if self.peek().kw == Kw::UPDATE => {
                self.advance();
                self.advance();
                OnUpdate(self.source_expr(|p| p.expr_from(PRIMARY))?)
            }
            Kw::AUTO_INCREMENT => {
                self.advance();
                AutoIncrement
            }
            Kw::PRIMARY => {
                self.advance();
                self.eat_kw(Kw::KEY);
                PrimaryKey
            }
            Kw::UNIQUE => {
                self.advance();
                self.eat_kw(Kw::KEY);
                Unique
            }
            Kw::KEY => {
                self.advance();
                Key
            }
            Kw::COMMENT => {
                self.advance();
                Comment(self.string()?)
            }
            Kw::GENERATED | Kw::AS => {
                if self.eat_kw(Kw::GENERATED) {
                    self.expect_w("ALWAYS")?;
                }
                self.expect_kw(Kw::AS)?;
                let expr = self.paren_source_expr()?;
                let kind = if self.eat_kw(Kw::VIRTUAL) {
                    Some(GeneratedKind::Virtual)
                } else if self.eat_kw(Kw::STORED) || self.eat_w("PERSISTENT") {
                    Some(GeneratedKind::Stored)
                } else {
                    None
                };
                Generated { expr, kind }
            }
            Kw::VISIBLE => {
                self.advance();
                Visible
            }
            Kw::INVISIBLE => {
                self.advance();
                Invisible
            }
            Kw::SRID => {
                self.advance();
                Srid(self.integer_u32()?)
            }
            Kw::CONSTRAINT | Kw::CHECK => {
                let name = self.constraint_name()?;
                if !self.kw(Kw::CHECK) {
                    return self.fail();
                }
                Check(self.check(name)?)
            }
            Kw::REFERENCES => References(self.references()?),
            Kw::COLUMN_FORMAT => {
                self.advance();
                ColumnFormat(self.upper_word()?)
            }
            Kw::STORAGE => {
                self.advance();
                Storage(self.upper_word()?)
            }
            Kw::ENGINE_ATTRIBUTE => {
                self.advance();
                self.eat(T::Eq);
                EngineAttribute(self.string()?)
            }
            Kw::SECONDARY_ENGINE_ATTRIBUTE => {
                self.advance();
                self.eat(T::Eq);
                SecondaryEngineAttribute(self.string()?)
            }
            _ => return Ok(None),
        };
        Ok(Some(attribute))
    }

    /// What follows DEFAULT.
    pub(super) fn default_value(&mut self) -> Res<DefaultValue> {
        if self.is(T::LParen) {
            return Ok(DefaultValue {
                value: self.paren_source_expr()?,
                parenthesized: true,
            });
        }
        // A COLLATE that follows belongs to the column.
        let (start, unexpected) = (self.tok.kind, self.unexpected());
        let value = self.source_expr(|p| p.expr_from(PRIMARY))?;
        if start != T::Str && matches!(value.expr, Expr::Column(_)) {
            return Err(unexpected);
        }
        Ok(DefaultValue {
            value,
            parenthesized: false,
        })
    }

    pub(super) fn source_expr(
        &mut self,
        parse: impl FnOnce(&mut Self) -> Res<Expr>,
    ) -> Res<SourceExpr> {
        let start = self.start();
        let expr = parse(self)?;
        Ok(SourceExpr {
            expr,
            span: self.span_from(start),
        })
    }

    /// `( expr )`
    pub(super) fn paren_source_expr(&mut self) -> Res<SourceExpr> {
        self.expect(T::LParen)?;
        let expr = self.source_expr(Self::expr)?;
        self.expect(T::RParen)?;
        Ok(expr)
    }

    /// `[CONSTRAINT [name]]`
    fn constraint_name(&mut self) -> Res<Option<Ident>> {
        if self.eat_kw(Kw::CONSTRAINT) && self.is_ident() {
            return self.ident().map(Some);
        }
        Ok(None)
    }

    fn check(&mut self, name: Option<Ident>) -> Res<Check> {
        self.expect_kw(Kw::CHECK)?;
        let expr = self.paren_source_expr()?;
        let enforced = if self.eat_ws(&["NOT", "ENFORCED"]) {
            false
        } else {
            self.eat_w("ENFORCED");
            true
        };
        Ok(Check {
            name,
            expr,
            enforced,
        })
    }

    /// A key or constraint, or `None` where a column starts.
    pub(super) fn table_constraint(&mut self) -> Res<Option<TableConstraint>> {
        let constraint = if self.kw(Kw::CONSTRAINT) {
            self.constraint_name()?
        } else {
            None
        };
        let named = self.prev_end > 0 && constraint.is_some();
        let result = match self.tok.kw {
            Kw::PRIMARY => {
                self.advance();
                self.expect_kw(Kw::KEY)?;
                let index = self.index_def()?;
                TableConstraint::PrimaryKey { constraint, index }
            }
            Kw::UNIQUE => {
                self.advance();
                let _ = self.eat_kw(Kw::INDEX) || self.eat_kw(Kw::KEY);
                let index = self.index_def()?;
                TableConstraint::Unique { constraint, index }
            }
            Kw::FOREIGN => {
                self.advance();
                self.expect_kw(Kw::KEY)?;
                let if_not_exists = self.if_not_exists();
                let index_name = if self.is_ident() {
                    Some(self.ident()?)
                } else {
                    None
                };
                let columns = self.paren_list(Self::ident)?;
                TableConstraint::ForeignKey {
                    constraint,
                    index_name,
                    if_not_exists,
                    columns,
                    references: self.references()?,
                }
            }
            Kw::CHECK => TableConstraint::Check(self.check(constraint)?),
            _ if named => return self.fail(),
            Kw::INDEX | Kw::KEY => {
                self.advance();
                TableConstraint::Index {
                    kind: IndexKind::Plain,
                    index: self.index_def()?,
                }
            }
            Kw::FULLTEXT | Kw::SPATIAL => {
                let kind = if self.kw(Kw::FULLTEXT) {
                    IndexKind::Fulltext
                } else {
                    IndexKind::Spatial
                };
                self.advance();
                let _ = self.eat_kw(Kw::INDEX) || self.eat_kw(Kw::KEY);
                TableConstraint::Index {
                    kind,
                    index: self.index_def()?,
                }
            }
            Kw::VECTOR if matches!(self.peek().kw, Kw::INDEX | Kw::KEY) => {
                self.advance();
                self.advance();
                TableConstraint::Index {
                    kind: IndexKind::Vector,
                    index: self.index_def()?,
                }
            }
            _ => return Ok(None),
        };
        Ok(Some(result))
    }

    /// `[name] [USING x] (parts) options`
    pub(super) fn index_def(&mut self) -> Res<IndexDef> {
        let if_not_exists = self.if_not_exists();
        let name = if self.is_ident() {
            Some(self.ident()?)
        } else {
            None
        };
        let mut options = Vec::new();
        self.index_using(&mut options)?;
        let parts = self.paren_list(Self::key_part)?;
        self.index_options(&mut options)?;
        Ok(IndexDef {
            if_not_exists,
            name,
            parts,
            options,
        })
    }

    pub(super) fn index_using(&mut self, options: &mut Vec<IndexOption>) -> Res<()> {
        if self.kw(Kw::USING) || (self.kw(Kw::TYPE) && self.peek().kind == T::Word) {
            self.advance();
            options.push(IndexOption::Using(self.upper_word()?));
        }
        Ok(())
    }

    pub(super) fn key_part(&mut self) -> Res<KeyPart> {
        let what = if self.is(T::LParen) {
            KeyPartWhat::Expr(self.paren_source_expr()?)
        } else {
            KeyPartWhat::Column {
                name: self.ident()?,
                length: self.opt_paren_u64()?,
            }
        };
        let descending = self.eat_kw(Kw::DESC);
        if !descending {
            self.eat_kw(Kw::ASC);
        }
        Ok(KeyPart { what, descending })
    }

    pub(super) fn index_options(&mut self, options: &mut Vec<IndexOption>) -> Res<()> {
        loop {
            match self.tok.kw {
                Kw::USING | Kw::TYPE => self.index_using(options)?,
                Kw::COMMENT => {
                    self.advance();
                    options.push(IndexOption::Comment(self.string()?));
                }
                Kw::KEY_BLOCK_SIZE => {
                    self.advance();
                    self.eat(T::Eq);
                    options.push(IndexOption::KeyBlockSize(self.integer()?));
                }
                Kw::WITH if self.peek_w("PARSER") => {
                    self.advance();
                    self.advance();
                    options.push(IndexOption::Parser(self.ident()?));
                }
                Kw::VISIBLE => {
                    self.advance();
                    options.push(IndexOption::Visible);
                }
                Kw::INVISIBLE => {
                    self.advance();
                    options.push(IndexOption::Invisible);
                }
                Kw::ENGINE_ATTRIBUTE => {
                    self.advance();
                    self.eat(T::Eq);
                    options.push(IndexOption::EngineAttribute(self.string()?));
                }
                Kw::SECONDARY_ENGINE_ATTRIBUTE => {
                    self.advance();
                    self.eat(T::Eq);
                    options.push(IndexOption::SecondaryEngineAttribute(self.string()?));
                }
                _ => return Ok(()),
            }
        }
    }

    fn references(&mut self) -> Res<References> {
        self.expect_kw(Kw::REFERENCES)?;
        let table = self.object_name()?;
        let columns = self.opt_columns()?;
        let match_ = if self.eat_kw(Kw::MATCH) {
            Some(self.upper_word()?)
        } else {
            None
        };
        let (mut on_delete, mut on_update) = (None, None);
        while self.kw(Kw::ON) {
            let slot = match self.peek().kw {
                Kw::DELETE if on_delete.is_none() => &mut on_delete,
                Kw::UPDATE if on_update.is_none() => &mut on_update,
                _ => return self.fail(),
            };
            self.advance();
            self.advance();
            *slot = Some(if self.eat_kw(Kw::RESTRICT) {
                ReferenceAction::Restrict
            } else if self.eat_kw(Kw::CASCADE) {
                ReferenceAction::Cascade
            } else if self.eat_ws(&["SET", "NULL"]) {
                ReferenceAction::SetNull
            } else if self.eat_ws(&["SET", "DEFAULT"]) {
                ReferenceAction::SetDefault
            } else {
                self.expect_ws(&["NO", "ACTION"])?;
                ReferenceAction::NoAction
            });
        }
        Ok(References {
            table,
            columns,
            match_,
            on_delete,
            on_update,
        })
    }

    /// One table option, or `None` where none starts.
    pub(super) fn table_option(&mut self) -> Res<Option<TableOption>> {
        let tok = self.tok;
        if tok.kind != T::Word {
            return Ok(None);
        }
        let option = match tok.kw {
            Kw::DEFAULT | Kw::CHARACTER | Kw::CHARSET | Kw::CHAR | Kw::COLLATE => {
                self.eat_kw(Kw::DEFAULT);
                if self.eat_kw(Kw::COLLATE) {
                    self.eat(T::Eq);
                    return Ok(Some(TableOption::Collate(self.charset_name()?)));
                }
                if !self.eat_kw(Kw::CHARSET) {
                    if !self.eat_kw(Kw::CHAR) {
                        self.expect_kw(Kw::CHARACTER)?;
                    }
                    self.expect_kw(Kw::SET)?;
                }
                self.eat(T::Eq);
                if self.eat_kw(Kw::DEFAULT) {
                    return Ok(Some(TableOption::Charset(None)));
                }
                TableOption::Charset(Some(self.charset_name()?))
            }
            Kw::AUTO_INCREMENT => {
                self.option_name();
                TableOption::AutoIncrement(self.whole_number()?)
            }
            Kw::COMMENT => {
                self.option_name();
                TableOption::Comment(self.string()?)
            }
            Kw::ENGINE => {
                self.option_name();
                TableOption::Engine(self.ident_or_string()?)
            }
            Kw::UNION => {
                // A set operation after the columns of CREATE TABLE .. SELECT cannot stand here.
                if !matches!(self.peek().kind, T::Eq | T::LParen) {
                    return Ok(None);
                }
                self.option_name();
                let names = self.paren_list_or_empty(Self::object_name)?;
                TableOption::Other {
                    name: "UNION".into(),
                    value: OptionValue::Names(names),
                }
            }
            Kw::DATA | Kw::INDEX => {
                let name = self.upper_word()?;
                self.expect_w("DIRECTORY")?;
                self.eat(T::Eq);
                TableOption::Other {
                    name: format!("{name} DIRECTORY").into(),
                    value: OptionValue::String(self.string()?),
                }
            }
            Kw::START => {
                self.advance();
                self.expect_w("TRANSACTION")?;
                TableOption::Other {
                    name: "START TRANSACTION".into(),
                    value: OptionValue::None,
                }
            }
            Kw::WITH => {
                self.expect_ws(&["WITH", "SYSTEM", "VERSIONING"])?;
                TableOption::Other {
                    name: "WITH SYSTEM VERSIONING".into(),
                    value: OptionValue::None,
                }
            }
            _ if OTHER_OPTIONS.iter().any(|name| self.w(name)) => {
                let name = self.upper_word()?;
                self.eat(T::Eq);
                TableOption::Other {
                    name,
                    value: self.option_value()?,
                }
            }
            _ => return Ok(None),
        };
        Ok(Some(option))
    }

    /// An integer, or the whole part of a decimal.
    fn whole_number(&mut self) -> Res<u64> {
        if !self.is(T::Decimal) {
            return self.integer();
        }
        let text = self.number_text()?;
        let whole = text.split('.').next().unwrap_or_default();
        if whole.is_empty() {
            return Ok(0);
        }
        whole.parse().or_else(|_| self.fail())
    }

    fn option_name(&mut self) {
        self.advance();
        self.eat(T::Eq);
    }

    fn option_value(&mut self) -> Res<OptionValue> {
        match self.tok.kind {
            T::Int | T::Decimal | T::Float => Ok(OptionValue::Number(self.number_text()?)),
            T::Hex | T::Bit => {
                let tok = self.advance();
                Ok(OptionValue::Number(self.utf8(self.bytes(tok), tok)?))
            }
            T::Str => Ok(OptionValue::String(self.string()?)),
            T::Word if self.kw(Kw::DEFAULT) => {
                self.advance();
                Ok(OptionValue::Word("DEFAULT".into()))
            }
            // A bare word may be a quoted one: options without effect are not told apart.
            _ => Ok(OptionValue::Word(self.any_ident()?.0)),
        }
    }

    /// PARTITION BY as text.
    pub(super) fn partition_by(&mut self) -> Res<Partitioning> {
        let start = self.start();
        self.expect_ws(&["PARTITION", "BY"])?;
        let _ = self.eat_kw(Kw::LINEAR);
        if self.one_of(&["HASH", "KEY", "RANGE", "LIST"]).is_none() {
            return self.fail();
        }
        self.skip_clause(&["AS", "SELECT", "IGNORE", "REPLACE"])?;
        Ok(Partitioning {
            text: self.source_words(start)?,
            span: self.span_from(start),
        })
    }
}

/// Table options without effect that take one value.
const OTHER_OPTIONS: &[&str] = &[
    "AUTOEXTEND_SIZE",
    "AVG_ROW_LENGTH",
    "CHECKSUM",
    "TABLE_CHECKSUM",
    "COMPRESSION",
    "CONNECTION",
    "DELAY_KEY_WRITE",
    "ENCRYPTION",
    "ENGINE_ATTRIBUTE",
    "SECONDARY_ENGINE_ATTRIBUTE",
    "INSERT_METHOD",
    "KEY_BLOCK_SIZE",
    "MAX_ROWS",
    "MIN_ROWS",
    "PACK_KEYS",
    "PASSWORD",
    "ROW_FORMAT",
    "SECONDARY_ENGINE",
    "STATS_AUTO_RECALC",
    "STATS_PERSISTENT",
    "STATS_SAMPLE_PAGES",
    "STORAGE",
    "TABLESPACE",
    "TARGET_ROW_SIZE",
    "TYPE",
    "ITEF_QUOTES",
    "IETF_QUOTES",
    "ENCRYPTED",
    "ENCRYPTION_KEY_ID",
    "PAGE_COMPRESSED",
    "PAGE_COMPRESSION_LEVEL",
    "PAGE_CHECKSUM",
    "SEQUENCE",
    "TRANSACTIONAL",
];
