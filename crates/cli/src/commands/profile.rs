//! `dolt profile`.

use crate::arguments::{Parsed, parse};
use crate::commands::options::PROFILE;
use crate::config::{global_path, write_private};
use crate::environment::Environment;
use crate::profile;
use crate::style::{YELLOW, on_terminal};
use crate::{Failure, Outcome};

const DEFAULT_WARNING: &str = "Default profile has been added. All dolt commands taking global arguments will use this default profile until it is removed.\nWARNING: This will alter the behavior of commands which specify no `--profile`.\nIf you are using dolt in contexts where you expect a `.dolt` directory to be accessed, the default profile will be used instead.";

/// Runs the command.
pub fn run(env: &Environment, words: &[String]) -> Outcome {
    let p = parse(words, PROFILE)?;
    match p.positional.first().map(String::as_str) {
        None => list(env, &p),
        Some("add") => add(env, &p),
        Some("remove") => remove(env, &p),
        Some(_) => super::misused("profile"),
    }
}

fn list(env: &Environment, p: &Parsed) -> Outcome {
    for (name, profile) in profile::read(&env.config)? {
        println!("{name}");
        if !p.has("verbose") {
            continue;
        }
        for key in profile::KEPT {
            if *key == "password" && profile["has-password"] != true {
                continue;
            }
            let value = &profile[*key];
            println!("\t{key}: {}", value.as_str().unwrap_or(&value.to_string()));
        }
        println!();
    }
    Ok(0)
}

/// The only name that was given.
fn name(p: &Parsed) -> Result<&str, Failure> {
    match p.positional.as_slice() {
        [_, name] => Ok(name.trim()),
        _ => {
            super::misused("profile")?;
            Err(Failure::new("Only one profile name can be specified"))
        }
    }
}

/// Writes the profiles where only the user can read them: they may hold passwords.
fn keep(
    env: &Environment,
    profiles: &serde_json::Map<String, serde_json::Value>,
) -> Result<(), Failure> {
    let mut file = env.config.global.clone();
    if profiles.is_empty() {
        file.remove(profile::KEY);
    } else {
        file.insert(profile::KEY.into(), profile::encode(profiles)?);
    }
    write_private(&global_path()?, &file)
}

fn add(env: &Environment, p: &Parsed) -> Outcome {
    let name = name(p)?;
    let mut profiles = profile::read(&env.config)?;
    if profiles.contains_key(name) {
        return Err(Failure::new(format!(
            "error: profile {name} already exists, please delete this profile and re-add it if you want to edit any values."
        )));
    }
    profiles.insert(name.to_string(), profile::of(p));
    keep(env, &profiles)?;
    if name == profile::DEFAULT {
        println!("{}", on_terminal(YELLOW, DEFAULT_WARNING));
    }
    Ok(0)
}

fn remove(env: &Environment, p: &Parsed) -> Outcome {
    let name = name(p)?;
    let mut profiles = profile::read(&env.config)?;
    if profiles.is_empty() {
        return Err(Failure::new("error: no existing profiles"));
    }
    if profiles.remove(name).is_none() {
        return Err(Failure::new(format!(
            "error: profile {name} does not exist"
        )));
    }
    keep(env, &profiles)?;
    Ok(0)
}
