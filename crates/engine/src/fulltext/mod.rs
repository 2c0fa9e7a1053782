//! FULLTEXT indexes: words of documents, kept in ordinary tables beside the indexed one (spec 02
//! §13, spec 03 §8.5).
//!
//! Which tables they are is part of the index's definition. [`tables`] keeps them in step with
//! the rows, [`search`] reads them for MATCH; `ddl::fulltext` makes and drops them.

mod boolean;
mod row_hash;
pub mod search;
pub mod tables;
mod words;
