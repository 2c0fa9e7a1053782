//! Chunks that a shallow clone left behind (spec 01 §10).

use crate::{ChunkError, Directory, HashSet, Result};

const NAME: &str = "ghostObjects.txt";

/// Reads `ghostObjects.txt`; a missing file is an empty set.
pub(crate) fn read(dir: &Directory) -> Result<HashSet> {
    let Some(text) = dir.read(NAME)? else {
        return Ok(HashSet::default());
    };
    String::from_utf8_lossy(&text)
        .lines()
        .filter(|line| !line.is_empty())
        .map(|line| {
            line.parse()
                .map_err(|_| ChunkError::BadGhost(line.to_owned()))
        })
        .collect()
}

/// Replaces the list, in one atomic step.
pub(crate) fn write(dir: &Directory, ghosts: &HashSet) -> Result<()> {
    let mut lines: Vec<String> = ghosts.iter().map(|h| format!("{h}\n")).collect();
    lines.sort_unstable();
    dir.replace(NAME, lines.concat().as_bytes())
}
