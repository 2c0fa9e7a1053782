//! DDL
pub mod types;
