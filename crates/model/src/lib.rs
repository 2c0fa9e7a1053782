//! What is stored: schemas, tables, roots, commits, refs, tags, working sets; opening and creating a database directory.
//!
//! Each kind of message has a module that knows its layout (spec 03); all of them reach chunks
//! through [`Objects`]. [`Database`] ties a directory to its refs. Nothing here knows SQL beyond
//! the texts that schemas hold.

mod check;
mod collect;
pub mod column_tag;
mod commit;
mod database;
mod error;
mod foreign_key;
mod generated_name;
mod go_random;
mod ids;
mod incomplete;
mod index_entry;
mod keyless;
mod memorable_commit;
mod objects;
mod ref_edit;
pub mod ref_name;
mod repo_state;
mod rev_spec;
mod root_value;
mod schema;
mod schema_message;
mod small_message;
mod spatial_cell;
mod stash;
mod table;
mod table_layout;
mod tag;
mod working_set;

pub use check::{CheckReport, Progress};
pub use collect::{CollectOptions, references_of};
pub use commit::{Commit, CommitMeta, Person, common_ancestor};
pub use database::{CreateOptions, Database, OpenOptions};
pub use error::{ModelError, Result};
pub use foreign_key::{ForeignKey, ForeignKeys, MatchType, ReferentialAction};
pub use generated_name::{check_name, foreign_key_name, index_name, renamed_foreign_key};
pub use ids::{CommitId, RootId};
pub use incomplete::{INCOMPLETE, Incomplete};
pub use index_entry::{IndexField, IndexLayout, IndexVectors};
pub use keyless::{keyless_key, keyless_key_of_value};
pub use objects::{Blobs, Objects, TupleOrder};
pub use ref_edit::{Expected, RefEdit, RefSnapshot};
pub use repo_state::{BranchConfig, Remote, RepoState};
pub use rev_spec::{AncestorStep, RevBase, RevSpec};
pub use root_value::{FEATURE_VERSION, Root, table_key};
pub use schema::{Check, Column, FulltextInfo, Index, KeyType, Schema};
pub use small_message::{decode_statistic, decode_store_root, encode_store_root};
pub use spatial_cell::spatial_cell;
pub use stash::{Stash, StashList};
pub use table::Table;
pub use table_layout::{Place, TableLayout};
pub use tag::Tag;
pub use working_set::{EmptyCommits, MergeState, RebaseState, WorkingSet, WorkingSetMeta};
