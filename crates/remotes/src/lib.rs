//! Other copies of a database: clone, fetch, push and backup (spec 07).
//!
//! A remote is a [`model::Database`] over a [`chunks::ChunkStore`] that is elsewhere; [`open`]
//! finds the store that a URL names. Everything moves through [`pull_chunks`], which walks from
//! the wanted addresses down to what the receiver has: chunks arrive in files, files become
//! part of the receiver durably, and only then does a ref move, by compare-and-swap. Nothing
//! here knows SQL or a session.

mod backup;
mod clone;
mod connect;
mod error;
mod fetch;
mod prune;
mod push;
mod ref_spec;
mod transfer;
mod url;

pub use backup::{restore, sync};
pub use clone::{CloneOptions, clone};
pub use connect::{open, prepare};
pub use error::{Error, Result};
pub use fetch::{fetch, follow_tags};
pub use prune::{MIN_GRACE, Pruned, parse_duration, prune, show_duration};
pub use push::{Pushed, delete_branch, push_branch, push_tag};
pub use ref_spec::{FetchSpec, PushSpec, tracking_ref};
pub use transfer::{Transferred, pull_chunks};
pub use url::{Location, absolute};
