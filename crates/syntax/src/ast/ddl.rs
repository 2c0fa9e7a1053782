//! Definitions of tables, indexes, views and databases.

#![allow(missing_docs)] // fields are named by the grammar's own words

use super::{Account, Ident, ObjectName, OrderItem, Query, SourceExpr, Span};

/// A column type as written.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct DataType {
    pub kind: TypeKind,
    pub unsigned: bool,
    pub zerofill: bool,
    /// CHARACTER SET, or ASCII (`latin1`), UNICODE (`ucs2`), BYTE (`binary`).
    pub charset: Option<Box<str>>,
    /// COLLATE, wherever it stood among the column's attributes.
    pub collate: Option<Box<str>>,
    /// The BINARY attribute: the charset's `_bin` collation.
    pub binary: bool,
}

/// The type's name and size.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum TypeKind {
    /// BOOL, BOOLEAN
    Bool,
    /// SERIAL: BIGINT UNSIGNED NOT NULL AUTO_INCREMENT UNIQUE
    Serial,
    TinyInt(Option<u32>),
    SmallInt(Option<u32>),
    MediumInt(Option<u32>),
    Int(Option<u32>),
    BigInt(Option<u32>),
    /// Precision and scale.
    Decimal(Option<(u32, Option<u32>)>),
    Float(Option<(u32, Option<u32>)>),
    Double(Option<(u32, u32)>),
    /// REAL: DOUBLE, or FLOAT under REAL_AS_FLOAT.
    Real(Option<(u32, u32)>),
    Bit(Option<u32>),
    Date,
    Time(Option<u32>),
    Datetime(Option<u32>),
    Timestamp(Option<u32>),
    Year(Option<u32>),
    Char(Option<u64>),
    /// The length is required by MySQL; its lack is the engine's error.
    VarChar(Option<u64>),
    /// NCHAR and NATIONAL CHAR: CHAR in utf8mb3.
    NChar(Option<u64>),
    NVarChar(Option<u64>),
    Binary(Option<u64>),
    VarBinary(Option<u64>),
    TinyText,
    /// The size picks the smallest type of the family that holds it.
    Text(Option<u64>),
    MediumText,
    LongText,
    TinyBlob,
    Blob(Option<u64>),
    MediumBlob,
    LongBlob,
    Enum(Vec<Box<str>>),
    Set(Vec<Box<str>>),
    Json,
    Geometry,
    Point,
    LineString,
    Polygon,
    MultiPoint,
    MultiLineString,
    MultiPolygon,
    GeometryCollection,
    Vector(Option<u32>),
    Uuid,
}

/// CREATE TABLE.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct CreateTable {
    pub temporary: bool,
    pub if_not_exists: bool,
    pub name: ObjectName,
    /// CREATE TABLE t LIKE u; then all that follows is empty.
    pub like: Option<ObjectName>,
    pub columns: Vec<ColumnDef>,
    /// Keys and constraints written as elements of their own, in order.
    pub constraints: Vec<TableConstraint>,
    pub options: Vec<TableOption>,
    pub partition: Option<Partitioning>,
    pub as_query: Option<CreateAs>,
}

/// The query that fills a new table.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct CreateAs {
    pub duplicates: Option<super::LoadDuplicates>,
    pub query: Box<Query>,
}

/// A column definition.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ColumnDef {
    pub name: Ident,
    pub data_type: DataType,
    /// In the order written; COLLATE and CHARACTER SET are in the type.
    pub attributes: Vec<ColumnAttribute>,
}

/// What may follow a column's type.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum ColumnAttribute {
    Null,
    NotNull,
    Default(DefaultValue),
    /// ON UPDATE CURRENT_TIMESTAMP[(n)]
    OnUpdate(SourceExpr),
    AutoIncrement,
    PrimaryKey,
    Unique,
    Key,
    Comment(Box<str>),
    Generated {
        expr: SourceExpr,
        kind: Option<GeneratedKind>,
    },
    Visible,
    Invisible,
    Srid(u32),
    Check(Check),
    References(References),
    ColumnFormat(Box<str>),
    Storage(Box<str>),
    EngineAttribute(Box<str>),
    SecondaryEngineAttribute(Box<str>),
}

/// DEFAULT of a column.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct DefaultValue {
    pub value: SourceExpr,
    /// Written in parentheses: an expression default. The span excludes the outer parentheses.
    pub parenthesized: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum GeneratedKind {
    Virtual,
    Stored,
}

