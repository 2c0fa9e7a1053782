//! `dolt query-diff` (spec 06 §8.14): how the rows of two queries differ.

use crate::arguments::parse;
use crate::commands::options::NONE;
use crate::environment::Environment;
use crate::render::{Format, Printer};
use crate::repository::{Repository, literal};
use crate::{Failure, Outcome};

/// Runs `query-diff`.
pub fn run(env: &Environment, words: &[String]) -> Outcome {
    let p = parse(words, NONE)?;
    let [from, to] = p.positional.as_slice() else {
        return Err(Failure::new("please provide exactly two queries"));
    };
    let repo = Repository::open(env)?;
    let sql = format!(
        "SELECT * FROM dolt_query_diff({}, {})",
        literal(from),
        literal(to)
    );
    let mut out = std::io::stdout().lock();
    let mut printer = Printer::new(Format::Tabular, &mut out);
    printer.spaced = false;
    let done = repo.connection.execute(sql.as_bytes(), &mut printer);
    done.map_err(|e| Failure::new(repo.connection.message(&e)))?;
    Ok(0)
}
