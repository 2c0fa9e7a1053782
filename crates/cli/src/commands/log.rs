//! `dolt log` (spec 06 §8.7).

use std::collections::BTreeMap;
use std::io::Write;

use model::{Commit, CommitId};
use versioning::Log;

use crate::arguments::{Parsed, parse};
use crate::commands::options::LOG;
use crate::commit_text::{Decoration, Refs, commit_text};
use crate::environment::Environment;
use crate::repository::{Change, Repository};
use crate::server_history;
use crate::style::{BRIGHT_GREEN, BRIGHT_RED, BRIGHT_YELLOW, YELLOW, always};
use crate::{Failure, Outcome};

/// Gives commits until there are no more.
type Source<'s> = Box<dyn FnMut() -> Result<Option<(CommitId, Commit)>, Failure> + 's>;

/// What to list.
#[derive(Default)]
struct Selection {
    heads: Vec<CommitId>,
    excluded: Vec<CommitId>,
    tables: Vec<String>,
}

fn is_range(word: &str) -> bool {
    word.contains("..")
        || word.starts_with('^')
        || word.starts_with("refs/")
        || word.starts_with("remotes/")
}

fn select(repo: &Repository, p: &Parsed) -> Result<Selection, Failure> {
    let mut out = Selection::default();
    let mut rest = p.positional.as_slice();
    let mut revisions: Vec<&str> = Vec::new();
    match p.split {
        Some(at) => {
            revisions.extend(p.positional[..at].iter().map(String::as_str));
            rest = &p.positional[at..];
        }
        None => {
            while let Some((word, after)) = rest.split_first() {
                let known = is_range(word)
                    || !revisions.contains(&word.as_str()) && repo.commit_id(word).is_ok();
                if !known {
                    break;
                }
                revisions.push(word);
                rest = after;
            }
        }
    }
    let ranged = revisions.iter().any(|r| r.contains(".."));
    if revisions.len() > 1 && revisions.iter().any(|r| r.contains("..")) {
        return Err(Failure::new(
            "error: a range of revisions stands alone; name other revisions with --not",
        ));
    }
    for word in revisions {
        add_revision(repo, word, &mut out)?;
    }
    if ranged && p.has("not") {
        return Err(Failure::new(
            "error: a range of revisions cannot be combined with --not",
        ));
    }
    for word in p.list("not") {
        out.excluded.push(resolve(repo, &word)?);
    }
    if p.has("all") {
        let all = repo.with_store(|s| {
            let mut list = s.branches()?;
            list.extend(s.remote_branches()?);
            Ok(list)
        })?;
        out.heads.extend(all.into_iter().map(|(_, id)| id));
    }
    if out.heads.is_empty() {
        out.heads.push(repo.head()?);
    }
    for table in rest {
        let found = p.split.is_some()
            || out.heads.iter().any(|id| {
                let root = repo.with_store(|s| s.root_of(*id));
                root.is_ok_and(|r| matches!(r.find_table(table), Ok(Some(_))))
            });
        if !found {
            return Err(Failure::new(format!("error: table {table} does not exist")));
        }
        out.tables.push(table.clone());
    }
    out.tables.extend(p.list("tables"));
    Ok(out)
}

fn resolve(repo: &Repository, word: &str) -> Result<CommitId, Failure> {
    repo.commit_id(word)
}

fn add_revision(repo: &Repository, word: &str, out: &mut Selection) -> Result<(), Failure> {
    let or_head = |w: &str| {
        if w.is_empty() {
            "HEAD".to_string()
        } else {
            w.to_string()
        }
    };
    if let Some((a, b)) = word.split_once("...") {
        let (a, b) = (resolve(repo, &or_head(a))?, resolve(repo, &or_head(b))?);
        out.heads.extend([a, b]);
        let base = repo.with_store(|s| model::common_ancestor(s.objects(), a, b))?;
        out.excluded.extend(base);
    } else if let Some((a, b)) = word.split_once("..") {
        out.excluded.push(resolve(repo, &or_head(a))?);
        out.heads.push(resolve(repo, &or_head(b))?);
    } else if let Some(not) = word.strip_prefix('^') {
        out.excluded.push(resolve(repo, not)?);
    } else {
        out.heads.push(resolve(repo, word)?);
    }
    Ok(())
}

