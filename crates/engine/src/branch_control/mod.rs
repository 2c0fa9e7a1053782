//! Branch control: who may write to which branches, and who may make branches of which names
//! (spec 04 §11). One state per server, kept in `branch_control.db`.

mod expression;
mod file_format;
mod permission;
mod rules;
mod statement;
#[cfg(test)]
mod tests;

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use chunks::{Disk, SmallFile};

pub use permission::Permissions;
pub use statement::{change, columns, is_control_table};

use crate::error::{Error, Result};
use rules::Rules;

/// The file is for its owner and group.
const FILE_MODE: u32 = 0o660;

/// The rules of a server. Readers see a statement's changes all at once, after they are on disk.
pub struct BranchControl {
    rules: RwLock<Arc<Rules>>,
    /// Held while a statement changes rules.
    writer: Mutex<()>,
    file: Option<SmallFile>,
}

impl Default for BranchControl {
    fn default() -> BranchControl {
        BranchControl::with(Rules::initial(), None)
    }
}

impl BranchControl {
    fn with(rules: Rules, file: Option<SmallFile>) -> BranchControl {
        BranchControl {
            rules: RwLock::new(Arc::new(rules)),
            writer: Mutex::new(()),
            file,
        }
    }

    /// Reads the file; a missing or empty one lets everybody write, and is not made.
    pub fn open(disk: &Arc<dyn Disk>, path: &Path) -> Result<BranchControl> {
        let file = SmallFile::on(disk, path, Some(FILE_MODE))?;
        let bytes = file.read()?.unwrap_or_default();
        let rules = match bytes.is_empty() {
            true => Rules::initial(),
            false => file_format::decode(&bytes).map_err(|e| {
                Error::general(format!(
                    "failed to deserialize config at '{}': {e}",
                    path.display()
                ))
            })?,
        };
        Ok(BranchControl::with(rules, Some(file)))
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
        if let Some(file) = &self.file {
            file.replace(&file_format::encode(&rules)?)?;
        }
        *self.rules.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(rules);
        Ok(result)
    }
}
