//! Commits as `log` prints them (spec 06 §8.7).

use model::{Commit, CommitId};

use crate::Failure;
use crate::local_time::ruby_date;
use crate::repository::Repository;
use crate::style::{BOLD_CYAN, BRIGHT_GREEN, BRIGHT_RED, BRIGHT_YELLOW, YELLOW, always};

/// `--decorate`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decoration {
    /// None.
    No,
    /// Short names.
    Short,
    /// Names of refs.
    Full,
}

impl Decoration {
    /// Reads the option; `auto` is short on a terminal.
    pub fn parse(text: Option<&str>) -> Result<Decoration, Failure> {
        Ok(match text.unwrap_or("auto") {
            "auto" if crate::style::is_interactive() => Decoration::Short,
            "auto" | "no" => Decoration::No,
            "short" => Decoration::Short,
            "full" => Decoration::Full,
            other => return Err(Failure::new(format!("invalid --decorate option: {other}"))),
        })
    }
}

/// The refs of a database, to be shown beside commits.
pub struct Refs {
    head: Option<CommitId>,
    branches: Vec<(String, CommitId)>,
    remotes: Vec<(String, CommitId)>,
    tags: Vec<(String, CommitId)>,
}

impl Refs {
    /// Reads them.
    pub fn of(repo: &Repository) -> Result<Refs, Failure> {
        let head = repo.head().ok();
        let [branches, remotes, tags] = repo.refs()?;
        Ok(Refs {
            head,
            branches,
            remotes,
            tags,
        })
    }

    /// `(HEAD -> main, tag: v1) `, or nothing.
    pub fn decorate(&self, id: CommitId, decoration: Decoration) -> String {
        if decoration == Decoration::No {
            return String::new();
        }
        let full = |prefix: &str, name: &str| match decoration {
            Decoration::Full => format!("{prefix}{name}"),
            _ => name.to_string(),
        };
        let mut names = Vec::new();
        let at = |list: &[(String, CommitId)]| -> Vec<String> {
            list.iter()
                .filter(|(_, c)| *c == id)
                .map(|(n, _)| n.clone())
                .collect()
        };
        for name in at(&self.branches) {
            names.push(always(BRIGHT_GREEN, &full("refs/heads/", &name)));
        }
        for name in at(&self.remotes) {
            let name = format!("remotes/{name}");
            names.push(always(BRIGHT_RED, &full("refs/remotes/", &name)));
        }
        for name in at(&self.tags) {
            names.push(always(
                BRIGHT_YELLOW,
                &format!("tag: {}", full("refs/tags/", &name)),
            ));
        }
        if names.is_empty() {
            return String::new();
        }
        let mut out = always(YELLOW, "(");
        if self.head == Some(id) {
            out += &always(BOLD_CYAN, "HEAD -> ");
        }
        out += &always(YELLOW, &format!("{}) ", names.join(&always(YELLOW, ", "))));
        out
    }
}

/// A commit's header and message.
pub fn commit_text(
    id: CommitId,
    commit: &Commit,
    refs: &Refs,
    decoration: Decoration,
    parents: bool,
    signature: bool,
) -> String {
    let mut line = format!("commit {}", id.hash());
    if parents {
        commit
            .parents
            .iter()
            .for_each(|p| line += &format!(" {}", p.hash()));
    }
    let mut out = always(YELLOW, &format!("{line} "));
    out += &refs.decorate(id, decoration);
    if commit.parents.len() > 1 {
        out += "\nMerge:";
        commit
            .parents
            .iter()
            .for_each(|p| out += &format!(" {}", p.hash()));
    }
    if let (true, Some(text)) = (signature, &commit.meta.signature) {
        text.split('\n')
            .for_each(|l| out += &format!("\n{}", always("36", l)));
    }
    let m = &commit.meta;
    out += &format!("\nAuthor: {} <{}>", m.author.name, m.author.email);
    out += &format!("\nDate:  {}", ruby_date(m.author_millis));
    out += &format!("\n\n\t{}\n\n", m.message.replace('\n', "\n\t"));
    out
}

/// Prints the commit that the branch stands on.
pub fn print_head(repo: &Repository) -> Result<(), Failure> {
    let id = repo.head()?;
    let commit = repo.commit(id)?;
    let refs = Refs::of(repo)?;
    print!(
        "{}",
        commit_text(id, &commit, &refs, Decoration::Short, false, false)
    );
    Ok(())
}
