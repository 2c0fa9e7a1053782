//! MySQL values and types: encodings of columns, tuples and their order, decimals, dates, JSON, character sets and collations.
//!
//! Nothing here does I/O: what lies outside a tuple is reached through [`BlobSource`] and
//! [`BlobSink`], which the store implements.

pub mod blob;
pub mod calendar;
pub mod charset;
pub mod collation;
pub mod compare;
pub mod conversion;
pub mod decimal;
pub mod encoding;
mod error;
pub mod field_codec;
pub mod geometry;
pub mod json;
pub mod number_text;
mod render;
pub mod row_builder;
mod sql_type;
pub mod temporal;
pub mod tuple;
pub mod tuple_order;
pub mod type_facts;
mod type_text;
mod value;
mod wide_integer;

pub use blob::{Address, BlobSink, BlobSource, NoBlobs};
pub use collation::Collation;
pub use compare::{compare, group_key};
pub use decimal::Decimal;
pub use encoding::Encoding;
pub use error::{Error, Result};
pub use field_codec::{decode_field, encode_field};
pub use json::Json;
pub use render::render_text;
pub use row_builder::RowBuilder;
pub use sql_type::{CollationId, GeometryKind, IntWidth, LobSize, Members, SqlType};
pub use temporal::{Date, DateTime, Time};
pub use tuple::{Tuple, TupleBuilder};
pub use tuple_order::{FieldDesc, TupleDesc};
pub use value::{OwnedValue, Value};
