//! What is stored: schemas, tables, roots, commits, refs, tags, working sets; opening and creating a database directory.
