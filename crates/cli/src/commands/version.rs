//! `dolt version`, which also says when a newer Dolt is known of (spec 06 §4).

use std::path::Path;

use super::{NOT_A_REPOSITORY, VERSION, options};
use crate::arguments::parse;
use crate::environment::Environment;
use crate::repository::Repository;
use crate::style::{YELLOW, on_terminal};
use crate::{Failure, Outcome};

/// Runs the command.
pub fn run(env: &Environment, words: &[String]) -> Outcome {
    let p = parse(words, options::VERSION)?;
    println!("dolt version {VERSION}");
    if p.has("verbose") && env.is_repository() {
        println!("database storage format: NEW ( __DOLT__ )");
    }
    if p.has("feature") {
        if !env.is_repository() {
            return Err(Failure {
                text: NOT_A_REPOSITORY.into(),
                code: 1,
            });
        }
        let root = Repository::open_here(env)?.live_root(false)?;
        println!("feature version: {}", root.feature_version());
    }
    if env.config.get("versioncheck.disabled") != Some("true") {
        warn_of_newer(&crate::config::home()?.join(".dolt"))?;
    }
    Ok(0)
}

/// Whether a version is newer than another; what is no version is not.
fn is_newer(known: &str, own: &str) -> bool {
    let parts = |v: &str| -> Option<Vec<u64>> { v.split('.').map(|p| p.parse().ok()).collect() };
    match (parts(known), parts(own)) {
        (Some(known), Some(own)) if known.len() == 3 => known > own,
        _ => false,
    }
}

/// Warns if the newest version that has been heard of is newer. Nobody is asked for it here.
fn warn_of_newer(dir: &Path) -> Result<(), Failure> {
    let known = std::fs::read_to_string(dir.join("version_check.txt")).unwrap_or_default();
    let known = known.trim();
    if !is_newer(known, VERSION) {
        return Ok(());
    }
    let text =
        format!("Warning: you are on an old version of Dolt. The newest version is {known}.");
    println!("{}", on_terminal(YELLOW, &text));
    let told = dir.join("disable_version_check.txt");
    if std::fs::read_to_string(&told).is_ok_and(|v| v == VERSION) {
        return Ok(());
    }
    println!(
        "To disable this warning, run 'dolt config --global --add versioncheck.disabled true'"
    );
    // Where it cannot be noted, it is said again.
    let _ = std::fs::write(told, VERSION);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::is_newer;

    #[test]
    fn versions_are_compared_by_their_numbers() {
        assert!(is_newer("3.0.0", "2.3.1"));
        assert!(is_newer("2.10.0", "2.3.1"));
        assert!(!is_newer("2.3.1", "2.3.1"));
        assert!(!is_newer("1.27.0", "2.3.1"));
        assert!(!is_newer("bad version", "2.3.1"));
        assert!(!is_newer("", "2.3.1"));
    }
}
