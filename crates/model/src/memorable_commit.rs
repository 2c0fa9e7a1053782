//! First commits whose hash looks like "dolt" (the hidden `--fun` of `dolt init`).

use chunks::Hash;

use crate::{Commit, CommitId, Objects, Result};

/// Letters of the usual first message that have a Cyrillic twin, in their order.
const TWINS: [(char, char); 12] = [
    ('I', '\u{406}'),
    ('i', '\u{456}'),
    ('i', '\u{456}'),
    ('a', '\u{430}'),
    ('i', '\u{456}'),
    ('e', '\u{435}'),
    ('a', '\u{430}'),
    ('a', '\u{430}'),
    ('e', '\u{435}'),
    ('o', '\u{43e}'),
    ('i', '\u{456}'),
    ('o', '\u{43e}'),
];

/// Messages are tried until this many milliseconds have been taken off the date; one in 2^18
/// commits is memorable, so that a failure is as good as impossible.
const MOST_MILLIS: i64 = 4096;

/// The message with the twins that the bits of `choice` ask for.
fn message(usual: &str, choice: usize) -> String {
    let mut twins = TWINS.iter().enumerate().peekable();
    usual
        .chars()
        .map(|c| match twins.next_if(|(_, (latin, _))| *latin == c) {
            Some((i, (_, cyrillic))) if choice >> i & 1 == 1 => *cyrillic,
            _ => c,
        })
        .collect()
}

fn is_memorable(hash: &Hash) -> bool {
    let text = hash.to_string();
    let b = text.as_bytes();
    b[0] == b'd' && matches!(b[1], b'o' | b'0') && matches!(b[2], b'l' | b'1') && b[3] == b't'
}

/// Saves the commit with its message and date varied until its hash is memorable.
pub(crate) fn save_memorable(objects: &Objects, commit: &Commit) -> Result<CommitId> {
    let mut tried = commit.clone();
    for earlier in 0..MOST_MILLIS {
        tried.meta.author_millis = commit.meta.author_millis - earlier;
        tried.meta.committer_millis = u64::try_from(tried.meta.author_millis).unwrap_or(0);
        for choice in 0..1 << TWINS.len() {
            tried.meta.message = message(&commit.meta.message, choice);
            if is_memorable(&Hash::of(&tried.encode()?)) {
                return tried.save(objects);
            }
        }
    }
    commit.save(objects)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::database::FIRST_MESSAGE;

    #[test]
    fn twins_and_hashes() {
        assert_eq!(message(FIRST_MESSAGE, 0), FIRST_MESSAGE);
        let all = message(FIRST_MESSAGE, (1 << TWINS.len()) - 1);
        assert_eq!(
            all,
            "\u{406}n\u{456}t\u{456}\u{430}l\u{456}z\u{435} d\u{430}t\u{430} r\u{435}p\u{43e}s\u{456}t\u{43e}ry"
        );
        let hash = |t: &str| t.parse::<Hash>().unwrap();
        assert!(is_memorable(&hash("d01tu2sgqpfjunsvv1h9rv3fhb1iufpd")));
        assert!(!is_memorable(&hash("doctu2sgqpfjunsvv1h9rv3fhb1iufpd")));
    }
}
