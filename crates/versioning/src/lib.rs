//! What Git does, for tables: merge base, diff, merge, conflicts, revert, reset, history.
