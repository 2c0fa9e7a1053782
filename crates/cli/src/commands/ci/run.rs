//! Runs a workflow here and now.

use super::workflow::{Action, Expected, Workflow, is_all};
use crate::repository::{Repository, Rows, literal};
use crate::style::{CYAN, GREEN, RED, on_terminal};
use crate::{Failure, Outcome};

/// What a step came to: lines about it, and why it failed.
struct Report {
    lines: Vec<String>,
    failed: bool,
}

fn verdict(failed: bool) -> String {
    match failed {
        true => on_terminal(RED, "FAIL"),
        false => on_terminal(GREEN, "PASS"),
    }
}

/// Runs all jobs; 1 if a step failed.
pub fn run(
    repo: &Repository,
    workflow: &Workflow,
    statement: &dyn Fn(&str) -> Option<String>,
) -> Outcome {
    println!(
        "{}",
        on_terminal(CYAN, &format!("Running workflow: {}", workflow.name))
    );
    let mut any = false;
    for job in &workflow.jobs {
        println!(
            "{}",
            on_terminal(CYAN, &format!("Running job: {}", job.name))
        );
        let mut failed = false;
        for step in &job.steps {
            println!("{}", on_terminal(CYAN, &format!("  Step: {}", step.name)));
            let report = match &step.action {
                Action::Query {
                    query,
                    rows,
                    columns,
                } => query_step(repo, query, statement(query), rows, columns),
                Action::Tests { groups, tests } => test_step(repo, groups, tests),
            };
            for line in &report.lines {
                println!("  {line}");
            }
            failed |= report.failed;
        }
        let result = format!("Result of '{}':", job.name);
        println!("{} {}", on_terminal(CYAN, &result), verdict(failed));
        any |= failed;
    }
    Ok(u8::from(any))
}

/// What is wrong with the result of a saved query.
fn problem(
    repo: &Repository,
    name: &str,
    sql: Option<&str>,
    rows: &str,
    columns: &str,
) -> Result<Option<String>, Failure> {
    let Some(sql) = sql else {
        return Ok(Some(format!("Could not find saved query: {name}")));
    };
    let found = match repo.connection.query(sql) {
        Ok(found) => found,
        Err(e) => return Ok(Some(repo.connection.message(&e))),
    };
    let height = found.rows.len() as i64;
    let width = found.rows.first().map_or(0, Vec::len) as i64;
    let mut wrong = Vec::new();
    for (text, count, what) in [(columns, width, "column"), (rows, height, "row")] {
        if let Some(expected) = Expected::parse(text)? {
            let failure = expected.failure(count, what);
            wrong.extend(failure.map(|f| format!("Assertion failed: {f}")));
        }
    }
    Ok((!wrong.is_empty()).then(|| wrong.join("; ")))
}

fn query_step(
    repo: &Repository,
    name: &str,
    sql: Option<String>,
    rows: &str,
    columns: &str,
) -> Report {
    let wrong = problem(repo, name, sql.as_deref(), rows, columns);
    let wrong = wrong.unwrap_or_else(|f| Some(f.text));
    let mut lines = vec![format!("  - {name} - {}", verdict(wrong.is_some()))];
    if let Some(wrong) = &wrong {
        lines.extend(sql.map(|sql| format!("    - query: {sql}")));
        let parts: Vec<&str> = wrong
            .lines()
            .map(str::trim)
            .filter(|l| !l.is_empty())
            .collect();
        lines.push(format!(
            "    - error: {}",
            on_terminal(RED, &parts.join("; "))
        ));
    }
    Report {
        lines,
        failed: wrong.is_some(),
    }
}

/// Rows of `dolt_test_run`: name, group, query, status, message.
fn test_rows(repo: &Repository, selector: Option<&str>) -> Result<Rows, Failure> {
    let argument = selector.map_or(String::new(), literal);
    repo.query(&format!("SELECT * FROM dolt_test_run({argument})"))
}

/// The results of the tests that are selected: tests of groups where both are named.
fn selected(
    repo: &Repository,
    groups: &[String],
    tests: &[String],
) -> Result<Vec<Vec<String>>, Failure> {
    let texts = |rows: Rows| -> Vec<Vec<String>> {
        let all = rows.rows.into_iter();
        all.map(|r| r.into_iter().map(Option::unwrap_or_default).collect())
            .collect()
    };
    let of_each = |list: &[String]| -> Result<Vec<Vec<String>>, Failure> {
        let mut out = Vec::new();
        for selector in list {
            out.extend(texts(test_rows(repo, Some(selector))?));
        }
        Ok(out)
    };
    let (any_group, any_test) = (
        groups.is_empty() || is_all(groups),
        tests.is_empty() || is_all(tests),
    );
    match (any_group, any_test) {
        (true, true) => Ok(texts(test_rows(repo, None)?)),
        (true, false) => of_each(tests),
        (false, true) => of_each(groups),
        (false, false) => {
            let mut out = Vec::new();
            for group in groups {
                let rows = texts(test_rows(repo, Some(group))?);
                let is_there = |t: &&String| rows.iter().any(|r| r.first() == Some(t));
                if let Some(missing) = tests.iter().find(|t| !is_there(t)) {
                    return Err(Failure::new(format!(
                        "test '{missing}' not found in group '{group}'"
                    )));
                }
                let wanted = rows
                    .into_iter()
                    .filter(|r| r.first().is_some_and(|name| tests.contains(name)));
                out.extend(wanted);
            }
            Ok(out)
        }
    }
}

fn test_step(repo: &Repository, groups: &[String], tests: &[String]) -> Report {
    let rows = match selected(repo, groups, tests) {
        Ok(rows) => rows,
        // Dolt shows nothing but the result of the job.
        Err(_) => {
            return Report {
                lines: Vec::new(),
                failed: true,
            };
        }
    };
    let mut lines = Vec::new();
    let mut any = false;
    for row in &rows {
        let cell = |i: usize| row.get(i).map_or("", String::as_str);
        let failed = !cell(3).eq_ignore_ascii_case("pass");
        any |= failed;
        lines.push(format!(
            "  - test: {} (group: {}) - {}",
            cell(0),
            cell(1),
            verdict(failed)
        ));
        if failed {
            let message = if cell(4).is_empty() {
                "failed"
            } else {
                cell(4)
            };
            lines.push(format!("    - error: {}", on_terminal(RED, message)));
        }
    }
    Report { lines, failed: any }
}
