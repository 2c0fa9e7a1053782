//! The mark of a directory in which a database is still being made: after a crash it is known
//! that what lies there is none.

use chunks::{Access, Directory};

use crate::Result;

/// Name of the mark.
pub const INCOMPLETE: &str = ".dolt_safe_to_ignore";

/// A directory in which a database is being made.
#[must_use]
pub struct Incomplete {
    dir: Directory,
    existed: bool,
}

impl Incomplete {
    /// Whether a directory is what an interrupted creation left.
    pub fn is(dir: &Directory) -> bool {
        // A mark that cannot be looked at is taken to be there.
        !matches!(dir.kind(INCOMPLETE), Ok(None))
    }

    /// Marks a directory, which is made if need be, durably.
    pub fn mark(dir: &Directory) -> Result<Incomplete> {
        let existed = dir.exists();
        dir.create()?;
        if existed {
            // Whoever made it may not have come to this.
            dir.sync_name()?;
        }
        dir.open(INCOMPLETE, Access::Fresh)?;
        dir.sync()?;
        Ok(Incomplete {
            dir: dir.clone(),
            existed,
        })
    }

    /// Takes the mark away, durably: the database is complete.
    pub fn complete(&self) -> Result<()> {
        self.dir.remove(INCOMPLETE)?;
        Ok(self.dir.sync()?)
    }

    /// Removes what was made; the mark goes last.
    pub fn undo(&self) -> Result<()> {
        let dot = self.dir.child(".dolt");
        if dot.exists() {
            dot.remove_all()?;
            self.dir.sync()?;
        }
        match self.existed {
            true => self.dir.remove(INCOMPLETE)?,
            false => self.dir.remove_all()?,
        }
        Ok(())
    }
}
