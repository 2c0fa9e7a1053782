//! Definitions of tables, indexes, views and databases.

use super::Sql;
use crate::ast::*;
use crate::parser::level::*;

impl Sql<'_> {
    pub(super) fn data_type(&mut self, data_type: &DataType) {
        self.type_kind(&data_type.kind);
        self.when(data_type.unsigned, " UNSIGNED")
            .when(data_type.zerofill, " ZEROFILL");
        if let Some(charset) = &data_type.charset {
            self.s(" CHARACTER SET ").charset(charset);
        }
        self.when(data_type.binary, " BINARY");
        if let Some(collate) = &data_type.collate {
            self.s(" COLLATE ").charset(collate);
        }
    }

    fn sized(&mut self, word: &str, size: Option<u64>) {
        self.s(word);
        if let Some(n) = size {
            self.s("(").num(n).s(")");
        }
    }

    fn type_kind(&mut self, kind: &TypeKind) {
        use TypeKind::*;
        let wide = |n: &Option<u32>| n.map(u64::from);
        match kind {
            Bool => self.sized("BOOLEAN", None),
            Serial => self.sized("SERIAL", None),
            TinyInt(n) => self.sized("TINYINT", wide(n)),
            SmallInt(n) => self.sized("SMALLINT", wide(n)),
            MediumInt(n) => self.sized("MEDIUMINT", wide(n)),
            Int(n) => self.sized("INT", wide(n)),
            BigInt(n) => self.sized("BIGINT", wide(n)),
            Decimal(size) => self.precision("DECIMAL", *size),
            Float(size) => self.precision("FLOAT", *size),
            Double(size) => self.precision("DOUBLE", size.map(|(p, s)| (p, Some(s)))),
            Real(size) => self.precision("REAL", size.map(|(p, s)| (p, Some(s)))),
            Bit(n) => self.sized("BIT", wide(n)),
            Date => self.sized("DATE", None),
            Time(n) => self.sized("TIME", wide(n)),
            Datetime(n) => self.sized("DATETIME", wide(n)),
            Timestamp(n) => self.sized("TIMESTAMP", wide(n)),
            Year(n) => self.sized("YEAR", wide(n)),
            Char(n) => self.sized("CHAR", *n),
            VarChar(n) => self.sized("VARCHAR", *n),
            NChar(n) => self.sized("NCHAR", *n),
            NVarChar(n) => self.sized("NVARCHAR", *n),
            Binary(n) => self.sized("BINARY", *n),
            VarBinary(n) => self.sized("VARBINARY", *n),
            TinyText => self.sized("TINYTEXT", None),
            Text(n) => self.sized("TEXT", *n),
            MediumText => self.sized("MEDIUMTEXT", None),
            LongText => self.sized("LONGTEXT", None),
            TinyBlob => self.sized("TINYBLOB", None),
            Blob(n) => self.sized("BLOB", *n),
            MediumBlob => self.sized("MEDIUMBLOB", None),
            LongBlob => self.sized("LONGBLOB", None),
            Enum(members) => self.members("ENUM", members),
            Set(members) => self.members("SET", members),
            Json => self.sized("JSON", None),
            Geometry => self.sized("GEOMETRY", None),
            Point => self.sized("POINT", None),
            LineString => self.sized("LINESTRING", None),
            Polygon => self.sized("POLYGON", None),
            MultiPoint => self.sized("MULTIPOINT", None),
            MultiLineString => self.sized("MULTILINESTRING", None),
            MultiPolygon => self.sized("MULTIPOLYGON", None),
            GeometryCollection => self.sized("GEOMETRYCOLLECTION", None),
            Vector(n) => self.sized("VECTOR", wide(n)),
            Uuid => self.sized("UUID", None),
        }
    }

    fn members(&mut self, word: &str, members: &[Box<str>]) {
        self.s(word).s("(").list(members, |w, member| {
            w.str(member);
        });
        self.s(")");
    }

    fn precision(&mut self, word: &str, size: Option<(u32, Option<u32>)>) {
        self.s(word);
        if let Some((precision, scale)) = size {
            self.s("(").num(precision);
            if let Some(scale) = scale {
                self.s(", ").num(scale);
            }
            self.s(")");
        }
    }

    pub(super) fn column_def(&mut self, column: &ColumnDef) {
        self.ident(&column.name).s(" ");
        self.data_type(&column.data_type);
        for attribute in &column.attributes {
            self.s(" ");
            self.column_attribute(attribute);
        }
    }

    fn default_value(&mut self, default: &DefaultValue) {
        if default.parenthesized {
            self.s("(").expr(&default.value.expr);
            self.s(")");
        } else {
            self.expr_at(&default.value.expr, NEGATE);
        }
    }

    fn column_attribute(&mut self, attribute: &ColumnAttribute) {
        use ColumnAttribute::*;
        match attribute {
            Null => self.s("NULL"),
            NotNull => self.s("NOT NULL"),
            Default(value) => {
                self.s("DEFAULT ").default_value(value);
                self
            }
            OnUpdate(value) => self.s("ON UPDATE ").expr_at(&value.expr, NEGATE),
            AutoIncrement => self.s("AUTO_INCREMENT"),
            PrimaryKey => self.s("PRIMARY KEY"),
            Unique => self.s("UNIQUE"),
            Key => self.s("KEY"),
            Comment(text) => self.s("COMMENT ").str(text),
            Generated { expr, kind } => {
                self.s("GENERATED ALWAYS AS (").expr(&expr.expr);
                self.s(")").s(match kind {
                    None => "",
                    Some(GeneratedKind::Virtual) => " VIRTUAL",
                    Some(GeneratedKind::Stored) => " STORED",
                })
            }
            Visible => self.s("VISIBLE"),
            Invisible => self.s("INVISIBLE"),
            Srid(n) => self.s("SRID ").num(n),
            Check(check) => {
                self.check(check);
                self
            }
            References(references) => {
                self.references(references);
                self
            }
            ColumnFormat(word) => self.s("COLUMN_FORMAT ").s(word),
            Storage(word) => self.s("STORAGE ").s(word),
            EngineAttribute(text) => self.s("ENGINE_ATTRIBUTE ").str(text),
            SecondaryEngineAttribute(text) => self.s("SECONDARY_ENGINE_ATTRIBUTE ").str(text),
        };
    }

    fn constraint(&mut self, name: &Option<Ident>) {
        if let Some(name) = name {
            self.s("CONSTRAINT ").ident(name).s(" ");
        }
    }

    fn check(&mut self, check: &Check) {
        self.constraint(&check.name);
        self.s("CHECK (").expr(&check.expr.expr);
        self.s(")").when(!check.enforced, " NOT ENFORCED");
    }

    fn references(&mut self, references: &References) {
        self.s("REFERENCES ").name(&references.table);
        if !references.columns.is_empty() {
            self.s(" ").columns(&references.columns);
        }
        if let Some(word) = &references.match_ {
            self.s(" MATCH ").s(word);
        }
        for (word, action) in [
            (" ON DELETE ", references.on_delete),
            (" ON UPDATE ", references.on_update),
        ] {
            if let Some(action) = action {
                self.s(word).s(match action {
                    ReferenceAction::Restrict => "RESTRICT",
                    ReferenceAction::Cascade => "CASCADE",
                    ReferenceAction::SetNull => "SET NULL",
                    ReferenceAction::NoAction => "NO ACTION",
                    ReferenceAction::SetDefault => "SET DEFAULT",
                });
            }
        }
    }

    pub(super) fn table_constraint(&mut self, constraint: &TableConstraint) {
        match constraint {
            TableConstraint::PrimaryKey { constraint, index } => {
                self.constraint(constraint);
                self.s("PRIMARY KEY").index_def(index);
            }
            TableConstraint::Unique { constraint, index } => {
                self.constraint(constraint);
                self.s("UNIQUE KEY").index_def(index);
            }
            TableConstraint::Index { kind, index } => {
                self.s(index_word(*kind)).s("KEY").index_def(index);
            }
            TableConstraint::ForeignKey {
                constraint,
                index_name,
                if_not_exists,
                columns,
                references,
            } => {
                self.constraint(constraint);
                self.s("FOREIGN KEY ")
                    .when(*if_not_exists, "IF NOT EXISTS ");
                if let Some(name) = index_name {
                    self.ident(name).s(" ");
                }
                self.columns(columns).s(" ");
                self.references(references);
            }
            TableConstraint::Check(check) => self.check(check),
        }
    }

    fn index_def(&mut self, index: &IndexDef) {
        self.when(index.if_not_exists, " IF NOT EXISTS");
        if let Some(name) = &index.name {
            self.s(" ").ident(name);
        }
        self.s(" ").key_parts(&index.parts);
        self.index_options(&index.options);
    }

    fn key_parts(&mut self, parts: &[KeyPart]) {
        self.s("(").list(parts, |w, part| {
            match &part.what {
                KeyPartWhat::Column { name, length } => {
                    w.ident(name);
                    w.sized("", *length);
                }
                KeyPartWhat::Expr(expr) => {
                    w.s("(").expr(&expr.expr);
                    w.s(")");
                }
            }
            w.when(part.descending, " DESC");
        });
        self.s(")");
    }

    fn index_options(&mut self, options: &[IndexOption]) {
        for option in options {
            self.s(" ");
            match option {
                IndexOption::Using(word) => self.s("USING ").s(word),
                IndexOption::Comment(text) => self.s("COMMENT ").str(text),
                IndexOption::KeyBlockSize(n) => self.s("KEY_BLOCK_SIZE = ").num(n),
                IndexOption::Parser(name) => self.s("WITH PARSER ").ident(name),
                IndexOption::Visible => self.s("VISIBLE"),
                IndexOption::Invisible => self.s("INVISIBLE"),
                IndexOption::EngineAttribute(text) => self.s("ENGINE_ATTRIBUTE ").str(text),
                IndexOption::SecondaryEngineAttribute(text) => {
                    self.s("SECONDARY_ENGINE_ATTRIBUTE ").str(text)
                }
            };
        }
    }

    fn table_option(&mut self, option: &TableOption) {
        match option {
            TableOption::AutoIncrement(n) => {
                self.s("AUTO_INCREMENT = ").num(n);
            }
            TableOption::Charset(None) => {
                self.s("CHARACTER SET DEFAULT");
            }
            TableOption::Charset(Some(charset)) => {
                self.s("CHARACTER SET ").charset(charset);
            }
            TableOption::Collate(collation) => {
                self.s("COLLATE ").charset(collation);
            }
            TableOption::Comment(text) => {
                self.s("COMMENT ").str(text);
            }
            TableOption::Engine(name) => {
                self.s("ENGINE = ").ident(name);
            }
            TableOption::Other { name, value } => {
                self.s(name);
                match value {
                    OptionValue::None => {}
                    OptionValue::Word(word) if &**word == "DEFAULT" => {
                        self.s(" = DEFAULT");
                    }
                    OptionValue::Word(word) => {
                        self.s(" = ").ident(word);
                    }
                    OptionValue::Number(n) => {
                        self.s(" = ").s(n);
                    }
                    OptionValue::String(text) => {
                        self.s(" = ").str(text);
                    }
                    OptionValue::Names(names) => {
                        self.s(" = (").names(names).s(")");
                    }
                }
            }
        }
    }

    fn duplicates(&mut self, duplicates: Option<LoadDuplicates>) {
        self.s(match duplicates {
            None => "",
            Some(LoadDuplicates::Replace) => " REPLACE",
            Some(LoadDuplicates::Ignore) => " IGNORE",
        });
    }

    fn table_elements(&mut self, columns: &[ColumnDef], constraints: &[TableConstraint]) {
        self.s("(").list(columns, |w, column| w.column_def(column));
        self.when(!columns.is_empty() && !constraints.is_empty(), ", ");
        self.list(constraints, |w, c| w.table_constraint(c));
        self.s(")");
    }

    pub(super) fn create_table(&mut self, table: &CreateTable) {
        self.s("CREATE ")
            .when(table.temporary, "TEMPORARY ")
            .s("TABLE ")
            .when(table.if_not_exists, "IF NOT EXISTS ")
            .name(&table.name);
        if let Some(like) = &table.like {
            self.s(" LIKE ").name(like);
            return;
        }
        if !table.columns.is_empty() || !table.constraints.is_empty() {
            self.s(" ");
            self.table_elements(&table.columns, &table.constraints);
        }
        for option in &table.options {
            self.s(" ").table_option(option);
        }
        if let Some(partition) = &table.partition {
            self.s(" ").s(&partition.text);
        }
        if let Some(as_query) = &table.as_query {
            self.duplicates(as_query.duplicates);
            self.s(" AS ").query(&as_query.query);
        }
    }

    pub(super) fn alter_table(&mut self, alter: &AlterTable) {
        self.s("ALTER ")
            .when(alter.ignore, "IGNORE ")
            .s("TABLE ")
            .name(&alter.name);
        for (i, spec) in alter.specs.iter().enumerate() {
            self.s(match spec {
                _ if i == 0 => " ",
                AlterSpec::PartitionBy(_) | AlterSpec::RemovePartitioning => " ",
                _ => ", ",
            });
            self.alter_spec(spec);
        }
    }

    fn position(&mut self, position: &ColumnPosition) -> &mut Self {
        match position {
            ColumnPosition::Unspecified => self,
            ColumnPosition::First => self.s(" FIRST"),
            ColumnPosition::After(name) => self.s(" AFTER ").ident(name),
        }
    }

    fn alter_spec(&mut self, spec: &AlterSpec) {
        use AlterSpec::*;
        let exists = |on: bool| if on { "IF EXISTS " } else { "" };
        let visible = |on: bool| if on { "VISIBLE" } else { "INVISIBLE" };
        match spec {
            AddColumn {
                column,
                position,
                if_not_exists,
            } => {
                self.s("ADD COLUMN ").when(*if_not_exists, "IF NOT EXISTS ");
                self.column_def(column);
                self.position(position)
            }
            AddColumns {
                columns,
                constraints,
            } => {
                self.s("ADD COLUMN ");
                self.table_elements(columns, constraints);
                self
            }
            AddConstraint(constraint) => {
                self.s("ADD ").table_constraint(constraint);
                self
            }
            DropColumn { name, if_exists } => {
                self.s("DROP COLUMN ").s(exists(*if_exists)).ident(name)
            }
            ModifyColumn { column, position } => {
                self.s("MODIFY COLUMN ").column_def(column);
                self.position(position)
            }
            ChangeColumn {
                old,
                column,
                position,
            } => {
                self.s("CHANGE COLUMN ")
                    .ident(old)
                    .s(" ")
                    .column_def(column);
                self.position(position)
            }
            RenameColumn { old, new } => self.s("RENAME COLUMN ").ident(old).s(" TO ").ident(new),
            AlterColumnSetDefault { column, default } => {
                self.s("ALTER COLUMN ").ident(column).s(" SET DEFAULT ");
                self.default_value(default);
                self
            }
            AlterColumnDropDefault { column } => {
                self.s("ALTER COLUMN ").ident(column).s(" DROP DEFAULT")
            }
            AlterColumnVisible {
                column,
                visible: on,
            } => self
                .s("ALTER COLUMN ")
                .ident(column)
                .s(" SET ")
                .s(visible(*on)),
            DropPrimaryKey => self.s("DROP PRIMARY KEY"),
            DropIndex { name, if_exists } => {
                self.s("DROP INDEX ").s(exists(*if_exists)).index_name(name)
            }
            DropForeignKey { name, if_exists } => self
                .s("DROP FOREIGN KEY ")
                .s(exists(*if_exists))
                .ident(name),
            DropCheck { name, if_exists } => {
                self.s("DROP CHECK ").s(exists(*if_exists)).ident(name)
            }
            DropConstraint { name, if_exists } => {
                self.s("DROP CONSTRAINT ").s(exists(*if_exists)).ident(name)
            }
            AlterCheck { name, enforced } => self
                .s("ALTER CHECK ")
                .ident(name)
                .s(if *enforced { " " } else { " NOT " })
                .s("ENFORCED"),
            AlterIndexVisible { name, visible: on } => {
                self.s("ALTER INDEX ").ident(name).s(" ").s(visible(*on))
            }
            RenameIndex { old, new } => self.s("RENAME INDEX ").ident(old).s(" TO ").ident(new),
            RenameConstraint { old, new } => {
                self.s("RENAME CONSTRAINT ").ident(old).s(" TO ").ident(new)
            }
            RenameTable(name) => self.s("RENAME TO ").name(name),
            Options(options) => {
                for (i, option) in options.iter().enumerate() {
                    self.when(i > 0, " ").table_option(option);
                }
                self
            }
            ConvertCharset { charset, collate } => {
                self.s("CONVERT TO CHARACTER SET ");
                match charset {
                    None => self.s("DEFAULT"),
                    Some(charset) => self.charset(charset),
                };
                match collate {
                    None => self,
                    Some(collate) => self.s(" COLLATE ").charset(collate),
                }
            }
            OrderBy(items) => {
                // The list begins with a blank of its own.
                self.0.pop();
                self.order_by(items)
            }
            EnableKeys => self.s("ENABLE KEYS"),
            DisableKeys => self.s("DISABLE KEYS"),
            Force => self.s("FORCE"),
            DiscardTablespace => self.s("DISCARD TABLESPACE"),
            ImportTablespace => self.s("IMPORT TABLESPACE"),
            Algorithm(word) => self.s("ALGORITHM = ").s(word),
            Lock(word) => self.s("LOCK = ").s(word),
            Validation(true) => self.s("WITH VALIDATION"),
            Validation(false) => self.s("WITHOUT VALIDATION"),
            SecondaryLoad => self.s("SECONDARY_LOAD"),
            SecondaryUnload => self.s("SECONDARY_UNLOAD"),
            PartitionBy(p) | PartitionOperation(p) => self.s(&p.text),
            RemovePartitioning => self.s("REMOVE PARTITIONING"),
        };
    }

    pub(super) fn behavior(&mut self, behavior: Option<DropBehavior>) {
        self.s(match behavior {
            None => "",
            Some(DropBehavior::Restrict) => " RESTRICT",
            Some(DropBehavior::Cascade) => " CASCADE",
        });
    }

    fn algorithm_and_lock(&mut self, algorithm: &Option<Box<str>>, lock: &Option<Box<str>>) {
        if let Some(word) = algorithm {
            self.s(" ALGORITHM = ").s(word);
        }
        if let Some(word) = lock {
            self.s(" LOCK = ").s(word);
        }
    }

    pub(super) fn create_index(&mut self, create: &CreateIndex) {
        self.s("CREATE ")
            .s(index_word(create.kind))
            .s("INDEX ")
            .when(create.if_not_exists, "IF NOT EXISTS ");
        if let Some(name) = &create.index.name {
            self.ident(name);
        }
        self.s(" ON ").name(&create.table).s(" ");
        self.key_parts(&create.index.parts);
        self.index_options(&create.index.options);
        self.algorithm_and_lock(&create.algorithm, &create.lock);
    }

    pub(super) fn drop_index(&mut self, drop: &DropIndex) {
        self.s("DROP INDEX ")
            .when(drop.if_exists, "IF EXISTS ")
            .index_name(&drop.name)
            .s(" ON ")
            .name(&drop.table);
        self.algorithm_and_lock(&drop.algorithm, &drop.lock);
    }

    pub(super) fn definer(&mut self, definer: &Option<Account>) {
        if let Some(definer) = definer {
            self.s("DEFINER = ").account(definer);
            self.s(" ");
        }
    }

    pub(super) fn view(&mut self, verb: &str, view: &CreateView) {
        self.s(verb).when(view.or_replace, "OR REPLACE ");
        if let Some(algorithm) = &view.algorithm {
            self.s("ALGORITHM = ").s(algorithm).s(" ");
        }
        self.definer(&view.definer);
        self.s(match view.sql_security {
            None => "",
            Some(SqlSecurity::Definer) => "SQL SECURITY DEFINER ",
            Some(SqlSecurity::Invoker) => "SQL SECURITY INVOKER ",
        });
        self.s("VIEW ")
            .when(view.if_not_exists, "IF NOT EXISTS ")
            .name(&view.name);
        if !view.columns.is_empty() {
            self.s(" ").columns(&view.columns);
        }
        self.s(" AS ").query(&view.query);
        self.s(match view.check_option {
            None => "",
            Some(CheckOption::Cascaded) => " WITH CASCADED CHECK OPTION",
            Some(CheckOption::Local) => " WITH LOCAL CHECK OPTION",
        });
    }

    pub(super) fn database_options(&mut self, options: &[DatabaseOption]) {
        for option in options {
            match option {
                DatabaseOption::Charset(name) => self.s(" CHARACTER SET ").charset(name),
                DatabaseOption::Collate(name) => self.s(" COLLATE ").charset(name),
                DatabaseOption::Encryption(text) => self.s(" ENCRYPTION ").str(text),
                DatabaseOption::ReadOnly(word) => self.s(" READ ONLY = ").s(word),
            };
        }
    }

    pub(super) fn create_srs(&mut self, srs: &CreateSrs) {
        self.s("CREATE ")
            .when(srs.or_replace, "OR REPLACE ")
            .s("SPATIAL REFERENCE SYSTEM ")
            .when(srs.if_not_exists, "IF NOT EXISTS ")
            .num(srs.srid);
        for attribute in &srs.attributes {
            match attribute {
                SrsAttribute::Name(text) => self.s(" NAME ").str(text),
                SrsAttribute::Definition(text) => self.s(" DEFINITION ").str(text),
                SrsAttribute::Description(text) => self.s(" DESCRIPTION ").str(text),
                SrsAttribute::Organization {
                    name,
                    identified_by,
                } => self
                    .s(" ORGANIZATION ")
                    .str(name)
                    .s(" IDENTIFIED BY ")
                    .num(identified_by),
            };
        }
    }

    pub(super) fn histogram(&mut self, analyze: &AnalyzeHistogram) {
        self.s("ANALYZE ")
            .when(analyze.no_write_to_binlog, "NO_WRITE_TO_BINLOG ")
            .s("TABLE ")
            .name(&analyze.table);
        let drop = matches!(analyze.action, HistogramAction::Drop);
        self.s(if drop { " DROP" } else { " UPDATE" });
        self.s(" HISTOGRAM ON ").idents(&analyze.columns);
        if let HistogramAction::Update {
            buckets,
            using_data,
            auto_update,
        } = &analyze.action
        {
            if let Some(n) = buckets {
                self.s(" WITH ").num(n).s(" BUCKETS");
            }
            if let Some(text) = using_data {
                self.s(" USING DATA ").str(text);
            }
            self.s(match auto_update {
                None => "",
                Some(true) => " AUTO UPDATE",
                Some(false) => " MANUAL UPDATE",
            });
        }
    }
}

fn index_word(kind: IndexKind) -> &'static str {
    match kind {
        IndexKind::Plain => "",
        IndexKind::Unique => "UNIQUE ",
        IndexKind::Fulltext => "FULLTEXT ",
        IndexKind::Spatial => "SPATIAL ",
        IndexKind::Vector => "VECTOR ",
    }
}
