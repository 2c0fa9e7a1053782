//! `dolt ci`: workflows that a database brings along, and that servers of continuous integration
//! or `dolt ci run` run.

mod run;
mod store;
mod workflow;

use crate::arguments::{Option_, parse, value};
use crate::commands::options::NONE;
use crate::environment::Environment;
use crate::repository::Repository;
use crate::style::{CYAN, on_terminal};
use crate::{Failure, Outcome};
use workflow::Workflow;

/// Options of `ci view`.
const VIEW: &[Option_] = &[value("job", "j")];

/// The subcommands.
const NAMES: &[&str] = &[
    "init", "destroy", "import", "export", "ls", "remove", "view", "run",
];

/// Fails where there are no tables.
fn initialized(repo: &Repository) -> Result<(), Failure> {
    match store::is_initialized(repo)? {
        true => Ok(()),
        false => Err(Failure::new(
            "dolt ci has not been initialized, please initialize with: dolt ci init",
        )),
    }
}

/// The workflow of a name, which must be there.
fn found(repo: &Repository, name: &str) -> Result<Workflow, Failure> {
    initialized(repo)?;
    store::load(repo, name)?.ok_or_else(|| Failure::new("workflow not found"))
}

/// Saved queries by their names.
fn saved_queries(repo: &Repository) -> Result<Vec<(String, String)>, Failure> {
    // The table comes with the first query.
    let rows = repo
        .query("SELECT name, query FROM dolt_query_catalog")
        .unwrap_or_default();
    Ok((0..rows.rows.len())
        .map(|i| (rows.text(i, 0).to_string(), rows.text(i, 1).to_string()))
        .collect())
}

fn import(env: &Environment, repo: &Repository, file: &str) -> Outcome {
    initialized(repo)?;
    let text = std::fs::read_to_string(env.dir.join(file))
        .map_err(|e| Failure::new(format!("open {file}: {e}")))?;
    let workflow = Workflow::parse(&text)?;
    if !store::store(repo, &workflow)? {
        let text = format!("Dolt CI Workflow '{}' up to date.", workflow.name);
        println!("{}", on_terminal(CYAN, &text));
    }
    Ok(0)
}

fn export(env: &Environment, repo: &Repository, name: &str) -> Outcome {
    let workflow = found(repo, name)?;
    let path = env
        .dir
        .join(format!("{}.yaml", workflow.name.replace([' ', '/'], "_")));
    std::fs::write(&path, workflow.to_yaml(&|_| None, false))?;
    let text = format!(
        "Dolt CI Workflow '{}' exported to {}.",
        workflow.name,
        path.display()
    );
    println!("{}", on_terminal(CYAN, &text));
    Ok(0)
}

fn view(repo: &Repository, name: &str, job: Option<&str>) -> Outcome {
    let workflow = found(repo, name)?;
    let queries = saved_queries(repo)?;
    let statement = |name: &str| {
        let found = queries.iter().find(|(n, _)| n == name);
        let text = found.map_or("saved query not found", |(_, q)| q.as_str());
        Some(text.to_string())
    };
    let text = match job {
        None => workflow.to_yaml(&statement, true),
        Some(job) => {
            let found = workflow.jobs.iter().find(|j| j.name == job);
            let found =
                found.ok_or_else(|| Failure::new(format!("cannot find job with name: {job}")))?;
            found.to_yaml(&statement)
        }
    };
    println!("{text}");
    Ok(0)
}

/// Runs `ci`.
pub fn run(env: &Environment, words: &[String]) -> Outcome {
    let Some((name, rest)) = super::subcommand(words, "ci", NAMES)? else {
        return Ok(1);
    };
    let p = parse(rest, if name == "view" { VIEW } else { NONE })?.at_most(name, 1)?;
    let argument = p.positional.first();
    let repo = Repository::open(env)?;
    match (name, argument) {
        ("init", None) => {
            if store::is_initialized(&repo)? {
                return Err(Failure::new("dolt ci has already been initialized"));
            }
            store::create(&repo)?;
        }
        ("destroy", None) => {
            initialized(&repo)?;
            store::destroy(&repo)?;
        }
        ("ls", None) => {
            initialized(&repo)?;
            for name in store::names(&repo)? {
                println!("{}", on_terminal(CYAN, &name));
            }
        }
        ("import", Some(file)) => return import(env, &repo, file),
        ("export", Some(name)) => return export(env, &repo, name),
        ("remove", Some(name)) => {
            let workflow = found(&repo, name)?;
            store::remove(&repo, &workflow.name)?;
        }
        ("view", Some(name)) => return view(&repo, name, p.get("job")),
        ("run", Some(name)) => {
            let workflow = found(&repo, name)?;
            let queries = saved_queries(&repo)?;
            return run::run(&repo, &workflow, &|name| {
                let found = queries.iter().find(|(n, _)| n == name);
                found.map(|(_, q)| q.clone())
            });
        }
        ("view", None) => return Err(Failure::new("workflow name is required")),
        ("run", None) => return Err(Failure::new("must specify workflow name")),
        (name, Some(word)) if matches!(name, "init" | "destroy" | "ls") => {
            return Err(Failure::new(format!(
                "error: {name} does not take positional arguments, but found 1: {word}"
            )));
        }
        _ => return Err(Failure::new("expected 1 argument")),
    }
    Ok(0)
}
