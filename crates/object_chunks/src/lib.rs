//! Chunks in an object store: S3 and what speaks its protocol, and memory.
//!
//! The layout is Dolt's (spec 07 §2): under a prefix lie table files and archives by their names,
//! which never change once written, and `manifest`, which advances by conditional writes
//! (`If-None-Match` for the first, `If-Match` after). No other service takes part.
//!
//! A root is acknowledged when the manifest that names it, and every file that it needs before
//! that, has been answered for. When the answer to a manifest's write is lost, the manifest is
//! read again: it says who won. A chunk that comes is held against its address; manifest and
//! indexes have no checksum of their own, and are as good as the transport.

mod conjoin;
mod error;
mod file;
mod kept;
mod place;
mod store;

pub use error::{Error, Result};
pub use place::{Place, PlaceError};
pub use store::{Counters, ObjectChunks, Options};
