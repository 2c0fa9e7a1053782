//! `dolt show` (spec 06 §8.7).

use model::CommitId;

use crate::arguments::parse;
use crate::commands::diff::{Display, Sides, print};
use crate::commands::options::SHOW;
use crate::commit_text::{Decoration, Refs, commit_text};
use crate::environment::Environment;
use crate::object_text::object_text;
use crate::repository::Repository;
use crate::{Failure, Outcome};

/// Runs the command.
pub fn run(env: &Environment, words: &[String]) -> Outcome {
    let p = parse(words, SHOW)?;
    let decoration = Decoration::parse(p.get("decorate"))
        .map_err(|f| Failure::new(format!("fatal: {}", f.text)))?;
    let display = Display::of(&p)?;
    let repo = Repository::open(env)?;
    let refs = Refs::of(&repo)?;
    let head = vec!["HEAD".to_string()];
    let list = if p.positional.is_empty() {
        &head
    } else {
        &p.positional
    };
    let is_server = repo.connection.is_server();
    for word in list {
        let word = word.trim_start_matches('#');
        if is_server && p.has("no-pretty") {
            return Err(Failure::new(
                "`dolt show --no-pretty` or `dolt show (BRANCHNAME)` only supported in local mode.",
            ));
        }
        if p.has("no-pretty") || ["working", "staged"].contains(&word.to_lowercase().as_str()) {
            raw(&repo, word)?;
            continue;
        }
        let id = match repo.commit_id(word) {
            Ok(id) => id,
            Err(_) if model::ref_name::is_hash(word) && is_server => {
                return Err(Failure::new(
                    "`dolt show (NON_COMMIT_HASH)` only supported in local mode.",
                ));
            }
            Err(_) if model::ref_name::is_hash(word) => {
                raw(&repo, word)?;
                continue;
            }
            Err(_) => return Err(Failure::new(format!("branch not found: {word}"))),
        };
        let commit = repo.commit(id)?;
        print!(
            "{}",
            commit_text(id, &commit, &refs, decoration, p.has("parents"), false)
        );
        let parent = match commit.parents.as_slice() {
            [] => continue,
            [parent] => *parent,
            _ => {
                return Err(Failure::new(
                    "requested commit is a merge commit. 'dolt show' currently only supports viewing non-merge commits",
                ));
            }
        };
        let root = |id: CommitId| repo.root(&id.hash().to_string());
        let sides = Sides {
            from: (parent.hash().to_string(), root(parent)?),
            to: (id.hash().to_string(), root(id)?),
        };
        print(&repo, &display, &sides, &[])?;
    }
    Ok(0)
}

/// Prints an object as it is stored.
fn raw(repo: &Repository, word: &str) -> Result<(), Failure> {
    let unknown = |e: String| Failure::new(format!("error resolving spec ref '{word}': {e}"));
    let hash = match word.to_uppercase().as_str() {
        special @ ("WORKING" | "STAGED") => repo.root(special)?.id()?.hash(),
        _ => match word.parse() {
            Ok(id) => model::CommitId::hash(id),
            Err(_) => repo.commit_id(word)?.hash(),
        },
    };
    let chunk = repo
        .with_store(|s| s.objects().read(&hash))
        .map_err(|e| unknown(e.text))?;
    println!("{}", object_text(&chunk.shared())?);
    Ok(())
}
