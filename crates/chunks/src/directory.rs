//! A directory and the disk that it is on: the one way by which stores touch files.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::{Access, ChunkError, Disk, DiskFile, Kind, LocalDisk, Result};

/// A directory on a disk.
#[derive(Clone, Debug)]
pub struct Directory {
    disk: Arc<dyn Disk>,
    path: PathBuf,
}

impl Directory {
    /// A directory of the operating system.
    pub fn local(path: &Path) -> Directory {
        Directory::on(LocalDisk::shared(), path)
    }

    /// A directory on a disk.
    pub fn on(disk: Arc<dyn Disk>, path: &Path) -> Directory {
        Directory {
            disk,
            path: path.to_owned(),
        }
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The disk that it is on.
    pub fn disk(&self) -> &Arc<dyn Disk> {
        &self.disk
    }

    /// A directory in it.
    pub fn child(&self, name: &str) -> Directory {
        Directory::on(self.disk.clone(), &self.path.join(name))
    }

    /// Where a file in it is.
    pub fn at(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }

    fn parent(&self) -> Option<Directory> {
        let parent = self.path.parent()?;
        // The parent of a relative path's first part is called nothing.
        let parent = match parent.as_os_str().is_empty() {
            true => Path::new("."),
            false => parent,
        };
        Some(Directory::on(self.disk.clone(), parent))
    }

    /// Whether it exists. What cannot be looked at counts as absent.
    pub fn exists(&self) -> bool {
        matches!(self.disk.kind(&self.path), Ok(Some(Kind::Directory)))
    }

    /// What a name in it stands for.
    pub fn kind(&self, name: &str) -> Result<Option<Kind>> {
        let path = self.at(name);
        let kind = self.disk.kind(&path);
        kind.map_err(|e| ChunkError::io("read", &path, e))
    }

    /// Makes it, and the directories above it, where they are missing; durably.
    pub fn create(&self) -> Result<()> {
        if self.exists() {
            return Ok(());
        }
        let parent = self.parent();
        if let Some(parent) = &parent {
            parent.create()?;
        }
        match self.disk.create_dir(&self.path) {
            Err(e) if e.kind() == std::io::ErrorKind::AlreadyExists && self.exists() => {}
            other => other.map_err(|e| ChunkError::io("create", &self.path, e))?,
        }
        let Some(Err(e)) = parent.map(|parent| parent.sync()) else {
            return Ok(());
        };
        // The next attempt must not find it and take it to be durable.
        let _ = self.disk.remove_dir(&self.path);
        Err(e)
    }

    /// Makes its own name durable.
    pub fn sync_name(&self) -> Result<()> {
        self.parent().map_or(Ok(()), |parent| parent.sync())
    }

    /// Makes renames and new files durable.
    pub fn sync(&self) -> Result<()> {
        let synced = self.disk.sync_dir(&self.path);
        synced.map_err(|e| ChunkError::io("sync", &self.path, e))
    }

    /// Opens a file.
    pub fn open(&self, name: &str, access: Access) -> Result<Box<dyn DiskFile>> {
        let path = self.at(name);
        let action = match access {
            Access::New | Access::Fresh | Access::FreshWithMode(_) => "create",
            _ => "open",
        };
        let opened = self.disk.open(&path, access);
        opened.map_err(|e| ChunkError::io(action, &path, e))
    }

    /// The bytes of a small file; nothing if it does not exist.
    pub fn read(&self, name: &str) -> Result<Option<Vec<u8>>> {
        let path = self.at(name);
        match self.disk.read(&path) {
            Ok(bytes) => Ok(Some(bytes)),
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(e) => Err(ChunkError::io("read", &path, e)),
        }
    }

    /// The names in it, sorted.
    pub fn list(&self) -> Result<Vec<(String, Kind)>> {
        let mut names = self
            .disk
            .list(&self.path)
            .map_err(|e| ChunkError::io("list", &self.path, e))?;
        names.sort_by(|a, b| a.0.cmp(&b.0));
        Ok(names)
    }

    /// Gives a file or directory another name.
    pub fn rename(&self, from: &str, to: &str) -> Result<()> {
        self.move_to(from, self, to)
    }

    /// Moves a file or directory into another directory of the disk.
    pub fn move_to(&self, from: &str, to: &Directory, name: &str) -> Result<()> {
        let path = to.at(name);
        let renamed = self.disk.rename(&self.at(from), &path);
        renamed.map_err(|e| ChunkError::io("rename", &path, e))
    }

    /// Removes it with everything in it; none of that is durable until its parent is synced.
    pub fn remove_all(&self) -> Result<()> {
        for (name, kind) in self.list()? {
            match kind {
                Kind::Directory => self.child(&name).remove_all()?,
                Kind::File(_) => self.remove(&name)?,
            }
        }
        let removed = self.disk.remove_dir(&self.path);
        removed.map_err(|e| ChunkError::io("remove", &self.path, e))
    }

    /// Removes a file; one that does not exist is no error.
    pub fn remove(&self, name: &str) -> Result<()> {
        let path = self.at(name);
        match self.disk.remove(&path) {
            Err(e) if e.kind() != std::io::ErrorKind::NotFound => {
                Err(ChunkError::io("remove", &path, e))
            }
            _ => Ok(()),
        }
    }

    /// Replaces a file durably: a crash leaves the old one or the new one.
    pub fn replace(&self, name: &str, contents: &[u8]) -> Result<()> {
        self.replace_as(name, contents, Access::Fresh)
    }

    /// [`Directory::replace`] for a file whose new contents nobody may see after a failure: what
    /// was there is put back.
    pub fn replace_or_keep(&self, name: &str, contents: &[u8]) -> Result<()> {
        self.replace_or_keep_as(name, contents, Access::Fresh)
    }

    pub(crate) fn replace_or_keep_as(
        &self,
        name: &str,
        contents: &[u8],
        access: Access,
    ) -> Result<()> {
        let before = self.read(name)?;
        let replaced = self.replace_as(name, contents, access);
        if replaced.is_err() && self.read(name).is_ok_and(|now| now != before) {
            // The first failure is the one to tell of.
            let _ = match before {
                Some(before) => self.replace_as(name, &before, access),
                None => self.remove(name).and_then(|()| self.sync()),
            };
        }
        replaced
    }

    fn replace_as(&self, name: &str, contents: &[u8], access: Access) -> Result<()> {
        let temp = format!("nbs_manifest_{}_{name}", std::process::id());
        let path = self.at(name);
        let attempt = || -> std::io::Result<()> {
            let file = self.disk.open(&self.at(&temp), access)?;
            file.write_all_at(contents, 0)?;
            file.sync()?;
            self.disk.rename(&self.at(&temp), &path)
        };
        attempt().map_err(|e| {
            // What is left of the temporary file is harmless and pruned later.
            let _ = self.disk.remove(&self.at(&temp));
            ChunkError::io("write", &path, e)
        })?;
        self.sync()
    }
}
