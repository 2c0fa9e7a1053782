//! Workflows: what their files say, and how they are written again.

use std::fmt::Write;

use yaml_rust2::{Yaml, YamlLoader};

use crate::Failure;

/// A workflow.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Workflow {
    pub name: String,
    /// Branches of the trigger `push`.
    pub push: Option<Vec<String>>,
    pub pull_request: Option<PullRequest>,
    pub dispatch: bool,
    pub jobs: Vec<Job>,
}

/// The trigger `pull_request`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PullRequest {
    pub branches: Vec<String>,
    pub activities: Vec<String>,
}

/// A job of a workflow.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Job {
    pub name: String,
    pub steps: Vec<Step>,
}

/// A step of a job.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    pub name: String,
    pub action: Action,
}

/// What a step does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// Runs a saved query.
    Query {
        query: String,
        /// How many rows it gives, with a comparison; may be empty.
        rows: String,
        /// How many columns.
        columns: String,
    },
    /// Runs tests of `dolt_tests`.
    Tests {
        groups: Vec<String>,
        tests: Vec<String>,
    },
}

/// The activities of pull requests, in the order of their numbers from 2.
pub const ACTIVITIES: &[&str] = &["opened", "closed", "reopened", "synchronized"];

/// The keys of a step.
const STEP_KEYS: &[&str] = &[
    "name",
    "saved_query_name",
    "saved_query_statement",
    "expected_rows",
    "expected_columns",
    "dolt_test_groups",
    "dolt_test_tests",
    "dolt_test_statements",
];

fn invalid(text: impl std::fmt::Display) -> Failure {
    Failure::new(format!("invalid config: {text}"))
}

/// The text of a scalar.
fn scalar(value: &Yaml) -> Result<String, Failure> {
    Ok(match value {
        Yaml::String(s) | Yaml::Real(s) => s.clone(),
        Yaml::Integer(n) => n.to_string(),
        Yaml::Boolean(b) => b.to_string(),
        Yaml::Null => String::new(),
        _ => return Err(invalid("a value was expected")),
    })
}

fn scalars(value: &Yaml) -> Result<Vec<String>, Failure> {
    match value {
        Yaml::Null | Yaml::BadValue => Ok(Vec::new()),
        Yaml::Array(list) => list.iter().map(scalar).collect(),
        _ => Err(invalid("a list was expected")),
    }
}

/// The entries of a mapping, of which all must be known.
fn entries<'y>(
    value: &'y Yaml,
    known: &[&str],
    what: &str,
) -> Result<Vec<(String, &'y Yaml)>, Failure> {
    match value {
        Yaml::Null => Ok(Vec::new()),
        Yaml::Hash(map) => map
            .iter()
            .map(|(key, value)| {
                let key = scalar(key)?;
                match known.contains(&key.as_str()) {
                    true => Ok((key, value)),
                    false => Err(invalid(format!("unknown field {key:?} in {what}"))),
                }
            })
            .collect(),
        _ => Err(invalid(format!("{what} must be a mapping"))),
    }
}

/// One wildcard stands for all there is.
fn selection(list: Vec<String>) -> Vec<String> {
    match list.iter().any(|s| s.trim() == "*") {
        true => vec!["*".to_string()],
        false => list,
    }
}

