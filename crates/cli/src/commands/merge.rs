//! `dolt merge` and `dolt merge-base` (spec 06 §8.10, §8.14).

use std::collections::BTreeMap;

use model::CommitId;

use crate::arguments::{Parsed, parse};
use crate::commands::log::stat_lines;
use crate::commands::options::{MERGE, NONE};
use crate::commit_text::print_head;
use crate::environment::Environment;
use crate::repository::literal;
use crate::repository::{Change, Repository};
use crate::{Failure, Outcome};

fn check(p: &Parsed, repo: &Repository) -> Result<(), Failure> {
    for (a, b) in [
        ("squash", "no-ff"),
        ("ff-only", "no-ff"),
        ("ff-only", "squash"),
        ("commit", "no-commit"),
    ] {
        if p.has(a) && p.has(b) {
            return Err(Failure::new(format!(
                "error: Flags '--{a}' and '--{b}' cannot be used together"
            )));
        }
    }
    check_identity(repo)
}

/// Fails when nobody said who makes the commits.
pub fn check_identity(repo: &Repository) -> Result<(), Failure> {
    if repo.identity.is_none() {
        return Err(Failure::new(
            "Could not determine name and/or email.\nLog into DoltHub: dolt login\nOR add name to config: dolt config [--global|--local] --add user.name \"FIRST LAST\"\nOR add email to config: dolt config [--global|--local] --add user.email \"EMAIL_ADDRESS\"",
        ));
    }
    Ok(())
}

/// What a merge left to resolve, by table: data conflicts, schema conflicts, violations.
#[derive(Default)]
struct Trouble(BTreeMap<String, [bool; 3]>);

impl Trouble {
    fn of(repo: &Repository) -> Result<Trouble, Failure> {
        let mut out = Trouble::default();
        for (i, sql) in [
            "select `table` from dolt_conflicts",
            "select table_name from dolt_schema_conflicts",
            "select `table` from dolt_constraint_violations",
        ]
        .iter()
        .enumerate()
        {
            let rows = repo.query(sql)?;
            for n in 0..rows.rows.len() {
                out.0.entry(rows.text(n, 0).to_string()).or_default()[i] = true;
            }
        }
        Ok(out)
    }

    fn any(&self, i: usize) -> bool {
        self.0.values().any(|t| t[i])
    }

    fn print(&self) -> Outcome {
        for (name, [data, schema, violations]) in &self.0 {
            println!("Auto-merging {name}");
            if *data {
                println!("CONFLICT (content): Merge conflict in {name}");
            }
            if *schema {
                println!("CONFLICT (schema): Merge conflict in {name}");
            }
            if *violations {
                println!(
                    "CONSTRAINT VIOLATION (content): Merge created constraint violation in {name}"
                );
            }
        }
        let conflicts = self.any(0) || self.any(1);
        let violations = self.any(2);
        if !conflicts && !violations {
            return Ok(0);
        }
        println!(
            "Automatic merge failed; {} table(s) are unmerged.",
            self.0.len()
        );
        match (conflicts, violations) {
            (true, true) => println!(
                "Fix conflicts and constraint violations and then commit the result.\nUse 'dolt conflicts' to investigate and resolve conflicts."
            ),
            (true, false) => {
                println!("Use 'dolt conflicts' to investigate and resolve conflicts.");
            }
            _ => println!(
                "Fix constraint violations and then commit the result.\nConstraint violations for the working set may be viewed using the 'dolt_constraint_violations' system table.\nThey may be queried and removed per-table using the 'dolt_constraint_violations_TABLENAME' system table."
            ),
        }
        Ok(1)
    }
}

/// Runs the command.
pub fn run(env: &Environment, words: &[String]) -> Outcome {
    let p = parse(words, MERGE)?;
    if p.positional.len() > 1 {
        return Err(Failure::new(
            "Error: Dolt does not support merging from multiple commits. You probably meant to checkout one and then merge from the other.",
        ));
    }
    let repo = Repository::open(env)?;
    check(&p, &repo)?;
    if p.has("abort") != p.positional.is_empty() {
        return super::misused("merge");
    }
    match merge(&repo, &p) {
        // What goes wrong in a merge is told on standard output.
        Err(f) => {
            println!("{}", f.text);
            Ok(f.code)
        }
        ok => ok,
    }
}