/// What to list, as arguments of `dolt_log` in a server.
fn server_arguments(repo: &Repository, p: &Parsed) -> Vec<String> {
    let known = |w: &String| is_range(w) || repo.commit_id(w).is_ok();
    let at = p
        .split
        .unwrap_or_else(|| p.positional.iter().take_while(|w| known(w)).count());
    let (mut out, rest) = (p.positional[..at].to_vec(), &p.positional[at..]);
    for revision in p.list("not") {
        out.extend(["--not".to_string(), revision]);
    }
    let mut tables = rest.to_vec();
    tables.extend(p.list("tables"));
    if !tables.is_empty() {
        out.extend(["--tables".to_string(), tables.join(",")]);
    }
    if p.has("all") {
        out.push("--all".into());
    }
    out
}

/// Whether a commit changed one of the tables.
fn touches(repo: &Repository, commit: &Commit, tables: &[String]) -> Result<bool, Failure> {
    if tables.is_empty() {
        return Ok(true);
    }
    let Some(first) = commit.parents.first() else {
        return Ok(false);
    };
    let root = |id| repo.with_store(|s| model::Root::open(s.objects(), id));
    let parent_root = |id: CommitId| repo.with_store(|s| s.root_of(id));
    let own = root(commit.root)?;
    let parent = parent_root(*first)?;
    let second = commit
        .parents
        .get(1)
        .map(|id| parent_root(*id))
        .transpose()?;
    for table in tables {
        let hash = own.table_hash(table)?;
        let changed = hash != parent.table_hash(table)?;
        let also = match &second {
            Some(root) => hash != root.table_hash(table)?,
            None => true,
        };
        if changed && also {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Bars of a table's changes, as long as thirty signs for the largest.
pub fn bars(counts: [(u64, char, &str); 3], largest: u64, color: bool) -> String {
    let mut out = String::new();
    for (n, sign, code) in counts {
        if n == 0 {
            continue;
        }
        let scaled = (30.0 * (n as f64 / largest as f64)) as u64;
        let text = sign.to_string().repeat(scaled.min(n).max(1) as usize);
        out += &if color { always(code, &text) } else { text };
    }
    out
}

/// The lines of `--stat`, and of a merge; `indent` stands before each.
pub fn stat_lines(stats: &BTreeMap<String, Change>, indent: &str, color: bool) -> Vec<String> {
    let mut out = Vec::new();
    let modified: Vec<_> = stats
        .iter()
        .filter_map(|(n, c)| match c {
            Change::Modified(s) => Some((n, s)),
            _ => None,
        })
        .collect();
    let total = |s: &versioning::DiffStat| s.rows_added + s.rows_modified + s.rows_deleted;
    let largest = modified.iter().map(|(_, s)| total(s)).max().unwrap_or(0);
    let name_width = modified.iter().map(|(n, _)| n.len()).max().unwrap_or(0);
    let count_width = largest.to_string().len();
    let mut sums = [0; 3];
    for (name, s) in &modified {
        let counts = [
            (s.rows_added, '+', BRIGHT_GREEN),
            (s.rows_modified, '*', BRIGHT_YELLOW),
            (s.rows_deleted, '-', BRIGHT_RED),
        ];
        let bar = bars(counts, largest, color);
        let n = total(s);
        out.push(format!(
            "{indent}{name:<name_width$} | {n:<count_width$} {bar}"
        ));
        sums[0] += s.rows_added;
        sums[1] += s.rows_modified;
        sums[2] += s.rows_deleted;
    }
    if !modified.is_empty() {
        out.push(format!(
            "{indent}{} tables changed, {} rows added(+), {} rows modified(*), {} rows deleted(-)",
            modified.len(),
            sums[0],
            sums[1],
            sums[2]
        ));
    }
    for (name, change) in stats {
        if matches!(change, Change::Added) {
            out.push(format!("{indent}{name} added"));
        }
    }
    for (name, change) in stats {
        if matches!(change, Change::Dropped) {
            out.push(format!("{indent}{name} deleted"));
        }
    }
    out
}

/// Runs the command.
pub fn run(env: &Environment, words: &[String]) -> Outcome {
    let p = parse(words, LOG)?;
    let decoration = Decoration::parse(p.get("decorate"))?;
    let limit = match p.get("number") {
        None => u64::MAX,
        Some(n) => n
            .parse::<u64>()
            .map_err(|_| Failure::new(format!("fatal: invalid --number argument: {n}")))?,
    };
    let min_parents = match p.get("min-parents") {
        None => 0,
        Some(n) => n
            .parse::<usize>()
            .map_err(|_| Failure::new(format!("error: \"{n}\" is not a valid int.")))?,
    };
    let min_parents = if p.has("merges") {
        min_parents.max(2)
    } else {
        min_parents
    };
    let repo = Repository::open(env)?;
    let refs = Refs::of(&repo)?;
    let (selection, objects);
    let mut source: Source<'_>;
    if repo.connection.has_files() {
        selection = select(&repo, &p)?;
        objects = repo.with_store(|s| Ok(s.objects().clone()))?;
        let mut log = Log::new(&objects, &selection.heads, &selection.excluded)?;
        let (repo, tables) = (&repo, &selection.tables);
        source = Box::new(move || {
            while let Some((id, commit)) = log.next_commit()? {
                if touches(repo, &commit, tables)? {
                    return Ok(Some((id, commit)));
                }
            }
            Ok(None)
        });
    } else {
        let mut list = server_history::commits(&repo, &server_arguments(&repo, &p))?.into_iter();
        source = Box::new(move || Ok(list.next()));
    }
    let mut out = std::io::BufWriter::new(crate::pager::Pager::start());
    let mut shown = 0;
    // A graph is drawn of all its commits.
    let mut drawn = Vec::new();
    while shown < limit
        && let Some((id, commit)) = source()?
    {
        if commit.parents.len() < min_parents {
            continue;
        }
        shown += 1;
        if p.has("graph") {
            drawn.push((id, commit));
            continue;
        }
        if p.has("oneline") {
            let mut line = id.hash().to_string();
            if p.has("parents") {
                commit
                    .parents
                    .iter()
                    .for_each(|h| line += &format!(" {}", h.hash()));
            }
            write!(out, "{}", always(YELLOW, &format!("{line} ")))?;
            write!(out, "{}", refs.decorate(id, decoration))?;
            writeln!(out, "{}", commit.meta.message.replace('\n', " "))?;
        } else {
            let (parents, signature) = (p.has("parents"), p.has("show-signature"));
            write!(
                out,
                "{}",
                commit_text(id, &commit, &refs, decoration, parents, signature)
            )?;
        }
        if p.has("stat")
            && let [parent] = commit.parents.as_slice()
        {
            let from = repo.with_store(|s| s.root_of(*parent))?;
            let to = repo.with_store(|s| s.root_of(id))?;
            for line in stat_lines(&repo.stats(&from, &to)?, " ", true) {
                writeln!(out, "{line}")?;
            }
            if !p.has("oneline") {
                writeln!(out)?;
            }
        }
    }
    super::log_graph::write(&mut out, &drawn, &refs, decoration, p.has("oneline"))?;
    out.flush()?;
    Ok(0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use versioning::DiffStat;

    #[test]
    fn stat_is_scaled() {
        let stat = |a, m| DiffStat {
            rows_added: a,
            rows_modified: m,
            ..DiffStat::default()
        };
        let stats = BTreeMap::from([
            ("test".to_string(), Change::Modified(stat(1, 1))),
            ("big".to_string(), Change::Modified(stat(60, 0))),
            ("new".to_string(), Change::Added),
        ]);
        let plus = "+".repeat(30);
        assert_eq!(
            stat_lines(&stats, "", false),
            [
                format!("big  | 60 {plus}"),
                "test | 2  +*".to_string(),
                "2 tables changed, 61 rows added(+), 1 rows modified(*), 0 rows deleted(-)"
                    .to_string(),
                "new added".to_string(),
            ]
        );
    }
}
