//! Arguments before the command, and which command they are for (spec 06 §1).

use std::path::PathBuf;

use super::{COMMANDS, Needs, config_command, list, options, require_repository};
use crate::arguments::parse;
use crate::config::Config;
use crate::environment::{Credentials, Environment};
use crate::{Failure, Outcome};

const GLOBALS_NOT_MIGRATED: &str = "Global arguments are not supported for this command as it has not yet been migrated to function in a remote context. \nIf you're interested in running this command against a remote host, hit us up on discord (https://discord.gg/gqr7K4VNKe).";
const GLOBALS_NOT_TAKEN: &str = "This command does not support global arguments. Please try again without the global arguments \nor check the docs for questions about usage.";

/// The profile that is named, or the default one for commands that take global arguments.
fn profile_arguments(
    config: &Config,
    global: &crate::arguments::Parsed,
    takes_globals: bool,
) -> Result<Option<serde_json::Value>, Failure> {
    let mut profiles = crate::profile::read(config)?;
    match global.get("profile") {
        Some(name) if profiles.is_empty() => Err(Failure::new(format!(
            "Unable to load profile: {name}. Not found."
        ))),
        Some(name) => profiles.remove(name).map(Some).ok_or_else(|| {
            Failure::new(format!(
                "Failed to inject profile arguments: profile {name} not found"
            ))
        }),
        None if takes_globals => Ok(profiles.remove(crate::profile::DEFAULT)),
        None => Ok(None),
    }
}

/// Commands that take no arguments before their name but `--help`; the first list has those that
/// Dolt cannot run in a server yet, the second those that nothing could be said to.
const NOT_MIGRATED: &[&str] = &["read-tables", "filter-branch", "dump", "fsck", "profile"];
const WITHOUT_GLOBALS: &[&str] = &["clone", "docs", "login", "creds", "version", "config"];

/// Arguments for engineers, which come before all others.
#[derive(Default)]
struct Hidden {
    verbose: bool,
    feature_version: Option<i64>,
    words: usize,
}

fn hidden(args: &[String]) -> Result<Hidden, Failure> {
    let mut out = Hidden::default();
    while let Some(word) = args.get(out.words) {
        let value = args.get(out.words + 1);
        out.words += match (word.as_str(), value) {
            ("--verbose-engine-setup", _) => {
                out.verbose = true;
                1
            }
            ("--ignore-lock-file" | "--csmetrics", _) => 1,
            ("--feature-version", Some(version)) => {
                out.feature_version = Some(version.parse().map_err(|_| {
                    Failure::new(format!("failed to parse feature version: {version}"))
                })?);
                2
            }
            ("--chdir", Some(dir)) => {
                std::env::set_current_dir(dir)?;
                2
            }
            _ => break,
        };
    }
    Ok(out)
}

/// Runs the command that the arguments name.
pub fn dispatch(args: Vec<String>) -> Outcome {
    if args.is_empty() {
        print!("{}", list());
        return Ok(1);
    }
    let hidden = hidden(&args)?;
    let args = &args[hidden.words..];
    let blank = args.iter().take_while(|w| w.is_empty()).count();
    let args = &args[blank..];
    // Arguments before the first word that is no option belong to every command.
    let mut at = 0;
    while at < args.len() && args[at].starts_with('-') && !args[at].is_empty() {
        let name = args[at].trim_start_matches('-');
        let takes = options::GLOBAL.iter().any(|o| {
            o.takes == crate::arguments::Takes::Value && (o.name == name || o.short == name)
        });
        at += if takes { 2 } else { 1 };
    }
    let at = at.min(args.len());
    let mut global = parse(&args[..at], options::GLOBAL)
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
    let name = word.trim().to_lowercase();
    let here = std::env::current_dir()?;
    let takes_globals =
        !NOT_MIGRATED.contains(&name.as_str()) && !WITHOUT_GLOBALS.contains(&name.as_str());
    let user_config = Config::load(&here)?;
    let profiles = profile_arguments(&user_config, &global, takes_globals)?;
    if !takes_globals && at > 0 {
        return Err(Failure::new(match NOT_MIGRATED.contains(&name.as_str()) {
            true => GLOBALS_NOT_MIGRATED,
            false => GLOBALS_NOT_TAKEN,
        }));
    }
    if let Some(profile) = profiles {
        crate::profile::apply(&profile, &mut global);
    }
    let port = match global.get("port") {
        None => None,
        Some(text) => Some(text.parse().map_err(|_| {
            Failure::new(format!(
                "Failed to parse global arguments: error: \"{text}\" is not a valid int."
            ))
        })?),
    };
    let dir = match global.get("data-dir") {
        Some(d) => here.join(PathBuf::from(d)),
        None => here,
    };
    let credentials = match takes_globals && name != "init" && name != "sql-server" {
        true => Credentials::find(global.get("user"), global.get("password"))?,
        false => Credentials::default(),
    };
    let env = Environment {
        config: Config {
            local: crate::config::read(&crate::config::local_path(&dir))?,
            global: user_config.global,
        },
        dir,
        data_dir_given: global.has("data-dir"),
        doltcfg_dir: global.get("doltcfg-dir").map(str::to_string),
        privilege_file: global.get("privilege-file").map(str::to_string),
        branch_control_file: global.get("branch-control-file").map(str::to_string),
        credentials,
        host: global.get("host").map(str::to_string),
        port,
        no_tls: global.has("no-tls"),
        verbose: hidden.verbose,
        command: name.clone(),
        feature_version: hidden.feature_version,
        shared: Default::default(),
        use_db: global.get("use-db").map(str::to_string),
        branch: global.get("branch").map(str::to_string),
    };
    for (scope, file) in [("global", &env.config.global), ("local", &env.config.local)] {
        for key in file.keys().filter(|k| !config_command::is_known(k)) {
            eprintln!(
                "Warning: Unknown {scope} config option '{key}'. Use `dolt config --{scope} --unset {key}` to remove."
            );
        }
    }
    let Some(command) = COMMANDS.iter().find(|c| c.help.name == name) else {
        return Err(Failure::new(format!("Unknown Command {word}")));
    };
    let rest = &args[at + 1..];
    let before_dashes = rest.iter().take_while(|w| *w != "--");
    if before_dashes
        .clone()
        .any(|w| matches!(w.trim_start_matches('-'), "help" | "h") && w.starts_with('-'))
    {
        print!("{}", command.help.page());
        return Ok(0);
    }
    if command.needs == Needs::Repository {
        require_repository(&env)?;
    }
    (command.run)(&env, rest)
}
