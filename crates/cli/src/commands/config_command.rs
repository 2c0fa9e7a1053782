//! `dolt config`.

use crate::arguments::{Option_, flag, parse};
use crate::config::{File, KNOWN, global_path, local_path, read, write};
use crate::environment::Environment;
use crate::{Failure, Outcome};

/// Options.
pub const OPTIONS: &[Option_] = &[
    flag("global", ""),
    flag("local", ""),
    flag("add", ""),
    flag("set", ""),
    flag("get", ""),
    flag("unset", ""),
    flag("list", ""),
];

/// Whether there is a setting of this name.
pub fn is_known(key: &str) -> bool {
    KNOWN.contains(&key) || key.starts_with("sqlserver.global.")
}

/// Runs the command.
pub fn run(env: &Environment, words: &[String]) -> Outcome {
    let p = parse(words, OPTIONS)?;
    if p.has("global") && p.has("local") {
        return Err(Failure::new(
            "Specifying both -local and -global is not valid. Exactly one may be set",
        ));
    }
    let operations: Vec<&str> = ["add", "set", "get", "unset", "list"]
        .into_iter()
        .filter(|o| p.has(o))
        .collect();
    let [operation] = operations.as_slice() else {
        return Err(Failure::new(
            "Exactly one of the -add, -set, -get, -unset, -list flags must be set.",
        ));
    };
    let path = if p.has("global") {
        global_path()?
    } else {
        local_path(&env.dir)
    };
    match *operation {
        "list" => {
            let print = |f: &File| f.iter().for_each(|(k, v)| println!("{k} = {v}"));
            if !p.has("global") {
                print(&env.config.local);
            }
            if !p.has("local") {
                print(&env.config.global);
            }
            Ok(0)
        }
        "get" => {
            let [key] = p.positional.as_slice() else {
                return Ok(1);
            };
            let key = key.to_lowercase();
            let found = match (p.has("global"), p.has("local")) {
                (true, _) => env.config.global.get(&key).map(String::as_str),
                (_, true) => env.config.local.get(&key).map(String::as_str),
                _ => env.config.get(&key),
            };
            match found {
                Some(v) => {
                    println!("{v}");
                    Ok(0)
                }
                None => Ok(1),
            }
        }
        "unset" => {
            let mut file = read(&path)?;
            for key in &p.positional {
                file.remove(&key.to_lowercase());
            }
            write(&path, &file)?;
            println!("Config successfully updated.");
            Ok(0)
        }
        _ => {
            if p.positional.is_empty() || p.positional.len() % 2 == 1 {
                return Err(Failure::new("error: wrong number of arguments"));
            }
            if p.positional
                .chunks(2)
                .any(|pair| !is_known(&pair[0].to_lowercase()))
            {
                return Err(Failure::new(
                    "error: invalid config option, use dolt config --help to check valid configuration variables",
                ));
            }
            if !p.has("global") && !env.dir.join(".dolt").is_dir() {
                return Err(Failure::new("Unable to create repo local config file"));
            }
            let mut file = read(&path)?;
            for pair in p.positional.chunks(2) {
                let key = pair[0].to_lowercase();
                file.insert(key, pair[1].clone());
            }
            write(&path, &file)?;
            println!("Config successfully updated.");
            Ok(0)
        }
    }
}