fn merge(repo: &Repository, p: &Parsed) -> Outcome {
    repo.allow_conflicts()?;
    let mut args: Vec<String> = Vec::new();
    for option in [
        "squash",
        "no-ff",
        "ff-only",
        "abort",
        "commit",
        "no-commit",
        "no-edit",
        "skip-verification",
    ] {
        if p.has(option) {
            args.push(format!("--{option}"));
        }
    }
    let author = match (p.get("author"), &repo.identity) {
        (Some(a), _) => a.to_string(),
        (None, Some((name, email))) => format!("{name} <{email}>"),
        (None, None) => String::new(),
    };
    args.extend(["--author".to_string(), author]);
    for (option, word) in [("date", "--date"), ("message", "-m")] {
        if let Some(v) = p.get(option) {
            args.extend([word.to_string(), v.to_string()]);
        }
    }
    args.extend(p.positional.iter().cloned());
    let before = repo.head()?;
    let rows = repo.call("DOLT_MERGE", &args)?;
    if rows.text(0, 3) == "Everything up-to-date" {
        println!("Everything up-to-date");
        return Ok(0);
    }
    if p.has("abort") {
        return Ok(0);
    }
    let fast_forward = rows.text(0, 1) == "1";
    let theirs = repo.commit_id(&p.positional[0])?;
    report(repo, p, fast_forward, before, (repo.head()?, theirs))
}

/// Tells what a merge, or the merge of a pull, came to; `update` is what is shown as its ends.
pub fn report(
    repo: &Repository,
    p: &Parsed,
    fast_forward: bool,
    before: CommitId,
    update: (CommitId, CommitId),
) -> Outcome {
    if fast_forward {
        println!("Fast-forward");
    }
    let head = repo.head()?;
    println!("Updating {}..{}", update.0.hash(), update.1.hash());
    if p.has("squash") {
        println!("Squash commit -- not updating HEAD");
    }
    if p.has("no-commit") {
        println!("Automatic merge went well; stopped before committing as requested");
    }
    let trouble = Trouble::of(repo)?;
    let clean = trouble.0.is_empty();
    let mut stats: BTreeMap<String, Change> = BTreeMap::new();
    if clean {
        let (from, to) = match p.has("no-commit") || p.has("squash") && head == before {
            true => (repo.root("HEAD")?, repo.live_root(true)?),
            false => (repo.root("HEAD^1")?, repo.root("HEAD")?),
        };
        stats = repo.stats(&from, &to)?;
        if stats.is_empty() {
            println!("Everything up-to-date");
            return Ok(0);
        }
    }
    if clean && !p.has("no-commit") && !p.has("no-ff") && !fast_forward {
        print_head(repo)?;
    }
    stat_lines(&stats, "", false)
        .iter()
        .for_each(|l| println!("{l}"));
    trouble.print()
}

/// Runs `merge-base`.
pub fn base(env: &Environment, words: &[String]) -> Outcome {
    let p = parse(words, NONE)?;
    let [a, b] = p.positional.as_slice() else {
        return Err(Failure::new("merge-base takes exactly 2 args"));
    };
    let repo = Repository::open(env)?;
    if !repo.connection.has_files() {
        let sql = format!("SELECT dolt_merge_base({}, {})", literal(a), literal(b));
        println!("{}", repo.query(&sql)?.text(0, 0));
        return Ok(0);
    }
    let (a, b) = (repo.commit_id(a)?, repo.commit_id(b)?);
    match repo.with_store(|s| model::common_ancestor(s.objects(), a, b))? {
        Some(id) => println!("{}", id.hash()),
        None => return Err(Failure::new("no common ancestor")),
    }
    Ok(0)
}
