//! `dolt sql`: a query, a script, or the shell.

use std::io::{IsTerminal, Read, Write};

use engine::session::Session;

use crate::arguments::{Option_, flag, parse, value};
use crate::environment::Environment;
use crate::render::{Format, Printer};
use crate::{Failure, Outcome};

/// Options.
pub const OPTIONS: &[Option_] = &[
    value("query", "q"),
    value("result-format", "r"),
    value("file", "f"),
    value("save", "s"),
    value("message", "m"),
    value("execute", "x"),
    flag("list-saved", "l"),
    flag("continue", "c"),
    flag("batch", "b"),
    flag("binary-as-hex", ""),
    flag("skip-binary-as-hex", ""),
    flag("disable-auto-gc", ""),
];

/// Runs the command.
pub fn run(env: &Environment, words: &[String]) -> Outcome {
    let p = parse(words, OPTIONS)?;
    if !p.positional.is_empty() {
        return Err(Failure::new(
            "Invalid Argument: use --query or -q to pass inline SQL queries",
        ));
    }
    let format = match p.get("result-format") {
        None => Format::Tabular,
        Some(text) => Format::parse(text).ok_or_else(|| {
            Failure::new(
                "Invalid argument for --result-format. Valid values are tabular, csv, json",
            )
        })?,
    };
    let text = match (p.get("query"), p.get("file")) {
        (Some(q), _) => q.as_bytes().to_vec(),
        (None, Some(file)) => std::fs::read(file)
            .map_err(|_| Failure::new(format!("couldn't open file {file}")))?,
        (None, None) => {
            let mut text = Vec::new();
            if std::io::stdin().is_terminal() {
                let session = env.session()?;
                return shell(&session);
            }
            std::io::stdin().read_to_end(&mut text)?;
            text
        }
    };
    let session = env.session()?;
    script(&session, &text, format, p.has("continue"))
}

/// Runs the statements of a text in order.
fn script(session: &Session, text: &[u8], format: Format, go_on: bool) -> Outcome {
    let text = text.strip_prefix(b"\xef\xbb\xbf").unwrap_or(text);
    let stdout = std::io::stdout();
    let mut out = std::io::BufWriter::new(stdout.lock());
    for part in syntax::split_statements(text, b";") {
        let statement = &text[part.range.clone()];
        if statement.trim_ascii().is_empty() {
            continue;
        }
        let mut printer = Printer::new(format, &mut out);
        let result = session.execute(statement, false, &mut printer);
        if let Err(e) = result {
            if e.code == 1065 {
                continue;
            }
            out.flush()?;
            let line = 1 + text[..part.range.start].iter().filter(|b| **b == b'\n').count();
            let shown = String::from_utf8_lossy(statement);
            let message =
                format!("error on line {line} for query {}: {}", shown.trim(), e.message);
            if !go_on {
                return Err(Failure::new(message));
            }
            eprintln!("{message}");
        }
    }
    out.flush()?;
    Ok(0)
}

/// Reads statements from a terminal until the end.
fn shell(session: &Session) -> Outcome {
    println!("# Welcome to the DoltSQL shell.");
    println!("# Statements must be terminated with ';'.");
    println!("# \"exit\" or \"quit\" (or Ctrl-D) to exit. \"\\help\" for help.");
    let stdin = std::io::stdin();
    let mut pending = String::new();
    loop {
        let prompt = match (pending.is_empty(), session.current_database()) {
            (false, _) => "    -> ".to_string(),
            (true, Some(db)) if db.contains('/') => format!("{db}> "),
            (true, Some(db)) => match session.current() {
                Ok(found) => format!("{db}/{}> ", session.head(&found.handle)),
                Err(_) => format!("{db}> "),
            },
            (true, None) => "> ".to_string(),
        };
        print!("{prompt}");
        std::io::stdout().flush()?;
        let mut line = String::new();
        if stdin.read_line(&mut line)? == 0 {
            break;
        }
        let word = line.trim().trim_end_matches(';').to_lowercase();
        if pending.is_empty() && matches!(word.as_str(), "exit" | "quit" | "exit()" | "quit()") {
            break;
        }
        pending.push_str(&line);
        let vertical = pending.trim_end().ends_with("\\G");
        if !pending.trim_end().ends_with(';') && !vertical {
            continue;
        }
        let text = std::mem::take(&mut pending);
        let text = text.trim_end().trim_end_matches("\\G");
        let start = std::time::Instant::now();
        let format = if vertical { Format::Vertical } else { Format::Tabular };
        for part in syntax::split_statements(text.as_bytes(), b";") {
            let statement = &text.as_bytes()[part.range.clone()];
            if statement.trim_ascii().is_empty() {
                continue;
            }
            let mut out = std::io::stdout();
            let mut printer = Printer::new(format, &mut out);
            printer.spaced = false;
            let result = session.execute(statement, false, &mut printer);
            let (last, rows) = (printer.last.take(), printer.rows);
            let seconds = start.elapsed().as_secs_f64();
            match (result, last) {
                (Err(e), _) => println!("{}", e.message),
                (Ok(()), Some(done)) => {
                    let n = done.affected_rows;
                    println!(
                        "Query OK, {n} row{} affected ({seconds:.2} sec)",
                        if n == 1 { "" } else { "s" }
                    );
                    if !done.info.is_empty() {
                        println!("{}", done.info);
                    }
                }
                (Ok(()), None) if rows == 0 => println!("Empty set ({seconds:.2} sec)\n"),
                (Ok(()), None) => println!(
                    "{rows} row{} in set ({seconds:.2} sec) \n",
                    if rows == 1 { "" } else { "s" }
                ),
            }
        }
    }
    println!("Bye");
    Ok(0)
}
