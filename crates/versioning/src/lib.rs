//! What Git does, for tables: history, diff, three-way merge, conflicts, reset (spec 05).
//!
//! Everything here is a function of stored objects: roots and commits go in, roots and lists
//! come out. Nothing here moves a ref, knows a session or evaluates SQL; where a merge needs a
//! default value or a check, it asks [`RowLogic`].

pub mod artifact;
mod artifact_text;
pub mod conflict;
pub mod diff_stat;
mod edited_map;
mod error;
pub mod history;
mod json_diff;
pub mod merge;
pub mod reset;
pub mod row_diff;
mod row_logic;
mod row_reader;
pub mod table_delta;

pub use artifact::{Artifact, ArtifactKind, Artifacts};
pub use conflict::{Conflicts, DataConflict, resolve_theirs, root_of_rootish};
pub use diff_stat::{DiffStat, diff_stat};
pub use edited_map::EditedMap;
pub use error::{Error, Result};
pub use history::{Log, common_ancestor, is_ancestor};
pub use json_diff::{JsonDifference, json_diff};
pub use merge::foreign_key_violations::find_foreign_key_violations;
pub use merge::replace_rows;
pub use merge::root_merge::{MergeOptions, MergeOutcome, Operation, TableStats, merge_roots};
pub use merge::schema_conflict::{SchemaConflict, schema_conflicts};
pub use merge::type_change::{TypeChange, type_change};
pub use row_diff::{ColumnMap, RowChange, RowChanges, Unheld, are_keys_diffable, are_keys_similar};
pub use row_logic::{NoLogic, RowLogic};
pub use row_reader::RowReader;
pub use table_delta::{DeltaKind, TableDelta, table_deltas};
