//! The manifest: which files hold the chunks, and the root (spec 01 §7).

use std::path::Path;

use crate::{Access, ChunkError, Directory, Hash, Kind, Result};

const NAME: &str = "manifest";
/// It is there while a manifest is being replaced.
const UNSYNCED: &str = "manifest.unsynced";
/// Format string of the chunks' encoding; the only one there is.
const NBF: &str = "__DOLT__";
/// A manifest longer than this is no manifest (2^20 files of 44 characters).
const MAX_MANIFEST: u64 = 64 << 20;

/// A file named by the manifest, and how many chunks it holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Spec {
    /// Name of the file.
    pub name: Hash,
    /// Number of chunks; advisory for the journal and for archives.
    pub chunks: u32,
}

/// Contents of a manifest.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Manifest {
    /// Changes with every update; opaque.
    pub lock: Hash,
    /// Root of the store. Where there is a journal, its last root is newer.
    pub root: Hash,
    /// Changes with every garbage collection; empty before the first.
    pub gc_generation: Hash,
    /// The files.
    pub specs: Vec<Spec>,
}

impl Manifest {
    /// Reads a directory's manifest, if there is one.
    pub fn read(dir: &Directory) -> Result<Option<Manifest>> {
        let path = dir.at(NAME);
        if matches!(dir.kind(NAME)?, Some(Kind::File(len)) if len > MAX_MANIFEST) {
            return Err(bad(&path, "too long"));
        }
        let Some(text) = dir.read(NAME)? else {
            return Ok(None);
        };
        let text = std::str::from_utf8(&text).map_err(|_| bad(&path, "not text"))?;
        Manifest::parse(text, &path).map(Some)
    }

    /// Reads the text of a manifest; `path` names it for errors.
    pub fn parse(text: &str, path: &Path) -> Result<Manifest> {
        let Some((version, rest)) = text.split_once(':') else {
            return Err(bad(path, "no version"));
        };
        if version.len() > 8 {
            return Err(bad(path, "no version"));
        }
        let fields: Vec<&str> = rest.split(':').collect();
        let (head, tables) = match version {
            "5" if fields.len() >= 4 && fields.len().is_multiple_of(2) => fields.split_at(4),
            "4" if fields.len() >= 3 && fields.len() % 2 == 1 => fields.split_at(3),
            "4" | "5" => return Err(bad(path, "wrong number of fields")),
            other => return Err(ChunkError::ManifestVersion(other.to_owned())),
        };
        if head[0] != NBF {
            return Err(ChunkError::StoreFormat(head[0].to_owned()));
        }
        let hash = |text: &str, what: &str| {
            text.parse::<Hash>()
                .map_err(|_| bad(path, &format!("Could not parse {what} hash: {text}")))
        };
        let specs = tables
            .chunks_exact(2)
            .map(|pair| {
                let name = pair[0]
                    .parse()
                    .map_err(|_| bad(path, &format!("invalid table file name: {}", pair[0])))?;
                let chunks = pair[1]
                    .parse()
                    .map_err(|_| bad(path, &format!("invalid chunk count: {}", pair[1])))?;
                Ok(Spec { name, chunks })
            })
            .collect::<Result<_>>()?;
        Ok(Manifest {
            lock: hash(head[1], "lock")?,
            root: hash(head[2], "root")?,
            gc_generation: match head.get(3) {
                Some(text) => hash(text, "GC generation")?,
                None => Hash::EMPTY,
            },
            specs,
        })
    }

    /// The text.
    pub fn print(&self) -> String {
        let mut text = format!("5:{NBF}:{}:{}:{}", self.lock, self.root, self.gc_generation);
        for spec in &self.specs {
            text.push_str(&format!(":{}:{}", spec.name, spec.chunks));
        }
        text
    }

    /// The lock for this root and these files, with `extra` as garbage collection marks its
    /// generations (spec 01 §7.1, §7.2).
    pub fn lock_for(root: Hash, specs: &[Spec], extra: &[u8]) -> Hash {
        let mut all = root.0.to_vec();
        all.push(0);
        specs.iter().for_each(|s| all.extend_from_slice(&s.name.0));
        if !extra.is_empty() {
            all.push(0);
            all.extend_from_slice(extra);
        }
        all.push(0);
        Hash::of(&all)
    }

    /// The same manifest with its specs in order and its lock computed.
    pub fn sealed(mut self) -> Manifest {
        self.specs.sort_by_key(|s| s.name);
        self.lock = Manifest::lock_for(self.root, &self.specs, b"");
        self
    }

    /// Replaces a directory's manifest durably. The caller holds the directory's lock and has
    /// checked what it replaces.
    pub fn write(&self, dir: &Directory) -> Result<()> {
        // Whoever opens the store after a kill in between sees what the disk may not have yet.
        dir.open(UNSYNCED, Access::Fresh)?;
        dir.replace(NAME, self.print().as_bytes())?;
        // It is durable; what stays behind costs the next opening a sync.
        let _ = dir.remove(UNSYNCED);
        Ok(())
    }

    /// Makes a manifest durable whose writer was interrupted: later writes leave out what its
    /// files hold, and must not outlast it.
    pub(crate) fn settle(dir: &Directory) -> Result<()> {
        if dir.kind(UNSYNCED)?.is_some() {
            dir.sync()?;
            let _ = dir.remove(UNSYNCED);
        }
        Ok(())
    }
}

fn bad(path: &Path, reason: &str) -> ChunkError {
    ChunkError::BadManifest {
        path: path.to_owned(),
        reason: reason.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const EXAMPLE: &str = "5:__DOLT__:3c195qi2nj049clbaf5bbu1gvbm1rsv9:g461j3bhvkcgtejbq35l6895j152p6gb:\
        00000000000000000000000000000000:vvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvv:138";

    #[test]
    fn a_manifest_of_dolt_round_trips_and_its_lock_is_derived() {
        let m = Manifest::parse(EXAMPLE, Path::new("manifest")).unwrap();
        assert_eq!(m.print(), EXAMPLE);
        assert_eq!(m.clone().sealed(), m);
        assert_eq!(m.specs[0].chunks, 138);
    }

    #[test]
    fn damaged_manifests_are_refused() {
        let parse = |text: &str| Manifest::parse(text, Path::new("manifest"));
        let without_files = EXAMPLE.len() - ":vvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvv:138".len();
        for cut in (0..EXAMPLE.len() - 3).filter(|cut| *cut != without_files) {
            assert!(parse(&EXAMPLE[..cut]).is_err(), "{cut}");
        }
        assert!(matches!(
            parse("6:__DOLT__"),
            Err(ChunkError::ManifestVersion(v)) if v == "6"
        ));
        assert_eq!(
            parse(&EXAMPLE.replace("DOLT", "LD_1"))
                .unwrap_err()
                .to_string(),
            "unsupported ChunkStore version __LD_1__"
        );
        let v4 = "4:__DOLT__:3c195qi2nj049clbaf5bbu1gvbm1rsv9:g461j3bhvkcgtejbq35l6895j152p6gb";
        assert_eq!(parse(v4).unwrap().gc_generation, Hash::EMPTY);
    }
}