/// CHECK; the span of `expr` excludes the parentheses.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Check {
    pub name: Option<Ident>,
    pub expr: SourceExpr,
    pub enforced: bool,
}

/// REFERENCES clause.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct References {
    pub table: ObjectName,
    pub columns: Vec<Ident>,
    pub match_: Option<Box<str>>,
    pub on_delete: Option<ReferenceAction>,
    pub on_update: Option<ReferenceAction>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ReferenceAction {
    Restrict,
    Cascade,
    SetNull,
    NoAction,
    SetDefault,
}

/// A key or constraint of a table.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum TableConstraint {
    PrimaryKey {
        constraint: Option<Ident>,
        index: IndexDef,
    },
    Unique {
        constraint: Option<Ident>,
        index: IndexDef,
    },
    /// INDEX, KEY, FULLTEXT, SPATIAL, VECTOR
    Index {
        kind: IndexKind,
        index: IndexDef,
    },
    ForeignKey {
        constraint: Option<Ident>,
        index_name: Option<Ident>,
        if_not_exists: bool,
        columns: Vec<Ident>,
        references: References,
    },
    Check(Check),
}

/// Kinds of CREATE INDEX.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum IndexKind {
    Plain,
    Unique,
    Fulltext,
    Spatial,
    Vector,
}

/// Name, parts and options of an index.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct IndexDef {
    /// Only in ADD INDEX IF NOT EXISTS; CREATE INDEX has its own.
    pub if_not_exists: bool,
    pub name: Option<Ident>,
    pub parts: Vec<KeyPart>,
    pub options: Vec<IndexOption>,
}

/// One part of a key.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct KeyPart {
    pub what: KeyPartWhat,
    pub descending: bool,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum KeyPartWhat {
    Column {
        name: Ident,
        length: Option<u64>,
    },
    /// A functional key part; the span excludes the parentheses.
    Expr(SourceExpr),
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum IndexOption {
    /// BTREE, HASH or RTREE, in capitals.
    Using(Box<str>),
    Comment(Box<str>),
    KeyBlockSize(u64),
    Parser(Ident),
    Visible,
    Invisible,
    EngineAttribute(Box<str>),
    SecondaryEngineAttribute(Box<str>),
}

/// `name = value` after a table's closing parenthesis.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum TableOption {
    AutoIncrement(u64),
    /// `None` for DEFAULT.
    Charset(Option<Box<str>>),
    Collate(Box<str>),
    Comment(Box<str>),
    Engine(Box<str>),
    /// Everything that has no effect, with its name in capitals and its value as text.
    Other {
        name: Box<str>,
        value: OptionValue,
    },
}

/// The value of an option without effect.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum OptionValue {
    None,
    Word(Box<str>),
    Number(Box<str>),
    String(Box<str>),
    /// UNION = (a, b)
    Names(Vec<ObjectName>),
}

/// PARTITION BY as text; Dolt stores no partitions.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Partitioning {
    /// The clause as written, with blanks and comments between words reduced to one blank.
    pub text: Box<str>,
    pub span: Span,
}

/// ALTER TABLE.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct AlterTable {
    pub ignore: bool,
    pub name: ObjectName,
    pub specs: Vec<AlterSpec>,
}

/// One clause of ALTER TABLE.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum AlterSpec {
    AddColumn {
        column: ColumnDef,
        position: ColumnPosition,
        if_not_exists: bool,
    },
    /// ADD COLUMN (a .., b .., key ..)
    AddColumns {
        columns: Vec<ColumnDef>,
        constraints: Vec<TableConstraint>,
    },
    AddConstraint(TableConstraint),
    DropColumn {
        name: Ident,
        if_exists: bool,
    },
    ModifyColumn {
        column: ColumnDef,
        position: ColumnPosition,
    },
    ChangeColumn {
        old: Ident,
        column: ColumnDef,
        position: ColumnPosition,
    },
    RenameColumn {
        old: Ident,
        new: Ident,
    },
    AlterColumnSetDefault {
        column: Ident,
        default: DefaultValue,
    },
    AlterColumnDropDefault {
        column: Ident,
    },
    AlterColumnVisible {
        column: Ident,
        visible: bool,
    },
    DropPrimaryKey,
    DropIndex {
        name: Ident,
        if_exists: bool,
    },
    DropForeignKey {
        name: Ident,
        if_exists: bool,
    },
    DropCheck {
        name: Ident,
        if_exists: bool,
    },
    /// DROP CONSTRAINT: whatever has that name.
    DropConstraint {
        name: Ident,
        if_exists: bool,
    },
    /// ALTER CHECK and ALTER CONSTRAINT.
    AlterCheck {
        name: Ident,
        enforced: bool,
    },
    AlterIndexVisible {
        name: Ident,
        visible: bool,
    },
    RenameIndex {
        old: Ident,
        new: Ident,
    },
    /// An extension of Dolt.
    RenameConstraint {
        old: Ident,
        new: Ident,
    },
    RenameTable(ObjectName),
    Options(Vec<TableOption>),
    ConvertCharset {
        charset: Option<Box<str>>,
        collate: Option<Box<str>>,
    },
    OrderBy(Vec<OrderItem>),
    EnableKeys,
    DisableKeys,
    Force,
    DiscardTablespace,
    ImportTablespace,
    Algorithm(Box<str>),
    Lock(Box<str>),
    Validation(bool),
    SecondaryLoad,
    SecondaryUnload,
    PartitionBy(Partitioning),
    RemovePartitioning,
    /// ADD, DROP, TRUNCATE, ... PARTITION as text.
    PartitionOperation(Partitioning),
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum ColumnPosition {
    Unspecified,
    First,
    After(Ident),
}

