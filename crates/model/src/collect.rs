//! Garbage collection of a database (spec 01 §12).

use std::cell::RefCell;

use chunks::{Chunk, ChunkError, Collection, Hash, Retirement};

use crate::{Database, Expected, ModelError, RefEdit, Result, ref_name};

/// How garbage is collected.
#[derive(Clone, Copy, Debug, Default)]
pub struct CollectOptions {
    /// Look at the old generation too, instead of keeping all that ever got there.
    pub full: bool,
    /// Write archives instead of table files.
    pub archives: bool,
    /// Size of files of chunks without references; none puts all into one file.
    pub file_size: Option<u64>,
}

/// What a chunk refers to, for those who walk chunks.
pub fn references_of(
    chunk: &Chunk,
    found: &mut dyn FnMut(Hash),
) -> std::result::Result<(), String> {
    prolly::references::visit(&chunk.shared(), found).map_err(|e| e.to_string())
}

/// Whether a dataset's history goes to the old generation: branches do, tags and working sets
/// do not.
fn ages(name: &str) -> bool {
    [ref_name::HEADS, ref_name::REMOTES, "refs/internal/"]
        .iter()
        .any(|prefix| name.starts_with(prefix))
}

impl Database {
    /// Removes what no ref leads to. Everybody may go on reading and writing; those who began
    /// before it ended must have gone before the [`Retirement`] is dropped. `None`: there was
    /// nothing to do.
    pub fn collect(
        &self,
        options: CollectOptions,
        interrupted: &dyn Fn() -> bool,
    ) -> Result<Option<Retirement>> {
        let Some(files) = self.file_store() else {
            return Err(ModelError::NotCollectable);
        };
        self.remove_stray_datasets()?;
        let how = Collection {
            full: options.full,
            archives: options.archives,
            file_size: options.file_size,
            references: references_of,
            interrupted,
        };
        let failure = RefCell::new(None);
        let old_roots = |root: Hash| {
            let heads = self.datasets_of(root).map_err(|e| {
                *failure.borrow_mut() = Some(e);
                ChunkError::CollectionInterrupted
            })?;
            let heads = heads.into_iter().filter(|(name, _)| ages(name));
            Ok(heads.map(|(_, hash)| hash).collect())
        };
        let done = files.collect(how, &old_roots);
        match failure.into_inner() {
            Some(e) => Err(e),
            None => Ok(done?),
        }
    }

    /// Removes files that an interrupted collection or fetch left behind.
    pub fn prune_files(&self) -> Result<()> {
        match self.file_store() {
            Some(files) => Ok(files.remove_unlisted()?),
            None => Ok(()),
        }
    }

    /// Datasets that no command knows do not keep chunks alive.
    fn remove_stray_datasets(&self) -> Result<()> {
        let stray: Vec<RefEdit> = self
            .refs()
            .with_prefix("")?
            .into_iter()
            .filter(|(name, _)| !name.starts_with("refs/") && !name.starts_with("workingSets/"))
            .map(|(name, hash)| RefEdit::remove(name, Expected::Is(hash)))
            .collect();
        match stray.is_empty() {
            true => Ok(()),
            false => self.edit_refs(&stray),
        }
    }
}
