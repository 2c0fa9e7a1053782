//! The directory of a new database. It is made under a hidden name and gets its own when it is
//! complete, so that a directory of a database's name is never half of one, and nothing that was
//! there before is touched.

use std::time::Duration;

use chunks::{Directory, LockFile};
use model::{CreateOptions, Database, Incomplete};

use crate::error::{Error, Result};

/// How the hidden names begin; what has such a name after a crash is of no use.
const UNFINISHED: &str = ".unfinished.";

/// Makes a database in the directory of all databases.
pub(crate) fn create(root: &Directory, name: &str, options: &CreateOptions) -> Result<Database> {
    match root.kind(name)? {
        None => {}
        Some(chunks::Kind::Directory) => {
            return Err(match Incomplete::is(&root.child(name)) {
                true => Error::general(format!(
                    "cannot create database {name}: incomplete database directory from an interrupted create already exists; remove the directory and try again"
                )),
                false => Error::database_exists(name),
            });
        }
        Some(chunks::Kind::File(_)) => {
            return Err(Error::general(format!(
                "cannot create DB, file exists at {name}"
            )));
        }
    }
    let hidden = format!("{UNFINISHED}{name}");
    let place = root.child(&hidden);
    if place.exists() {
        let noms = place.child(".dolt").child("noms");
        if noms.exists() && LockFile::acquire(&noms, Duration::ZERO)?.is_none() {
            // Another process makes it.
            return Err(Error::database_exists(name));
        }
        place.remove_all()?;
    }
    let made = fill(&place, options)
        .and_then(|()| Ok(root.rename(&hidden, name)?))
        .and_then(|()| finish(root, name, options));
    if made.is_err() && place.exists() {
        // The first failure is the one to tell of; the next attempt clears what stays.
        let _ = place.remove_all();
    }
    made
}

fn fill(place: &Directory, options: &CreateOptions) -> Result<()> {
    let store = Database::create(place.path(), options)?;
    Ok(store.close()?)
}

/// Makes the name durable and opens the database under it.
fn finish(root: &Directory, name: &str, options: &CreateOptions) -> Result<Database> {
    let opened = root
        .sync()
        .map_err(Error::from)
        .and_then(|()| Ok(Database::open(root.child(name).path(), &options.open)?));
    if opened.is_err() {
        // A statement that fails leaves no database: the name goes for good before what is in it.
        let renamed = root.rename(name, &format!("{UNFINISHED}{name}"));
        let _ = renamed.and_then(|()| root.sync());
    }
    opened
}

#[cfg(test)]
mod tests {
    use super::*;
    use model::{CommitMeta, Person};

    fn options() -> CreateOptions {
        CreateOptions {
            branch: "main".into(),
            meta: CommitMeta::new(
                Person {
                    name: "a".into(),
                    email: "a@b".into(),
                },
                0,
                "",
            ),
            collation: values::CollationId::DEFAULT,
            memorable_hash: false,
            open: model::OpenOptions::default(),
        }
    }

    /// A directory that is removed with everything in it.
    struct Scratch(std::path::PathBuf);

    impl Scratch {
        fn new(name: &str) -> Scratch {
            let id = std::process::id();
            let dir = std::env::temp_dir().join(format!("dolt-rs-new-{name}-{id}"));
            std::fs::create_dir_all(&dir).expect("a directory");
            Scratch(dir)
        }

        fn path(&self) -> &std::path::Path {
            &self.0
        }
    }

    impl Drop for Scratch {
        fn drop(&mut self) {
            let _ = std::fs::remove_dir_all(&self.0);
        }
    }

    #[test]
    fn only_a_free_name_is_taken_and_leftovers_are_no_obstacle() {
        let dir = Scratch::new("names");
        let root = Directory::local(dir.path());
        std::fs::create_dir(dir.path().join("empty")).expect("a directory");
        std::fs::write(dir.path().join("file"), "").expect("a file");
        let refused = |name: &str| create(&root, name, &options()).err().map(|e| e.code);
        assert_eq!(refused("empty"), Some(1007));
        assert_eq!(refused("file"), Some(1105));

        let left = dir.path().join(".unfinished.db/.dolt/noms");
        std::fs::create_dir_all(&left).expect("a directory");
        std::fs::write(left.join("manifest"), "half of it").expect("a file");
        let db = create(&root, "db", &options()).expect("a database");
        assert_eq!(db.dir(), Some(dir.path().join("db").as_path()));
        assert!(db.branch("main").is_some());
        assert!(!dir.path().join(".unfinished.db").exists());
        assert_eq!(refused("db"), Some(1007));
    }

    #[test]
    fn what_another_process_makes_is_left_alone() {
        let dir = Scratch::new("locked");
        let root = Directory::local(dir.path());
        let hidden = dir.path().join(".unfinished.db");
        let other = Database::create(&hidden, &options()).expect("a database");
        assert_eq!(
            create(&root, "db", &options()).err().map(|e| e.code),
            Some(1007)
        );
        drop(other);
        assert!(create(&root, "db", &options()).is_ok());
    }
}
