//! The commands, and the arguments before them.

mod config_command;
mod init;
mod sql;

use std::path::PathBuf;

use crate::arguments::{Option_, flag, parse, value};
use crate::config::Config;
use crate::environment::Environment;
use crate::{Failure, Outcome};

/// Version of Dolt that this implementation follows.
pub const VERSION: &str = "2.3.1";

const GLOBAL: &[Option_] = &[
    value("profile", ""),
    value("user", "u"),
    value("password", "p"),
    value("host", ""),
    value("port", ""),
    flag("no-tls", ""),
    value("data-dir", ""),
    value("doltcfg-dir", ""),
    value("privilege-file", ""),
    value("branch-control-file", ""),
    value("use-db", ""),
    value("branch", ""),
];

/// Name, description, whether it needs a repository, and the command.
type Command = (&'static str, &'static str, bool, fn(&Environment, &[String]) -> Outcome);

/// Every command in the order of the list.
const COMMANDS: &[Command] = &[
    ("init", "Create an empty Dolt data repository.", false, init::run),
    ("sql", "Run a SQL query against tables in repository.", false, sql::run),
    ("sql-server", "Start a MySQL-compatible server.", false, sql_server),
    ("config", "Dolt configuration.", false, config_command::run),
    ("version", "Displays the version for the Dolt binary.", false, version),
];

fn version(_: &Environment, _: &[String]) -> Outcome {
    println!("dolt version {VERSION}");
    Ok(0)
}

fn sql_server(env: &Environment, words: &[String]) -> Outcome {
    Ok(server::run(words, &env.dir, env.settings()).clamp(0, 255) as u8)
}

fn list() -> String {
    let mut text = String::from("Valid commands for dolt are\n");
    for (name, about, ..) in COMMANDS {
        text.push_str(&format!("    {name:>16} - {about}\n"));
    }
    text
}

/// Runs the command that the arguments name.
pub fn dispatch(args: Vec<String>) -> Outcome {
    if args.is_empty() {
        print!("{}", list());
        return Ok(1);
    }
    // Arguments before the first word that is no option belong to every command.
    let mut at = 0;
    while at < args.len() && args[at].starts_with('-') {
        let name = args[at].trim_start_matches('-');
        let takes = GLOBAL.iter().any(|o| {
            o.takes == crate::arguments::Takes::Value && (o.name == name || o.short == name)
        });
        at += if takes { 2 } else { 1 };
    }
    let at = at.min(args.len());
    let global = parse(&args[..at], GLOBAL)
        .map_err(|f| Failure::new(format!("Failed to parse global arguments: {}", f.text)))?;
    if global.help {
        print!("{}", list());
        return Ok(0);
    }
    let Some(word) = args.get(at) else {
        return Err(Failure::new(
            "No valid dolt subcommand found. See 'dolt --help' for usage.",
        ));
    };
    let here = std::env::current_dir()?;
    let dir = match global.get("data-dir") {
        Some(d) => here.join(PathBuf::from(d)),
        None => here,
    };
    let env = Environment {
        config: Config::load(&dir)?,
        dir,
        use_db: global.get("use-db").map(str::to_string),
        branch: global.get("branch").map(str::to_string),
    };
    let name = word.trim().to_lowercase();
    let Some((_, _, needs, run)) = COMMANDS.iter().find(|(n, ..)| *n == name) else {
        return Err(Failure::new(format!("Unknown Command {word}")));
    };
    if *needs && !env.is_repository() && env.use_db.is_none() {
        return Err(Failure {
            text: "The current directory is not a valid dolt repository.\nrun: dolt init before trying to run this command".into(),
            code: 2,
        });
    }
    run(&env, &args[at + 1..])
}
