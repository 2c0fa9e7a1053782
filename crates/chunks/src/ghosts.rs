//! Chunks that a shallow clone left behind (spec 01 §10).

use std::path::Path;

use crate::{ChunkError, HashSet, Result};

/// Reads `ghostObjects.txt`; a missing file is an empty set.
pub(crate) fn read(dir: &Path) -> Result<HashSet> {
    let path = dir.join("ghostObjects.txt");
    let text = match std::fs::read_to_string(&path) {
        Ok(text) => text,
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(HashSet::default()),
        Err(e) => return Err(ChunkError::io("read", &path, e)),
    };
    text.lines()
        .filter(|line| !line.is_empty())
        .map(|line| {
            line.parse()
                .map_err(|_| ChunkError::BadGhost(line.to_owned()))
        })
        .collect()
}

/// Replaces the list, in one atomic step.
pub(crate) fn write(dir: &Path, ghosts: &HashSet) -> Result<()> {
    let mut lines: Vec<String> = ghosts.iter().map(|h| format!("{h}\n")).collect();
    lines.sort_unstable();
    crate::manifest::replace_file(dir, "ghostObjects.txt", lines.concat().as_bytes())
}
