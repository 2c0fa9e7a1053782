//! Prolly trees: search trees whose shape follows from their content alone, so that equal
//! content has equal hashes and differences are found without reading what is equal (spec 02).
//!
//! [`Node`] is a view over one chunk; [`NodeStore`] reads and caches nodes; [`TupleMap`] is a
//! tree of rows with point and range reads, batched edits, ordered [`Diff`] and
//! [`ThreeWayDiff`]. [`AddressMap`], [`CommitClosure`], [`blob`] and [`json_document`] are the
//! other trees that chunks hold. [`references`] lists what any chunk refers to.

mod address_map;
pub mod blob;
mod builder;
mod check;
mod closure;
mod cursor;
mod diff;
mod edit;
mod error;
pub mod json_document;
mod leaf_writer;
mod node;
mod node_cache;
mod node_format;
mod order;
mod proximity;
pub mod references;
mod replace;
mod search;
mod seek;
mod sorter;
mod splitter;
mod store;
mod stored_values;
mod three_way;
mod tuple_map;

pub use address_map::AddressMap;
pub use builder::TreeBuilder;
pub use check::check_tree;
pub use closure::{ClosureKey, CommitClosure};
pub use cursor::{Cursor, LeafRun, Runs};
pub use diff::{Change, Diff};
pub use edit::{Edit, Edits, Taken};
pub use error::{ProllyError, Result};
pub use node::{Item, Node, NodeKind};
pub use node_cache::CacheFigures;
pub use node_format::NodeFormat;
pub use order::{Bytewise, ItemAddresses, KeyOrder, NoAddresses};
pub use proximity::KeyVectors;
pub use search::{find, ordinal};
pub use seek::Seek;
pub use sorter::{SortedItem, SortedItems, Sorter};
pub use store::NodeStore;
pub use three_way::{ThreeWay, ThreeWayDiff};
pub use tuple_map::TupleMap;
