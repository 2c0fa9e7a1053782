//! Removing files that an interrupted sync left in a backup (spec 07 §13).

use std::fmt;
use std::path::Path;
use std::time::{Duration, SystemTime};

use chunks::{Directory, Hash, LockFile, Manifest};

use crate::{Error, Location, Result};

/// The shortest grace period: what a writer may take between its last file and the manifest.
pub const MIN_GRACE: Duration = Duration::from_secs(600);

/// How long to wait for somebody who is writing the manifest.
const PATIENCE: Duration = Duration::from_secs(1);

/// What a prune came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pruned {
    /// Files that nothing refers to are gone.
    Deleted {
        /// How many.
        files: usize,
        /// Their size.
        bytes: u64,
    },
    /// Something was written within the grace period: nothing was touched.
    NotQuiescent,
}

impl fmt::Display for Pruned {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Pruned::Deleted { files, bytes } => {
                let s = if *files == 1 { "" } else { "s" };
                write!(f, "deleted {files} file{s} ({bytes} bytes)")
            }
            Pruned::NotQuiescent => {
                write!(f, "nothing deleted; the destination is not quiescent")
            }
        }
    }
}

/// Reads a duration as Go writes them: `1h30m`, `1.5s`.
pub fn parse_duration(text: &str) -> Option<Duration> {
    let mut rest = text;
    let mut seconds = 0.0;
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit() && c != '.')?;
        let number: f64 = rest[..digits].parse().ok()?;
        rest = &rest[digits..];
        let unit = rest.find(|c: char| c.is_ascii_digit() || c == '.');
        let unit = &rest[..unit.unwrap_or(rest.len())];
        seconds += number
            * match unit {
                "h" => 3600.0,
                "m" => 60.0,
                "s" => 1.0,
                "ms" => 1e-3,
                "us" | "\u{b5}s" => 1e-6,
                "ns" => 1e-9,
                _ => return None,
            };
        rest = &rest[unit.len()..];
    }
    match text.is_empty() {
        true => None,
        false => Duration::try_from_secs_f64(seconds).ok(),
    }
}

/// A duration as Go writes it, to the second.
pub fn show_duration(d: Duration) -> String {
    let seconds = d.as_secs();
    let (h, m, s) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    match (h, m) {
        (0, 0) => format!("{s}s"),
        (0, _) => format!("{m}m{s}s"),
        _ => format!("{h}h{m}m{s}s"),
    }
}

/// Whether a file's name is that of a table file or an archive, finished or not.
fn is_table_file(name: &str) -> bool {
    let bare = name.strip_suffix(".darc").unwrap_or(name);
    bare.parse::<Hash>().is_ok() || name.starts_with("nbs_table_")
}

/// Deletes the table files of a directory that its manifest does not name, if nothing in the
/// directory has been written for `grace`.
pub fn prune(location: &Location, grace: Duration, now: SystemTime) -> Result<Pruned> {
    let Some(dir) = location.path() else {
        return Err(Error::Unsupported(location.scheme.clone()));
    };
    let place = Directory::local(&dir);
    let io = |e: std::io::Error| Error::Io(format!("prune {}: {e}", dir.display()));
    // Nobody can add files to the manifest while it is being read.
    let Some(_lock) = LockFile::acquire(&place, PATIENCE)? else {
        return Ok(Pruned::NotQuiescent);
    };
    let manifest = Manifest::read(&place)?.unwrap_or_default();
    let named = |name: &str| {
        let bare = name.strip_suffix(".darc").unwrap_or(name);
        bare.parse()
            .is_ok_and(|h: Hash| manifest.specs.iter().any(|s| s.name == h))
    };
    let mut orphans = Vec::new();
    for entry in std::fs::read_dir(&dir).map_err(io)? {
        let entry = entry.map_err(io)?;
        let meta = entry.metadata().map_err(io)?;
        let Some(name) = entry.file_name().to_str().map(str::to_string) else {
            continue;
        };
        if !meta.is_file() || name == "LOCK" {
            continue;
        }
        let age = now.duration_since(meta.modified().map_err(io)?);
        if age.unwrap_or_default() < grace {
            return Ok(Pruned::NotQuiescent);
        }
        if is_table_file(&name) && !named(&name) {
            orphans.push((entry.path(), meta.len()));
        }
    }
    let bytes = orphans.iter().map(|(_, size)| size).sum();
    for (path, _) in &orphans {
        remove(path)?;
    }
    Ok(Pruned::Deleted {
        files: orphans.len(),
        bytes,
    })
}

fn remove(path: &Path) -> Result<()> {
    std::fs::remove_file(path).map_err(|e| Error::Io(format!("remove {}: {e}", path.display())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations() {
        let seconds = |t: &str| parse_duration(t).map(|d| d.as_millis());
        assert_eq!(seconds("1h30m"), Some(5_400_000));
        assert_eq!(seconds("1.5s"), Some(1500));
        assert_eq!(seconds("10ms"), Some(10));
        for bad in ["", "10", "m", "nonsense", "1x", "-1s"] {
            assert_eq!(seconds(bad), None, "{bad}");
        }
        assert_eq!(show_duration(MIN_GRACE), "10m0s");
        assert_eq!(show_duration(Duration::from_secs(3661)), "1h1m1s");
    }
}
