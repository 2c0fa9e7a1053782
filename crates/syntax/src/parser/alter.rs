//! ALTER TABLE.

use super::{Parser, Res};
use crate::ast::*;
use crate::keyword::Kw;
use crate::lexer::T;

/// Partition operations and the words after each that still belong to its name.
const PARTITION_OPERATIONS: &[&str] = &[
    "DISCARD",
    "IMPORT",
    "TRUNCATE",
    "COALESCE",
    "REORGANIZE",
    "EXCHANGE",
    "ANALYZE",
    "CHECK",
    "OPTIMIZE",
    "REBUILD",
    "REPAIR",
];

impl Parser<'_> {
    /// What follows ALTER [IGNORE] TABLE.
    pub(super) fn alter_table(&mut self, ignore: bool) -> Res<AlterTable> {
        let name = self.object_name()?;
        let mut specs = Vec::new();
        while !self.at_end() {
            if !specs.is_empty() && !self.eat(T::Comma) {
                if self.kw(Kw::PARTITION) {
                    specs.push(AlterSpec::PartitionBy(self.partition_by()?));
                    break;
                }
                if self.eat_ws(&["REMOVE", "PARTITIONING"]) {
                    specs.push(AlterSpec::RemovePartitioning);
                    break;
                }
                return self.fail();
            }
            specs.push(self.alter_spec()?);
        }
        Ok(AlterTable {
            ignore,
            name,
            specs,
        })
    }

    fn alter_spec(&mut self) -> Res<AlterSpec> {
        if PARTITION_OPERATIONS.iter().any(|word| self.w(word)) && self.peek_w("PARTITION") {
            return self.partition_operation();
        }
        match self.tok.kw {
            Kw::ADD => self.alter_add(),
            Kw::DROP => self.alter_drop(),
            Kw::MODIFY => {
                self.advance();
                self.eat_kw(Kw::COLUMN);
                Ok(AlterSpec::ModifyColumn {
                    column: self.column_def()?,
                    position: self.column_position()?,
                })
            }
            Kw::CHANGE => {
                self.advance();
                self.eat_kw(Kw::COLUMN);
                Ok(AlterSpec::ChangeColumn {
                    old: self.ident()?,
                    column: self.column_def()?,
                    position: self.column_position()?,
                })
            }
            Kw::ALTER => self.alter_alter(),
            Kw::RENAME => self.alter_rename(),
            Kw::CONVERT => {
                self.expect_ws(&["CONVERT", "TO"])?;
                if !self.eat_kw(Kw::CHARSET) {
                    self.expect_ws(&["CHARACTER", "SET"])?;
                }
                self.eat(T::Eq);
                let charset = if self.eat_kw(Kw::DEFAULT) {
                    None
                } else {
                    Some(self.charset_name()?)
                };
                let collate = if self.eat_kw(Kw::COLLATE) {
                    self.eat(T::Eq);
                    Some(self.charset_name()?)
                } else {
                    None
                };
                Ok(AlterSpec::ConvertCharset { charset, collate })
            }
            Kw::ORDER => Ok(AlterSpec::OrderBy(self.order_by()?)),
            Kw::FORCE => {
                self.advance();
                Ok(AlterSpec::Force)
            }
            Kw::PARTITION => Ok(AlterSpec::PartitionBy(self.partition_by()?)),
            Kw::LOCK => {
                self.advance();
                self.eat(T::Eq);
                Ok(AlterSpec::Lock(self.upper_word()?))
            }
            _ => self.alter_other(),
        }
    }

    fn alter_other(&mut self) -> Res<AlterSpec> {
        if self.eat_ws(&["ENABLE", "KEYS"]) {
            return Ok(AlterSpec::EnableKeys);
        }
        if self.eat_ws(&["DISABLE", "KEYS"]) {
            return Ok(AlterSpec::DisableKeys);
        }
        if self.eat_ws(&["DISCARD", "TABLESPACE"]) {
            return Ok(AlterSpec::DiscardTablespace);
        }
        if self.eat_ws(&["IMPORT", "TABLESPACE"]) {
            return Ok(AlterSpec::ImportTablespace);
        }
        if self.eat_ws(&["WITH", "VALIDATION"]) {
            return Ok(AlterSpec::Validation(true));
        }
        if self.eat_ws(&["WITHOUT", "VALIDATION"]) {
            return Ok(AlterSpec::Validation(false));
        }
        if self.eat_ws(&["REMOVE", "PARTITIONING"]) {
            return Ok(AlterSpec::RemovePartitioning);
        }
        if self.eat_w("SECONDARY_LOAD") {
            return Ok(AlterSpec::SecondaryLoad);
        }
        if self.eat_w("SECONDARY_UNLOAD") {
            return Ok(AlterSpec::SecondaryUnload);
        }
        if self.eat_w("ALGORITHM") {
            self.eat(T::Eq);
            return Ok(AlterSpec::Algorithm(self.upper_word()?));
        }
        let mut options = Vec::new();
        while let Some(option) = self.table_option()? {
            options.push(option);
        }
        if options.is_empty() {
            return self.fail();
        }
        Ok(AlterSpec::Options(options))
    }

    fn alter_add(&mut self) -> Res<AlterSpec> {
        if self.peek().kw == Kw::PARTITION {
            return self.partition_operation();
        }
        self.advance();
        if let Some(constraint) = self.table_constraint()? {
            return Ok(AlterSpec::AddConstraint(constraint));
        }
        self.eat_kw(Kw::COLUMN);
        let if_not_exists = self.if_not_exists();
        if self.eat(T::LParen) {
            let (mut columns, mut constraints) = (Vec::new(), Vec::new());
            self.table_elements(&mut columns, &mut constraints)?;
            self.expect(T::RParen)?;
            return Ok(AlterSpec::AddColumns {
                columns,
                constraints,
            });
        }
        Ok(AlterSpec::AddColumn {
            column: self.column_def()?,
            position: self.column_position()?,
            if_not_exists,
        })
    }

    fn alter_drop(&mut self) -> Res<AlterSpec> {
        if self.peek().kw == Kw::PARTITION {
            return self.partition_operation();
        }
        self.advance();
        match self.tok.kw {
            Kw::PRIMARY => {
                self.advance();
                self.expect_kw(Kw::KEY)?;
                Ok(AlterSpec::DropPrimaryKey)
            }
            Kw::INDEX | Kw::KEY => {
                self.advance();
                Ok(AlterSpec::DropIndex {
                    if_exists: self.if_exists(),
                    name: self.index_name()?,
                })
            }
            Kw::FOREIGN => {
                self.advance();
                self.expect_kw(Kw::KEY)?;
                Ok(AlterSpec::DropForeignKey {
                    if_exists: self.if_exists(),
                    name: self.ident()?,
                })
            }
            Kw::CHECK => {
                self.advance();
                Ok(AlterSpec::DropCheck {
                    if_exists: self.if_exists(),
                    name: self.ident()?,
                })
            }
            Kw::CONSTRAINT => {
                self.advance();
                Ok(AlterSpec::DropConstraint {
                    if_exists: self.if_exists(),
                    name: self.ident()?,
                })
            }
            _ => {
                self.eat_kw(Kw::COLUMN);
                let if_exists = self.if_exists();
                let name = self.ident()?;
                let _ = self.eat_kw(Kw::RESTRICT) || self.eat_kw(Kw::CASCADE);
                Ok(AlterSpec::DropColumn { name, if_exists })
            }
        }
    }

    fn alter_alter(&mut self) -> Res<AlterSpec> {
        self.advance();
        if self.kw(Kw::CHECK) || self.kw(Kw::CONSTRAINT) {
            self.advance();
            let name = self.ident()?;
            let enforced = !self.eat_kw(Kw::NOT);
            self.expect_w("ENFORCED")?;
            return Ok(AlterSpec::AlterCheck { name, enforced });
        }
        if self.kw(Kw::INDEX) || self.kw(Kw::KEY) {
            self.advance();
            let name = self.ident()?;
            let visible = self.visibility()?;
            return Ok(AlterSpec::AlterIndexVisible { name, visible });
        }
        self.eat_kw(Kw::COLUMN);
        let column = self.ident()?;
        if self.eat_kw(Kw::SET) {
            if self.kw(Kw::VISIBLE) || self.kw(Kw::INVISIBLE) {
                let visible = self.visibility()?;
                return Ok(AlterSpec::AlterColumnVisible { column, visible });
            }
            self.expect_kw(Kw::DEFAULT)?;
            return Ok(AlterSpec::AlterColumnSetDefault {
                column,
                default: self.default_value()?,
            });
        }
        self.expect_ws(&["DROP", "DEFAULT"])?;
        Ok(AlterSpec::AlterColumnDropDefault { column })
    }

    fn visibility(&mut self) -> Res<bool> {
        if self.eat_kw(Kw::VISIBLE) {
            return Ok(true);
        }
        self.expect_kw(Kw::INVISIBLE)?;
        Ok(false)
    }

    fn alter_rename(&mut self) -> Res<AlterSpec> {
        self.advance();
        match self.tok.kw {
            Kw::COLUMN => {
                self.advance();
                let (old, new) = self.old_to_new()?;
                Ok(AlterSpec::RenameColumn { old, new })
            }
            Kw::INDEX | Kw::KEY => {
                self.advance();
                let (old, new) = self.old_to_new()?;
                Ok(AlterSpec::RenameIndex { old, new })
            }
            Kw::CONSTRAINT => {
                self.advance();
                self.eat_ws(&["FOREIGN", "KEY"]);
                let (old, new) = self.old_to_new()?;
                Ok(AlterSpec::RenameConstraint { old, new })
            }
            _ => {
                if !self.eat_kw(Kw::TO) && !self.eat_kw(Kw::AS) {
                    self.eat(T::Eq);
                }
                Ok(AlterSpec::RenameTable(self.object_name()?))
            }
        }
    }

    fn old_to_new(&mut self) -> Res<(Ident, Ident)> {
        let old = self.ident()?;
        if !self.eat_kw(Kw::TO) {
            self.expect_kw(Kw::AS)?;
        }
        Ok((old, self.ident()?))
    }

    fn column_position(&mut self) -> Res<ColumnPosition> {
        if self.eat_w("FIRST") {
            return Ok(ColumnPosition::First);
        }
        if self.eat_w("AFTER") {
            return Ok(ColumnPosition::After(self.ident()?));
        }
        Ok(ColumnPosition::Unspecified)
    }

    fn partition_operation(&mut self) -> Res<AlterSpec> {
        let start = self.start();
        // A list of partition names belongs to the operation; nothing may follow it.
        loop {
            self.skip_clause(&[])?;
            if !self.eat(T::Comma) {
                break;
            }
        }
        Ok(AlterSpec::PartitionOperation(Partitioning {
            text: self.source_words(start)?,
            span: self.span_from(start),
        }))
    }
}
