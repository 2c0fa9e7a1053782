//! `dolt remote` (spec 06 §8.13, spec 07 §1.2).

use model::Remote;

use crate::arguments::{Parsed, parse};
use crate::commands::options::REMOTE;
use crate::environment::Environment;
use crate::repository::Repository;
use crate::{Failure, Outcome};

/// Options that only go with addresses of their scheme.
const PARAMETERS: &[(&str, &str)] = &[
    ("aws-region", "aws"),
    ("aws-creds-type", "aws"),
    ("aws-creds-file", "aws"),
    ("aws-creds-profile", "aws"),
    ("oss-creds-file", "oss"),
    ("oss-creds-profile", "oss"),
];

/// The lines of a list of remotes or backups.
pub fn print_list(list: impl IntoIterator<Item = Remote>, verbose: bool) -> Result<(), Failure> {
    for r in list {
        if !verbose {
            println!("{}", r.name);
            continue;
        }
        let params = match r.params.is_empty() {
            true => String::new(),
            false => {
                let pair = |(k, v): (&String, &String)| -> serde_json::Result<String> {
                    Ok(format!(
                        "{}: {}",
                        serde_json::to_string(k)?,
                        serde_json::to_string(v)?
                    ))
                };
                let pairs: Vec<String> = r.params.iter().map(pair).collect::<Result<_, _>>()?;
                format!("{{{}}}", pairs.join(", "))
            }
        };
        println!("{} {} {params}", r.name, r.url);
    }
    Ok(())
}

/// Runs the command.
pub fn run(env: &Environment, words: &[String]) -> Outcome {
    let p = parse(words, REMOTE)?;
    let repo = Repository::open(env)?;
    let positional: Vec<&str> = p.positional.iter().map(String::as_str).collect();
    match positional.as_slice() {
        [] => {
            let state = repo.with_store(|s| Ok(s.repo_state()))?;
            print_list(state.remotes.into_values(), p.has("verbose"))?;
        }
        ["add", name, url] => add(env, &repo, &p, name.trim(), url)?,
        ["remove" | "rm", name] => {
            repo.call("DOLT_REMOTE", &["remove", name.trim()])
                .map_err(|e| Failure::caused("error: Unable to remove remote.", &e.text))?;
        }
        _ => return super::misused("remote"),
    }
    Ok(0)
}

fn add(
    env: &Environment,
    repo: &Repository,
    p: &Parsed,
    name: &str,
    url: &str,
) -> Result<(), Failure> {
    let location = remotes::absolute(url, &env.dir)
        .and_then(|location| location.check().map(|()| location))
        .map_err(|e| Failure::caused(format!("error: '{url}' is not valid."), &e.to_string()))?;
    let given = || PARAMETERS.iter().filter(|(option, _)| p.has(option));
    let wrong: Vec<&str> = given()
        .filter(|(_, scheme)| *scheme == "aws" && location.scheme != "aws")
        .map(|(option, _)| *option)
        .collect();
    if !wrong.is_empty() {
        return Err(Failure::new(format!(
            "The parameters {}, are only valid for aws remotes",
            wrong.join(", ")
        )));
    }
    let mut args = vec!["add", name, url];
    if let Some(git_ref) = p.get("ref") {
        args.extend(["--ref", git_ref]);
    }
    repo.call("DOLT_REMOTE", &args)
        .map_err(|e| match e.text.starts_with("error: ") {
            true => e,
            false => Failure::caused("error: Unable to add remote.", &e.text),
        })?;
    if given().next().is_some() {
        let params = given()
            .filter(|(_, scheme)| *scheme == location.scheme)
            .filter_map(|(option, _)| Some((option.to_string(), p.get(option)?.to_string())))
            .collect();
        repo.with_store(|s| {
            s.edit_repo_state(|state| {
                if let Some(remote) = state.remotes.get_mut(name) {
                    remote.params = params;
                }
            })
        })?;
    }
    Ok(())
}