fn step(value: &Yaml) -> Result<Step, Failure> {
    let Yaml::Hash(map) = value else {
        return Err(Failure::new("each step must be a YAML mapping"));
    };
    let mut fields = Vec::new();
    for (key, value) in map {
        fields.push((scalar(key)?, value));
    }
    let find = |key: &str| fields.iter().find(|(k, _)| k.eq_ignore_ascii_case(key));
    let name = find("name").map_or(Ok(String::new()), |(_, v)| scalar(v))?;
    let named = |text: &str| match name.is_empty() {
        true => text.to_string(),
        false => format!("{text} '{name}'"),
    };
    let is_query = STEP_KEYS[1..5].iter().any(|k| find(k).is_some());
    let is_test = STEP_KEYS[5..7].iter().any(|k| find(k).is_some());
    if is_query && is_test {
        return Err(invalid(format!(
            "{} defines both saved_query_* fields and dolt_test_* fields",
            named("step")
        )));
    }
    let is_known = |k: &str| STEP_KEYS.iter().any(|known| known.eq_ignore_ascii_case(k));
    if let Some((key, _)) = fields.iter().find(|(k, _)| !is_known(k)) {
        return Err(match name.is_empty() {
            true => invalid(format!("unknown field {key:?}")),
            false => invalid(format!("unknown field {key:?} in step {name:?}")),
        });
    }
    let text = |key: &str| find(key).map_or(Ok(String::new()), |(_, v)| scalar(v));
    let list = |key: &str| find(key).map_or(Ok(Vec::new()), |(_, v)| scalars(v));
    let action = match (is_query, is_test) {
        (true, _) => Action::Query {
            query: text("saved_query_name")?,
            rows: text("expected_rows")?,
            columns: text("expected_columns")?,
        },
        (_, true) => Action::Tests {
            groups: selection(list("dolt_test_groups")?),
            tests: selection(list("dolt_test_tests")?),
        },
        _ => {
            return Err(Failure::new(
                "unknown step type; keys must include saved_query_* or dolt_test_*",
            ));
        }
    };
    Ok(Step { name, action })
}

fn job(value: &Yaml) -> Result<Job, Failure> {
    let mut out = Job::default();
    for (key, value) in entries(value, &["name", "steps"], "a job")? {
        match (key.as_str(), value) {
            ("name", value) => out.name = scalar(value)?,
            (_, Yaml::Array(list)) => {
                out.steps = list.iter().map(step).collect::<Result<_, _>>()?;
            }
            _ => return Err(Failure::new("steps must be a YAML sequence")),
        }
    }
    Ok(out)
}

impl Workflow {
    /// Reads a file and checks what it says.
    pub fn parse(text: &str) -> Result<Workflow, Failure> {
        let documents =
            YamlLoader::load_from_str(text).map_err(|e| Failure::new(format!("yaml: {e}")))?;
        let document = documents.first().ok_or_else(|| Failure::new("EOF"))?;
        let mut out = Workflow::default();
        for (key, value) in entries(document, &["name", "on", "jobs"], "the workflow")? {
            match key.as_str() {
                "name" => out.name = scalar(value)?,
                "on" => out.triggers(value)?,
                _ => {
                    let Yaml::Array(list) = value else {
                        return Err(invalid("jobs must be a list"));
                    };
                    out.jobs = list.iter().map(job).collect::<Result<_, _>>()?;
                }
            }
        }
        out.check()?;
        Ok(out)
    }

    fn triggers(&mut self, value: &Yaml) -> Result<(), Failure> {
        const KNOWN: &[&str] = &["push", "pull_request", "workflow_dispatch"];
        for (key, value) in entries(value, KNOWN, "on")? {
            match (key.as_str(), value) {
                // A trigger without a value is none.
                (_, Yaml::Null) => {}
                ("push", value) => {
                    let mut branches = Vec::new();
                    for (_, list) in entries(value, &["branches"], "push")? {
                        branches = scalars(list)?;
                    }
                    self.push = Some(branches);
                }
                ("pull_request", value) => {
                    let mut request = PullRequest::default();
                    for (key, list) in entries(value, &["branches", "activities"], "pull_request")?
                    {
                        match key.as_str() {
                            "branches" => request.branches = scalars(list)?,
                            _ => request.activities = scalars(list)?,
                        }
                    }
                    self.pull_request = Some(request);
                }
                _ => self.dispatch = true,
            }
        }
        Ok(())
    }

