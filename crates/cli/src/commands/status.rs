//! `dolt status` (spec 06 §8.2).

use std::collections::{BTreeMap, BTreeSet};

use crate::arguments::parse;
use crate::commands::options::STATUS;
use crate::environment::Environment;
use crate::repository::{Repository, is_hidden, literal};
use crate::style::{GREEN, RED, on_terminal};
use crate::{Failure, Outcome};

const STAGED: &str = "Changes to be committed:\n  (use \"dolt reset <table>...\" to unstage)";
const UNMERGED: &str = "Unmerged paths:\n  (use \"dolt add <table>...\" to mark resolution)";
const WORKING: &str = "Changes not staged for commit:\n  (use \"dolt add <table>\" to update what will be committed)\n  (use \"dolt checkout <table>\" to discard changes in working directory)";
const UNTRACKED: &str =
    "Untracked tables:\n  (use \"dolt add <table>\" to include in what will be committed)";
const IGNORED: &str =
    "Ignored tables:\n  (use \"dolt add -f <table>\" to include in what will be committed)";
const CONFLICTING: &str = "Tables with conflicting dolt_ignore patterns:\n  (use \"dolt add -f <table>\" to include in what will be committed)";

/// What there is to say about a branch's changes; names in order.
#[derive(Default)]
pub struct Status {
    staged: BTreeMap<String, String>,
    unstaged: BTreeMap<String, String>,
    untracked: BTreeSet<String>,
    ignored: BTreeSet<String>,
    contradicted: BTreeSet<String>,
    data_conflicts: BTreeSet<String>,
    schema_conflicts: BTreeSet<String>,
    violations: BTreeSet<String>,
    merging: bool,
}

fn entry(label: &str, name: &str) -> String {
    format!("\t{label:<18}{name}")
}

impl Status {
    /// Reads the status.
    pub fn of(repo: &Repository) -> Result<Status, Failure> {
        let mut s = Status::default();
        let rows =
            repo.query("select table_name, staged, status, ignored from dolt_status_ignored")?;
        for i in 0..rows.rows.len() {
            let (name, staged) = (rows.text(i, 0).to_string(), rows.text(i, 1) == "1");
            let (status, ignored) = (rows.text(i, 2).to_string(), rows.text(i, 3) == "1");
            if is_hidden(&name) {
                continue;
            }
            match status.as_str() {
                "conflict" => {
                    s.data_conflicts.insert(name);
                }
                "schema conflict" => {
                    s.schema_conflicts.insert(name);
                }
                "constraint violation" => {
                    s.violations.insert(name);
                }
                "renamed" if !staged => {
                    let (from, to) = name.split_once(" -> ").unwrap_or((&name, &name));
                    s.unstaged.insert(from.to_string(), "deleted".into());
                    s.untracked.insert(to.to_string());
                }
                _ if ignored => {
                    s.ignored.insert(name);
                }
                _ if staged => {
                    s.staged.insert(name, status);
                }
                "new table" => {
                    s.untracked.insert(name);
                }
                _ => {
                    s.unstaged.insert(name, status);
                }
            }
        }
        s.merging = repo
            .query("select is_merging from dolt_merge_status")?
            .text(0, 0)
            == "1";
        let tables = |sql: &str| -> Result<BTreeSet<String>, Failure> {
            let rows = repo.query(sql)?;
            Ok((0..rows.rows.len())
                .map(|i| rows.text(i, 0).to_string())
                .collect())
        };
        s.data_conflicts
            .extend(tables("select `table` from dolt_conflicts")?);
        s.violations
            .extend(tables("select `table` from dolt_constraint_violations")?);
        Ok(s)
    }

    fn has_conflicts(&self) -> bool {
        !self.data_conflicts.is_empty() || !self.schema_conflicts.is_empty()
    }

    fn is_troubled(&self, name: &str) -> bool {
        self.data_conflicts.contains(name)
            || self.schema_conflicts.contains(name)
            || self.violations.contains(name)
    }

    /// Changes that are not staged, as they are listed when there is nothing to commit.
    pub fn unstaged_text(&self) -> String {
        let mut blocks = Vec::new();
        let changed: Vec<String> = self
            .unstaged
            .iter()
            .filter(|(n, _)| !self.is_troubled(n))
            .map(|(n, l)| entry(&format!("{l}:"), n))
            .collect();
        if !changed.is_empty() {
            blocks.push(format!(
                "Changes not staged for commit:\n{}",
                changed.join("\n")
            ));
        }
        if !self.untracked.is_empty() {
            let list: Vec<String> = self
                .untracked
                .iter()
                .map(|n| entry("new table:", n))
                .collect();
            blocks.push(format!("Untracked tables:\n{}", list.join("\n")));
        }
        blocks.join("\n\n")
    }