/// DROP TABLE.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct DropTable {
    pub temporary: bool,
    pub if_exists: bool,
    pub names: Vec<ObjectName>,
    pub behavior: Option<DropBehavior>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum DropBehavior {
    Restrict,
    Cascade,
}

/// DROP of several objects.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct DropNames {
    pub if_exists: bool,
    pub names: Vec<ObjectName>,
    pub behavior: Option<DropBehavior>,
}

/// DROP of one object.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct DropName {
    pub if_exists: bool,
    pub name: ObjectName,
}

/// CREATE INDEX.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct CreateIndex {
    pub kind: IndexKind,
    pub if_not_exists: bool,
    /// The name is always present.
    pub index: IndexDef,
    pub table: ObjectName,
    pub algorithm: Option<Box<str>>,
    pub lock: Option<Box<str>>,
}

/// DROP INDEX.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct DropIndex {
    pub if_exists: bool,
    pub name: Ident,
    pub table: ObjectName,
    pub algorithm: Option<Box<str>>,
    pub lock: Option<Box<str>>,
}

/// CREATE VIEW and ALTER VIEW.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct CreateView {
    pub or_replace: bool,
    pub if_not_exists: bool,
    /// MERGE, TEMPTABLE or UNDEFINED.
    pub algorithm: Option<Box<str>>,
    pub definer: Option<Account>,
    pub sql_security: Option<SqlSecurity>,
    pub name: ObjectName,
    pub columns: Vec<Ident>,
    /// Its span is the view's text.
    pub query: Box<Query>,
    pub check_option: Option<CheckOption>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SqlSecurity {
    Definer,
    Invoker,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum CheckOption {
    /// WITH CHECK OPTION and WITH CASCADED CHECK OPTION.
    Cascaded,
    Local,
}

/// CREATE DATABASE.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct CreateDatabase {
    pub if_not_exists: bool,
    pub name: Ident,
    pub options: Vec<DatabaseOption>,
}

/// ALTER DATABASE; without a name it is the current one.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct AlterDatabase {
    pub name: Option<Ident>,
    pub options: Vec<DatabaseOption>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum DatabaseOption {
    Charset(Box<str>),
    Collate(Box<str>),
    Encryption(Box<str>),
    ReadOnly(Box<str>),
}

/// DROP DATABASE.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct DropDatabase {
    pub if_exists: bool,
    pub name: Ident,
}

/// CREATE SPATIAL REFERENCE SYSTEM.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct CreateSrs {
    pub or_replace: bool,
    pub if_not_exists: bool,
    pub srid: u64,
    pub attributes: Vec<SrsAttribute>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum SrsAttribute {
    Name(Box<str>),
    Definition(Box<str>),
    Organization { name: Box<str>, identified_by: u64 },
    Description(Box<str>),
}

/// ANALYZE TABLE t UPDATE|DROP HISTOGRAM ON c.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct AnalyzeHistogram {
    pub no_write_to_binlog: bool,
    pub table: ObjectName,
    pub columns: Vec<Ident>,
    pub action: HistogramAction,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum HistogramAction {
    Update {
        buckets: Option<u64>,
        using_data: Option<Box<str>>,
        auto_update: Option<bool>,
    },
    Drop,
}
