//! Names, types, planner, executor, catalog, sessions, transactions, functions, system tables and procedures.
