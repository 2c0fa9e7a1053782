//! Names, types, planner, executor, catalog, sessions, transactions, functions, system tables and procedures.

pub mod accounts;
pub mod bind;
pub mod context;
pub mod convert;
pub mod database;
pub mod ddl;
pub mod env;
pub mod error;
pub mod eval;
pub mod exec;
pub mod expr;
pub mod functions;
pub mod json_table;
pub mod optimize;
pub mod plan;
pub mod result;
pub mod root_state;
pub mod session;
pub mod statement;
pub mod table;
pub mod time_zone;
pub mod transaction;
pub mod variables;
pub mod view;
pub mod virtual_table;
pub mod write;