    fn check(&self) -> Result<(), Failure> {
        if self.push.is_none() && self.pull_request.is_none() && !self.dispatch {
            return Err(invalid("no event triggers defined for workflow"));
        }
        let twice = |list: &[String]| {
            let mut seen = std::collections::HashSet::new();
            list.iter().find(|one| !seen.insert(*one)).cloned()
        };
        let branches = |list: &[String], what: &str| match twice(list) {
            Some(branch) => Err(invalid(format!("on {what} branch duplicated: {branch}"))),
            None => match list.iter().find(|b| !model::ref_name::is_valid_branch(b)) {
                Some(bad) => Err(Failure::new(format!("invalid branch name: {bad}"))),
                None => Ok(()),
            },
        };
        branches(self.push.as_deref().unwrap_or(&[]), "push")?;
        if let Some(request) = &self.pull_request {
            branches(&request.branches, "pull request")?;
            let is_known = |a: &&String| ACTIVITIES.contains(&a.to_lowercase().as_str());
            if let Some(bad) = request.activities.iter().find(|a| !is_known(a)) {
                return Err(invalid(format!("unknown activity type: {bad}")));
            }
            if let Some(activity) = twice(&request.activities) {
                return Err(invalid(format!(
                    "on pull request activities duplicated: {activity}"
                )));
            }
        }
        if self.jobs.is_empty() {
            return Err(invalid(format!(
                "no jobs defined for workflow: {}",
                self.name
            )));
        }
        let names: Vec<String> = self.jobs.iter().map(|j| j.name.clone()).collect();
        if let Some(job) = twice(&names) {
            return Err(invalid(format!("job duplicated: {job}")));
        }
        let mut steps = std::collections::HashSet::new();
        for job in &self.jobs {
            if job.steps.is_empty() {
                return Err(invalid(format!("no steps defined for job: {}", job.name)));
            }
            for step in &job.steps {
                let name = &step.name;
                if name.is_empty() {
                    return Err(invalid(format!(
                        "step name is missing in job: {}",
                        job.name
                    )));
                }
                if !steps.insert(name) {
                    return Err(invalid(format!("step duplicated: {name}")));
                }
                step.action.check(name)?;
            }
        }
        Ok(())
    }

    /// As the file of a workflow, or only one of its jobs. `statement` gives the saved queries.
    pub fn to_yaml(&self, statement: &dyn Fn(&str) -> Option<String>, previews: bool) -> String {
        let mut out = format!("name: {}\n\"on\":\n", quoted(&self.name));
        if let Some(branches) = &self.push {
            out += "    push:\n";
            list(&mut out, 8, "branches", branches);
        }
        if let Some(request) = &self.pull_request {
            out += "    pull_request:\n";
            list(&mut out, 8, "branches", &request.branches);
            list(&mut out, 8, "activities", &request.activities);
        }
        if self.dispatch {
            out += "    workflow_dispatch: {}\n";
        }
        out += "jobs:\n";
        for job in &self.jobs {
            let _ = writeln!(out, "    - name: {}\n      steps:", quoted(&job.name));
            for step in &job.steps {
                step.to_yaml(&mut out, 8, statement, previews);
            }
        }
        out
    }
}

impl Job {
    /// As a file.
    pub fn to_yaml(&self, statement: &dyn Fn(&str) -> Option<String>) -> String {
        let mut out = format!("name: {}\nsteps:\n", quoted(&self.name));
        for step in &self.steps {
            step.to_yaml(&mut out, 4, statement, true);
        }
        out
    }
}

