//! `dolt init`.

use model::{CommitMeta, CreateOptions, Database, Person};

use crate::arguments::{Option_, flag, parse, value};
use crate::config::{local_path, read, write};
use crate::environment::{Environment, parse_date};
use crate::{Failure, Outcome};

/// Options.
pub const OPTIONS: &[Option_] = &[
    value("name", ""),
    value("email", ""),
    value("date", ""),
    value("initial-branch", "b"),
    flag("fun", ""),
];

/// What is said to somebody without a name.
pub const WHO_ARE_YOU: &str = "Author identity unknown\n\n*** Please tell me who you are.\n\nRun\n\n  dolt config --global --add user.email \"you@example.com\"\n  dolt config --global --add user.name \"Your Name\"\n\nto set your account's default identity.\nOmit --global to set the identity only in this repository.\n\nfatal: empty ident name not allowed";

/// Runs the command.
pub fn run(env: &Environment, words: &[String]) -> Outcome {
    let p = parse(words, OPTIONS)?.at_most("init", 0)?;
    if env.is_repository() {
        return Err(Failure::new("This directory has already been initialized."));
    }
    let pick = |option: &str, key: &str| {
        p.get(option)
            .or_else(|| env.config.get(key))
            .map(str::to_string)
    };
    let (Some(name), Some(email)) = (pick("name", "user.name"), pick("email", "user.email")) else {
        return Err(Failure::new(WHO_ARE_YOU));
    };
    let millis = match p.get("date") {
        Some(text) => parse_date(text).ok_or_else(|| Failure::new("error: invalid date"))?,
        None => {
            let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
            now.map_or(0, |d| d.as_millis() as i64)
        }
    };
    let branch = p
        .get("initial-branch")
        .or_else(|| env.config.get("init.defaultbranch"))
        .unwrap_or("main")
        .to_string();
    let options = CreateOptions {
        branch,
        meta: CommitMeta::new(
            Person {
                name: name.clone(),
                email: email.clone(),
            },
            millis,
            "",
        ),
        collation: values::CollationId::DEFAULT,
        memorable_hash: p.has("fun"),
        open: env.open_options(),
    };
    if server::running_server_in(&env.dir).is_some() {
        return Err(Failure::new(
            "Detected that a Dolt sql-server is running from this directory.\nStop the sql-server before initializing this directory as a Dolt database.",
        ));
    }
    Database::create(&env.dir, &options).map_err(|e| {
        Failure::new(format!(
            "Failed to initialize directory as a data repo. {e}"
        ))
    })?;
    let given: Vec<_> = [("name", "user.name", name), ("email", "user.email", email)]
        .into_iter()
        .filter(|(option, ..)| p.has(option))
        .collect();
    if !given.is_empty() {
        let path = local_path(&env.dir);
        let mut file = read(&path)?;
        for (_, key, value) in given {
            file.insert(key.into(), value);
        }
        write(&path, &file)?;
    }
    println!("Successfully initialized dolt data repository.");
    Ok(0)
}
