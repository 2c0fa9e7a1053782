//! What stores ask of the file system, so that a simulated disk can take its place
//! (docs/decisions/simulated-disk.md).

use std::fmt;
use std::fs::{File, OpenOptions, TryLockError};
use std::io;
use std::path::Path;
use std::sync::{Arc, OnceLock};

use crate::local_file::LocalFile;

/// How a file is opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// To read a file that exists.
    Read,
    /// To read and write a file that exists.
    Write,
    /// To read and write a file, which is made if it does not exist.
    WriteOrCreate,
    /// To read and write a file that must not exist.
    New,
    /// To write a file anew, whatever it held.
    Fresh,
    /// The same with these permissions, whatever the process's mask.
    FreshWithMode(u32),
}

/// What a name in a directory stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A file of this many bytes.
    File(u64),
    /// A directory.
    Directory,
}

/// What keeps others from a file until it is dropped.
pub type Held = Box<dyn Send + Sync>;

/// Files and directories by path.
pub trait Disk: Send + Sync + fmt::Debug {
    /// Opens a file.
    fn open(&self, path: &Path, access: Access) -> io::Result<Box<dyn DiskFile>>;

    /// The bytes of a small file.
    fn read(&self, path: &Path) -> io::Result<Vec<u8>>;

    /// What is there; nothing if the path does not exist.
    fn kind(&self, path: &Path) -> io::Result<Option<Kind>>;

    /// The names in a directory, in no order.
    fn list(&self, path: &Path) -> io::Result<Vec<(String, Kind)>>;

    /// Makes a directory whose parent exists.
    fn create_dir(&self, path: &Path) -> io::Result<()>;

    /// Moves a file or directory, in place of what is there.
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()>;

    /// Removes a file.
    fn remove(&self, path: &Path) -> io::Result<()>;

    /// Removes an empty directory.
    fn remove_dir(&self, path: &Path) -> io::Result<()>;

    /// Makes what happened to the names in a directory durable.
    fn sync_dir(&self, path: &Path) -> io::Result<()>;

    /// Locks a file, which is made if need be, against others who lock it; `None` if somebody
    /// else has it.
    fn try_lock(&self, path: &Path) -> io::Result<Option<Held>>;
}

/// An open file that is read and written at positions.
pub trait DiskFile: Send + Sync {
    /// Reads exactly so many bytes.
    fn read_exact_at(&self, bytes: &mut [u8], at: u64) -> io::Result<()>;
    /// Writes all of these bytes; on failure any part of them may have been written.
    fn write_all_at(&self, bytes: &[u8], at: u64) -> io::Result<()>;
    /// Like [`DiskFile::write_all_at`], for bytes that a sync follows at once. So many bytes of
    /// the file behind them as `spare` says mean nothing, and may become zeros.
    fn write_before_sync(&self, bytes: &[u8], at: u64, spare: u64) -> io::Result<()> {
        let _ = spare;
        self.write_all_at(bytes, at)
    }
    /// Makes the contents and the length durable.
    fn sync(&self) -> io::Result<()>;
    /// Cuts or extends the file.
    fn set_len(&self, len: u64) -> io::Result<()>;
    /// Bytes of the file.
    fn size(&self) -> io::Result<u64>;
}

/// The operating system's files.
#[derive(Debug)]
pub struct LocalDisk;

impl LocalDisk {
    /// The one that everybody shares.
    pub fn shared() -> Arc<dyn Disk> {
        static SHARED: OnceLock<Arc<LocalDisk>> = OnceLock::new();
        SHARED.get_or_init(|| Arc::new(LocalDisk)).clone()
    }
}

fn kind_of(meta: &std::fs::Metadata) -> Kind {
    match meta.is_dir() {
        true => Kind::Directory,
        false => Kind::File(meta.len()),
    }
}

impl Disk for LocalDisk {
    fn open(&self, path: &Path, access: Access) -> io::Result<Box<dyn DiskFile>> {
        let mut options = OpenOptions::new();
        match access {
            Access::Read => options.read(true),
            Access::Write => options.read(true).write(true),
            Access::WriteOrCreate => options.read(true).write(true).create(true).truncate(false),
            Access::New => options.read(true).write(true).create_new(true),
            Access::Fresh => options.write(true).create(true).truncate(true),
            Access::FreshWithMode(mode) => {
                std::os::unix::fs::OpenOptionsExt::mode(&mut options, mode);
                options.write(true).create(true).truncate(true)
            }
        };
        let file = options.open(path)?;
        if let Access::FreshWithMode(mode) = access {
            // The mask may have taken something out.
            file.set_permissions(std::os::unix::fs::PermissionsExt::from_mode(mode))?;
        }
        Ok(Box::new(LocalFile::new(file)))
    }

    fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        std::fs::read(path)
    }

    fn kind(&self, path: &Path) -> io::Result<Option<Kind>> {
        match std::fs::metadata(path) {
            Ok(meta) => Ok(Some(kind_of(&meta))),
            Err(e)
                if matches!(
                    e.kind(),
                    io::ErrorKind::NotFound | io::ErrorKind::NotADirectory
                ) =>
            {
                Ok(None)
            }
            Err(e) => Err(e),
        }
    }

    fn list(&self, path: &Path) -> io::Result<Vec<(String, Kind)>> {
        let mut names = Vec::new();
        for entry in std::fs::read_dir(path)? {
            let entry = entry?;
            // Neither is anything of a store's: a name that is not text, and what is gone again.
            let (Some(name), Ok(meta)) = (
                entry.file_name().to_str().map(str::to_owned),
                std::fs::metadata(entry.path()),
            ) else {
                continue;
            };
            names.push((name, kind_of(&meta)));
        }
        Ok(names)
    }

    fn create_dir(&self, path: &Path) -> io::Result<()> {
        std::fs::create_dir(path)
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        std::fs::rename(from, to)
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        std::fs::remove_file(path)
    }

    fn remove_dir(&self, path: &Path) -> io::Result<()> {
        std::fs::remove_dir(path)
    }

    fn sync_dir(&self, path: &Path) -> io::Result<()> {
        File::open(path)?.sync_all()
    }

    fn try_lock(&self, path: &Path) -> io::Result<Option<Held>> {
        let mut options = OpenOptions::new();
        options.read(true).write(true).create(true).truncate(false);
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let file = options.open(path)?;
        match file.try_lock() {
            Ok(()) => Ok(Some(Box::new(file))),
            Err(TryLockError::WouldBlock) => Ok(None),
            Err(TryLockError::Error(e)) => Err(e),
        }
    }
}

/// Writes a file from its start.
pub(crate) struct Appender {
    file: Box<dyn DiskFile>,
    at: u64,
}

impl Appender {
    pub fn new(file: Box<dyn DiskFile>) -> Appender {
        Appender { file, at: 0 }
    }

    pub fn sync(&self) -> io::Result<()> {
        self.file.sync()
    }
}

impl io::Write for Appender {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.file.write_all_at(bytes, self.at)?;
        self.at += bytes.len() as u64;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