impl Step {
    fn to_yaml(
        &self,
        out: &mut String,
        indent: usize,
        statement: &dyn Fn(&str) -> Option<String>,
        previews: bool,
    ) {
        let pad = " ".repeat(indent);
        let mut line = |text: String| {
            let _ = writeln!(out, "{pad}{text}");
        };
        line(format!("- name: {}", quoted(&self.name)));
        match &self.action {
            Action::Query {
                query,
                rows,
                columns,
            } => {
                line(format!("  saved_query_name: {}", quoted(query)));
                let text = statement(query).map_or("null".to_string(), |s| quoted(&s));
                line(format!("  saved_query_statement: {text}"));
                for (key, value) in [("expected_columns", columns), ("expected_rows", rows)] {
                    if !value.is_empty() {
                        line(format!("  {key}: {}", quoted(value)));
                    }
                }
            }
            Action::Tests { groups, tests } => {
                let statements: Vec<String> = match previews {
                    true => selectors(groups, tests)
                        .iter()
                        .map(|s| {
                            format!("SELECT * FROM dolt_test_run('{}')", s.replace('\'', "''"))
                        })
                        .collect(),
                    false => Vec::new(),
                };
                for (key, values) in [
                    ("dolt_test_groups", groups),
                    ("dolt_test_tests", tests),
                    ("dolt_test_statements", &statements),
                ] {
                    if !values.is_empty() {
                        list(out, indent + 2, key, values);
                    }
                }
            }
        }
    }
}

/// Whether a selection is that of all.
pub fn is_all(list: &[String]) -> bool {
    matches!(list, [one] if one.trim() == "*")
}

/// What `dolt_test_run` is asked for.
fn selectors(groups: &[String], tests: &[String]) -> Vec<String> {
    let all = || vec!["*".to_string()];
    match (groups.is_empty(), tests.is_empty()) {
        (true, true) => all(),
        (true, false) => tests.to_vec(),
        (false, true) => groups.to_vec(),
        (false, false) => match (is_all(groups), is_all(tests)) {
            (true, true) => all(),
            (false, true) => groups.to_vec(),
            (true, false) => tests.to_vec(),
            (false, false) => [tests, groups].concat(),
        },
    }
}

fn list(out: &mut String, indent: usize, key: &str, values: &[String]) {
    let pad = " ".repeat(indent);
    if values.is_empty() {
        let _ = writeln!(out, "{pad}{key}: []");
        return;
    }
    let _ = writeln!(out, "{pad}{key}:");
    // Mappings in lists are indented by two more, those of the triggers by four.
    let deeper = if indent == 8 { 4 } else { 2 };
    for value in values {
        let _ = writeln!(out, "{pad}{}- {}", " ".repeat(deeper), quoted(value));
    }
}

/// A text in double quotes.
fn quoted(text: &str) -> String {
    let mut out = String::from("\"");
    for c in text.chars() {
        match c {
            '"' => out += "\\\"",
            '\\' => out += "\\\\",
            '\n' => out += "\\n",
            '\t' => out += "\\t",
            '\r' => out += "\\r",
            c => out.push(c),
        }
    }
    out + "\""
}

impl Action {
    fn check(&self, step: &str) -> Result<(), Failure> {
        match self {
            Action::Query { query, .. } if query.is_empty() => {
                Err(invalid(format!("step {step} is missing saved_query_name")))
            }
            Action::Tests { groups, tests } if groups.is_empty() && tests.is_empty() => {
                Err(invalid(format!(
                    "dolt test step {step} requires at least one group or test"
                )))
            }
            Action::Tests { groups, tests } if is_all(groups) && is_all(tests) => {
                Err(invalid(format!(
                    "dolt test step {step} specifies wildcard for both dolt_test_groups and dolt_test_tests; specify a wildcard in only one field"
                )))
            }
            _ => Ok(()),
        }
    }
}

/// How a count is compared with what was expected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Expected {
    /// A place in [`COMPARISONS`], from 1.
    pub comparison: i64,
    /// The count.
    pub count: i64,
}

/// Comparisons, in the order of their numbers from 1, with their words.
pub const COMPARISONS: &[(&str, &str)] = &[
    ("==", ""),
    ("!=", "not "),
    ("<", "less than "),
    (">", "greater than "),
    ("<=", "less than or equal to "),
    (">=", "greater than or equal to "),
];

