//! `dolt creds`.

use std::io::Read;

use crate::arguments::{Option_, flag, parse, value};
use crate::config::{global_path, write};
use crate::credentials::{Credentials, directory, files, find};
use crate::environment::Environment;
use crate::style::{GREEN, RED, YELLOW, on_terminal};
use crate::{Failure, Outcome};

/// The setting that names the key in use.
const SETTING: &str = "user.creds";
const LS: &[Option_] = &[flag("verbose", "v")];
const IMPORT: &[Option_] = &[flag("no-profile", "")];
const CHECK: &[Option_] = &[value("endpoint", ""), value("creds", "")];

/// Runs the command.
pub fn run(env: &Environment, words: &[String]) -> Outcome {
    let names = ["new", "rm", "ls", "check", "use", "import"];
    let Some((name, words)) = super::subcommand(words, "creds", &names)? else {
        return Ok(1);
    };
    match name {
        "new" => new(env),
        "rm" => remove(words),
        "ls" => list(env, words),
        "use" => select(env, words),
        "import" => import(env, words),
        _ => {
            parse(words, CHECK)?;
            Err(Failure::new(
                "creds check is not supported: remotes that ask for keys are not supported yet",
            ))
        }
    }
}

/// Uses a key if none is used yet.
fn use_first(env: &Environment, key: &Credentials) -> Result<(), Failure> {
    match env.config.global.contains_key(SETTING) {
        true => Ok(()),
        false => set(env, &key.id()),
    }
}

fn set(env: &Environment, id: &str) -> Result<(), Failure> {
    let mut file = env.config.global.clone();
    file.insert(SETTING.into(), id.to_string());
    write(&global_path()?, &file)
}

fn new(env: &Environment) -> Outcome {
    let key = Credentials::generate()?;
    key.save(&directory()?)?;
    println!("Credentials created successfully.");
    println!("pub key: {}", key.public_text());
    use_first(env, &key)?;
    Ok(0)
}

fn remove(words: &[String]) -> Outcome {
    let dir = directory()?;
    for name in words {
        let removed =
            find(&dir, name).and_then(|path| std::fs::remove_file(path).map_err(Failure::from));
        if let Err(e) = removed {
            let text = format!("failed to delete {name}: {}", e.text);
            println!("{}", on_terminal(YELLOW, &text));
        }
    }
    Ok(0)
}

fn list(env: &Environment, words: &[String]) -> Outcome {
    let p = parse(words, LS)?.at_most("ls", 0)?;
    let current = env.config.get(SETTING);
    for (i, path) in files(&directory()?).iter().enumerate() {
        if i == 0 && p.has("verbose") {
            println!(
                "  public key (used on dolthub settings page)              key id (user.creds in dolt config)"
            );
            println!("  {}    {}", "-".repeat(52), "-".repeat(45));
        }
        let Ok(key) = Credentials::parse(&std::fs::read(path)?) else {
            let text = format!("Corrupted creds file: {}", path.display());
            println!("{}", on_terminal(RED, &text));
            continue;
        };
        let mut line = key.public_text();
        if p.has("verbose") {
            line += &format!("    {}", key.id());
        }
        match current == Some(key.id().as_str()) {
            true => println!("{}", on_terminal(GREEN, &format!("* {line}"))),
            false => println!("  {line}"),
        }
    }
    Ok(0)
}

fn select(env: &Environment, words: &[String]) -> Outcome {
    let [name] = words else {
        return Err(Failure::new(
            "error: expected exactly one credential public key or key id as argument",
        ));
    };
    let path = find(&directory()?, name).map_err(|e| {
        Failure::caused(format!("error: failed to find credential {name}"), &e.text)
    })?;
    let key = Credentials::parse(&std::fs::read(path)?).map_err(|e| {
        Failure::caused(format!("error: failed to read credential {name}"), &e.text)
    })?;
    set(env, &key.id())?;
    Ok(0)
}

fn import(env: &Environment, words: &[String]) -> Outcome {
    let p = parse(words, IMPORT)?.at_most("import", 1)?;
    let mut text = Vec::new();
    match p.positional.first() {
        Some(name) => {
            let path = env.dir.join(name);
            text = std::fs::read(path).map_err(|e| {
                Failure::caused(format!("error: cannot open {name}"), &e.to_string())
            })?;
        }
        None => {
            std::io::stdin().read_to_end(&mut text)?;
        }
    }
    let key = Credentials::parse(&text)?;
    key.save(&directory()?)?;
    println!("Imported credential: {}", key.public_text());
    use_first(env, &key)?;
    Ok(0)
}