    /// Everything after the upstream, as comments of a commit message have it.
    pub fn text(&self, show_ignored: bool, already: bool) -> String {
        let mut out = String::new();
        let mut any = already;
        if self.merging {
            let what = match (self.has_conflicts(), !self.violations.is_empty()) {
                (true, true) => Some("conflicts and constraint violations"),
                (true, false) => Some("conflicts"),
                (false, true) => Some("constraint violations"),
                (false, false) => None,
            };
            out += &match what {
                Some(what) => format!(
                    "You have unmerged tables.\n  (fix {what} and run \"dolt commit\")\n  (use \"dolt merge --abort\" to abort the merge)\n\n"
                ),
                None => "All conflicts and constraint violations fixed but you are still merging.\n  (use \"dolt commit\" to conclude merge)\n\n".to_string(),
            };
        }
        let block = |out: &mut String,
                     any: &mut bool,
                     gap: bool,
                     head: &str,
                     color: &str,
                     lines: Vec<String>| {
            if lines.is_empty() {
                return;
            }
            if gap {
                out.push('\n');
            }
            *out += head;
            out.push('\n');
            for line in lines {
                *out += &on_terminal(color, &line);
                out.push('\n');
            }
            *any = true;
        };
        let staged = self
            .staged
            .iter()
            .map(|(n, l)| entry(&format!("{l}:"), n))
            .collect();
        block(&mut out, &mut any, false, STAGED, GREEN, staged);
        let mut unmerged: Vec<String> = self
            .schema_conflicts
            .iter()
            .map(|n| entry("schema conflict:", n))
            .collect();
        unmerged.extend(
            self.data_conflicts
                .iter()
                .map(|n| entry("both modified:", n)),
        );
        let only = self
            .violations
            .iter()
            .filter(|n| !self.data_conflicts.contains(*n) && !self.schema_conflicts.contains(*n));
        unmerged.extend(only.map(|n| entry("modified", n)));
        block(&mut out, &mut any, false, UNMERGED, RED, unmerged);
        let unstaged = self.unstaged.iter().filter(|(n, _)| !self.is_troubled(n));
        let unstaged = unstaged.map(|(n, l)| entry(&format!("{l}:"), n)).collect();
        block(&mut out, &mut any, true, WORKING, RED, unstaged);
        let new = |names: &BTreeSet<String>| -> Vec<String> {
            names.iter().map(|n| entry("new table:", n)).collect()
        };
        let gap = any;
        block(
            &mut out,
            &mut any,
            gap,
            UNTRACKED,
            RED,
            new(&self.untracked),
        );
        if show_ignored {
            let gap = any;
            block(&mut out, &mut any, gap, IGNORED, RED, new(&self.ignored));
        }
        let gap = any;
        block(
            &mut out,
            &mut any,
            gap,
            CONFLICTING,
            RED,
            new(&self.contradicted),
        );
        if !any {
            out += "nothing to commit, working tree clean\n";
        }
        out
    }

    /// `M\ttable` and `D\ttable`, as reset lists what is not staged.
    pub fn short_lines(&self) -> Vec<String> {
        let letter = |l: &str| if l == "deleted" { "D" } else { "M" };
        self.unstaged
            .iter()
            .map(|(n, l)| format!("{}\t{n}", letter(l)))
            .collect()
    }

    /// Whether anything is staged, and whether anything else differs.
    pub fn dirty(&self) -> (bool, bool) {
        (
            !self.staged.is_empty(),
            !self.unstaged.is_empty() || !self.untracked.is_empty() || self.has_conflicts(),
        )
    }
}

/// How a branch relates to its upstream.
fn upstream(repo: &Repository, branch: &str) -> Result<(String, bool), Failure> {
    if !repo.connection.has_files() {
        return Ok((String::new(), false));
    }
    let state = repo.with_store(|s| Ok(s.repo_state()))?;
    let Some(config) = state.branches.get(branch) else {
        return Ok((String::new(), false));
    };
    let theirs = config
        .head
        .strip_prefix("refs/heads/")
        .unwrap_or(&config.head);
    let shown = match config.remote.is_empty() {
        true => theirs.to_string(),
        false => format!("{}/{theirs}", config.remote),
    };
    let name = match config.remote.is_empty() {
        true => model::ref_name::branch(theirs),
        false => model::ref_name::remote_branch(&config.remote, theirs),
    };
    let Some(to) = repo.with_store(|s| Ok(s.get_ref(&name)))? else {
        return Ok((
            format!("Your branch is up to date with '{shown}'.\n"),
            false,
        ));
    };
    let from = repo.head()?;
    let rows = repo.query(&format!(
        "call dolt_count_commits('--from', {}, '--to', {})",
        literal(&from.hash().to_string()),
        literal(&to.to_string())
    ))?;
    let number = |i: usize| rows.text(0, i).parse::<u64>().unwrap_or(0);
    let (ahead, behind) = (number(0), number(1));
    let s = |n: u64| if n > 1 { "s" } else { "" };
    let pull = "  (use \"dolt pull\" to update your local branch)\n\t";
    Ok(match (ahead, behind) {
        (0, 0) => (
            format!("Your branch is up to date with '{shown}'.\n"),
            false,
        ),
        (a, 0) => (
            format!(
                "Your branch is ahead of '{shown}' by {a} commit{}.\n  (use \"dolt push\" to publish your local commits)\n\t",
                s(a)
            ),
            true,
        ),
        (0, b) => (
            format!(
                "Your branch is behind '{shown}' by {b} commit{}, and can be fast-forwarded.\n{pull}",
                s(b)
            ),
            true,
        ),
        (a, b) => (
            format!(
                "Your branch and '{shown}' have diverged,\nand have {a} and {b} different commits each, respectively.\n{pull}"
            ),
            true,
        ),
    })
}

/// Prints the status.
pub fn print(repo: &Repository, show_ignored: bool) -> Result<(), Failure> {
    let branch = repo.branch()?;
    let status = Status::of(repo)?;
    let (text, moved) = upstream(repo, &branch)?;
    print!(
        "On branch {branch}\n{text}{}",
        status.text(show_ignored, moved)
    );
    Ok(())
}

/// Runs the command.
pub fn run(env: &Environment, words: &[String]) -> Outcome {
    let p = parse(words, STATUS)?.at_most("status", 0)?;
    print(&Repository::open(env)?, p.has("ignored"))?;
    Ok(0)
}