impl Expected {
    /// Reads `== 3` or `3`; none where nothing is expected.
    pub fn parse(text: &str) -> Result<Option<Expected>, Failure> {
        let words: Vec<&str> = text.split_whitespace().collect();
        let (sign, count) = match words.as_slice() {
            [] => return Ok(None),
            [count] => ("==", count),
            [sign, count] => (*sign, count),
            _ => {
                return Err(Failure::new(format!(
                    "unable to parse comparison string: {text}"
                )));
            }
        };
        let place = COMPARISONS.iter().position(|(s, _)| *s == sign);
        let place = place.ok_or_else(|| Failure::new("unknown comparison type"))?;
        let count = count
            .parse()
            .map_err(|_| Failure::new(format!("unable to parse comparison string: {text}")))?;
        Ok(Some(Expected {
            comparison: place as i64 + 1,
            count,
        }))
    }

    /// What is wrong with a count, if anything is.
    pub fn failure(&self, found: i64, what: &str) -> Option<String> {
        let (sign, words) = *usize::try_from(self.comparison - 1)
            .ok()
            .and_then(|i| COMPARISONS.get(i))?;
        let holds = match sign {
            "==" => found == self.count,
            "!=" => found != self.count,
            "<" => found < self.count,
            ">" => found > self.count,
            "<=" => found <= self.count,
            _ => found >= self.count,
        };
        (!holds).then(|| format!("expected {what} count {words}{}, got {found}", self.count))
    }

    /// As [`Expected::parse`] reads it.
    pub fn text(comparison: i64, count: i64) -> String {
        let place = usize::try_from(comparison - 1).ok();
        match place.and_then(|i| COMPARISONS.get(i)) {
            Some((sign, _)) => format!("{sign} {count}"),
            None => String::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &str = r#"name: wf
on:
  push: {}
  pull_request:
    branches: [main]
    activities: [opened]
jobs:
  - name: j1
    steps:
      - name: s1
        saved_query_name: q
        expected_rows: "== 2"
      - name: s2
        dolt_test_groups: [g, "*"]
"#;

    #[test]
    fn files_are_read_and_written() {
        let workflow = Workflow::parse(FILE).unwrap_or_else(|e| panic!("{}", e.text));
        let written = workflow.to_yaml(&|_| None, false);
        assert!(written.contains("    push:\n        branches: []\n"));
        assert!(written.contains(
            "        - name: \"s2\"\n          dolt_test_groups:\n            - \"*\"\n"
        ));
        assert_eq!(Workflow::parse(&written).ok(), Some(workflow.clone()));
        let shown = workflow.jobs[0].to_yaml(&|q| Some(format!("select '{q}'")));
        assert!(shown.contains("saved_query_statement: \"select 'q'\""));
        assert!(shown.contains("- \"SELECT * FROM dolt_test_run('*')\""));
    }

    #[test]
    fn wrong_files_are_refused() {
        let wrong = |from: &str, to: &str| {
            let text = FILE.replace(from, to);
            Workflow::parse(&text)
                .err()
                .map_or(String::new(), |f| f.text)
        };
        assert!(wrong("main", "..x").contains("invalid branch name: ..x"));
        assert!(
            wrong("expected_rows", "expected_row")
                .contains("unknown field \"expected_row\" in step \"s1\"")
        );
        assert!(wrong("name: s2", "name: s1").contains("step duplicated"));
        assert!(wrong("opened", "shut").contains("unknown activity"));
        assert!(wrong("jobs:", "job:").contains("unknown field"));
    }

    #[test]
    fn counts_are_compared() {
        let fails = |text: &str, n| {
            let expected = match Expected::parse(text) {
                Ok(Some(expected)) => expected,
                _ => panic!("no comparison: {text}"),
            };
            assert_eq!(Expected::text(expected.comparison, expected.count), text);
            expected.failure(n, "row")
        };
        assert_eq!(fails("== 2", 2), None);
        assert_eq!(
            fails("< 5", 8).as_deref(),
            Some("expected row count less than 5, got 8")
        );
        assert!(Expected::parse("about 3").is_err());
        assert_eq!(Expected::parse("").ok(), Some(None));
    }
}
