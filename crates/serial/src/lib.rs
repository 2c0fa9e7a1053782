//! Dolt's serial messages: the envelope, a byte-exact flatbuffer writer and a bounds-checked
//! reader (spec 02 §1-2, spec 03 §1).
//!
//! Every chunk is one message: byte 27, a 24-bit big-endian length, then a flatbuffer with a
//! four-character file identifier. Two writers must place every byte alike, because the bytes
//! are hashed; so [`Builder`] repeats the placement rules of the reference writer exactly.

mod builder;
mod error;
mod message;
mod table;

pub use builder::{Builder, Offset};
pub use error::SerialError;
pub use message::{FileId, MAX_MESSAGE, PREFIX_LEN, SERIAL_MESSAGE, file_id, root_table};
pub use table::{Table, Vector};
