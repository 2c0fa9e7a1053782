//! Branch control: who may write to which branches, and who may make branches of which names
//! (spec 04 §11). One state per server, kept in `branch_control.db`.

mod expression;
mod file_format;
mod permission;
mod rules;
mod statement;
#[cfg(test)]
mod tests;

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError, RwLock};

pub use permission::Permissions;
pub use statement::{change, columns, is_control_table};

use crate::error::{Error, Result};
use rules::Rules;

/// The rules of a server. Readers see a statement's changes all at once, after they are on disk.
pub struct BranchControl {
    rules: RwLock<Arc<Rules>>,
    /// Held while a statement changes rules.
    writer: Mutex<()>,
    file: Option<PathBuf>,
}

impl Default for BranchControl {
    fn default() -> BranchControl {
        BranchControl::with(Rules::initial(), None)
    }
}

impl BranchControl {
    fn with(rules: Rules, file: Option<PathBuf>) -> BranchControl {
        BranchControl {
            rules: RwLock::new(Arc::new(rules)),
            writer: Mutex::new(()),
            file,
        }
    }

    /// Reads the file; a missing or empty one lets everybody write, and is not made.
    pub fn open(path: &Path) -> Result<BranchControl> {
        let bytes = match std::fs::read(path) {
            Ok(bytes) => bytes,
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => Vec::new(),
            Err(e) => return Err(Error::general(format!("{}: {e}", path.display()))),
        };
        let rules = match bytes.is_empty() {
            true => Rules::initial(),
            false => file_format::decode(&bytes).map_err(|e| {
                Error::general(format!(
                    "failed to deserialize config at '{}': {e}",
                    path.display()
                ))
            })?,
        };
        Ok(BranchControl::with(rules, Some(path.to_path_buf())))
    }

    /// The rules as they are now.
    pub(crate) fn read(&self) -> Arc<Rules> {
        self.rules
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// Applies a change, writes the file, and only then shows the change to readers.
    fn change<T>(&self, edit: impl FnOnce(&mut Rules) -> Result<T>) -> Result<T> {
        let _writer = self.writer.lock().unwrap_or_else(PoisonError::into_inner);
        let mut rules = Rules::clone(&self.read());
        let result = edit(&mut rules)?;
        if let Some(path) = &self.file {
            let bytes = file_format::encode(&rules)?;
            crate::accounts::write_atomically(path, &bytes, 0o660)
                .map_err(|e| Error::general(format!("cannot write {}: {e}", path.display())))?;
        }
        *self.rules.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(rules);
        Ok(result)
    }
}
