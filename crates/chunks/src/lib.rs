//! Content-addressed bytes: hashes, chunks, and the stores that keep them (spec 01).
//!
//! A chunk is never empty, never changes, and is addressed by its [`Hash`]. [`ChunkStore`] is
//! what the layers above see; [`FileStore`] keeps a database directory as Dolt does (journal,
//! table files, archives, two generations), [`TableStore`] a directory of table files without
//! journal (remotes, backups), [`MemoryStore`] nothing beyond the process.

mod archive;
mod archive_writer;
mod chunk;
mod collect;
mod conjoin;
mod directory;
mod disk;
mod error;
mod file_store;
mod finished_file;
mod ghosts;
mod hash;
mod journal;
mod journal_index;
mod journal_record;
mod kept_tail;
mod local_file;
mod lock_file;
mod manifest;
mod memory_store;
mod record;
mod retired;
mod scan;
mod small_file;
mod sources;
mod store;
mod table_file;
mod table_index;
mod table_store;
mod table_writer;

pub use archive::{Archive, ArchiveIndex, ReadSpan, archive_tail_len};
pub use archive_writer::ArchiveWriter;
pub use chunk::Chunk;
pub use collect::Collection;
pub use directory::Directory;
pub use disk::{Access, Disk, DiskFile, Held, Kind, LocalDisk};
pub use error::{ChunkError, Result};
pub use file_store::{FileStore, OpenOptions, RootEntry};
pub use hash::{Hash, HashMap, HashSet, ParseHashError};
pub use journal::{JOURNAL_NAME, MAX_ROOTS_REMEMBERED};
pub use journal_record::JournalDamage;
pub use lock_file::LockFile;
pub use manifest::{Manifest, Spec};
pub use memory_store::MemoryStore;
pub use record::{MAX_CHUNK, decode as decode_record};
pub use retired::{References, Retirement};
pub use small_file::SmallFile;
pub use sources::{Source, Sources};
pub use store::{ChunkFile, ChunkStore, Lsn};
pub use table_file::TableFile;
pub use table_index::{TableIndex, tail_len};
pub use table_store::TableStore;
pub use table_writer::{TableWriter, write_table_file};
