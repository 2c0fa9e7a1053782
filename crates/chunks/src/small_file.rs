//! Small files that are read and replaced as a whole: accounts, rules, settings.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::{Access, ChunkError, Directory, Disk, Result};

/// A file that is replaced as a whole. A crash leaves the old one or the new one; a failure
/// leaves the old one.
#[derive(Clone, Debug)]
pub struct SmallFile {
    dir: Directory,
    name: String,
    access: Access,
}

impl SmallFile {
    /// The file at a path, which need not exist. It gets the permissions of `mode`, or what the
    /// process's mask leaves.
    pub fn on(disk: &Arc<dyn Disk>, path: &Path, mode: Option<u32>) -> Result<SmallFile> {
        let Some(name) = path.file_name().and_then(|n| n.to_str()) else {
            let reason = io::Error::new(io::ErrorKind::InvalidInput, "not the name of a file");
            return Err(ChunkError::io("open", path, reason));
        };
        // The parent of a bare name is called nothing.
        let dir = match path.parent() {
            Some(dir) if !dir.as_os_str().is_empty() => dir,
            _ => Path::new("."),
        };
        Ok(SmallFile {
            dir: Directory::on(disk.clone(), dir),
            name: name.to_owned(),
            access: mode.map_or(Access::Fresh, Access::FreshWithMode),
        })
    }

    /// Where it is.
    pub fn path(&self) -> PathBuf {
        self.dir.at(&self.name)
    }

    /// The disk that it is on.
    pub fn disk(&self) -> &Arc<dyn Disk> {
        self.dir.disk()
    }

    /// What it holds; nothing if it does not exist.
    pub fn read(&self) -> Result<Option<Vec<u8>>> {
        self.dir.read(&self.name)
    }

    /// Replaces it durably; the directory is made if need be.
    pub fn replace(&self, contents: &[u8]) -> Result<()> {
        self.dir.create()?;
        self.dir
            .replace_or_keep_as(&self.name, contents, self.access)
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;
    use crate::LocalDisk;

    #[test]
    fn replaced_with_its_permissions_and_nothing_left_beside_it() {
        let dir = crate::file_store::tests::temp_dir("small-file");
        let path = dir.join("inner").join("file.db");
        let file = SmallFile::on(&LocalDisk::shared(), &path, Some(0o660)).unwrap();
        assert_eq!(file.read().unwrap(), None);
        for contents in [&b"one"[..], b"and two", b""] {
            file.replace(contents).unwrap();
            assert_eq!(file.read().unwrap().as_deref(), Some(contents));
        }
        let mode = std::fs::metadata(&path).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o660);
        let beside = std::fs::read_dir(dir.join("inner")).unwrap().count();
        assert_eq!(beside, 1);
        assert!(SmallFile::on(&LocalDisk::shared(), Path::new("/"), None).is_err());
        std::fs::remove_dir_all(dir).unwrap();
    }
}
