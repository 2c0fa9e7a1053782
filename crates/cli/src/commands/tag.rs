//! `dolt tag` (spec 06 §8.14).

use crate::arguments::parse;
use crate::commands::options::TAG;
use crate::environment::Environment;
use crate::local_time::ruby_date;
use crate::repository::Repository;
use crate::style::{YELLOW, on_terminal};
use crate::{Failure, Outcome};

/// Runs the command.
pub fn run(env: &Environment, words: &[String]) -> Outcome {
    let p = parse(words, TAG)?;
    let repo = Repository::open(env)?;
    let message = p.get("message").filter(|m| !m.is_empty());
    if p.positional.is_empty() {
        if p.has("delete") {
            return Err(Failure::new("must specify a tag name to delete"));
        }
        if message.is_some() {
            return Err(Failure::new("must specify a tag name to create"));
        }
        if !p.has("verbose") {
            let [.., tags] = repo.refs()?;
            tags.iter().for_each(|(name, _)| println!("\t{name}"));
            return Ok(0);
        }
        for (name, tag) in repo.with_store(|s| s.tags())? {
            println!(
                "{}",
                on_terminal(YELLOW, &format!("{name}\t{}", tag.commit.hash()))
            );
            println!("Tagger: {} <{}>", tag.tagger.name, tag.tagger.email);
            println!("Date:   {}", ruby_date(tag.user_millis));
            if !tag.message.is_empty() {
                println!("\n\t{}", tag.message.replace('\n', "\n\t"));
            }
            println!();
        }
        return Ok(0);
    }
    if p.has("delete") {
        if p.has("message") {
            return Err(Failure::new(
                "delete and tag message options are incompatible",
            ));
        }
        if p.has("verbose") {
            return Err(Failure::new("delete and verbose options are incompatible"));
        }
        for name in &p.positional {
            repo.call("DOLT_TAG", &["-d", name]).map_err(|e| {
                Failure::new(format!("error: failed to delete tag {name}: {}", e.text))
            })?;
        }
        return Ok(0);
    }
    if p.has("verbose") {
        return Err(Failure::new(
            "verbose flag can only be used with tag listing",
        ));
    }
    if p.positional.len() > 2 {
        return Err(Failure::new("create tag takes at most two args"));
    }
    let name = &p.positional[0];
    let start = p.positional.get(1).map_or("head", String::as_str);
    let mut args = Vec::new();
    if let Some(m) = message {
        args.extend(["-m", m]);
    }
    args.extend([name.as_str(), start]);
    if let Some(a) = p.get("author") {
        args.extend(["--author", a]);
    }
    repo.call("DOLT_TAG", &args)
        .map_err(|e| Failure::new(format!("error: failed to create tag {name}: {}", e.text)))?;
    Ok(0)
}
