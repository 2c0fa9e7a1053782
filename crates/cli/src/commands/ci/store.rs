//! Workflows in the tables `dolt_ci_*` of a database.

use super::workflow::{ACTIVITIES, Action, Expected, Job, PullRequest, Step, Workflow};
use crate::Failure;
use crate::repository::{Repository, Rows, literal};

/// The tables, each behind those that it refers to, with their definitions.
const TABLES: &[(&str, &str)] = &[
    (
        "dolt_ci_workflows",
        "name varchar(2048) collate utf8mb4_0900_ai_ci primary key, created_at datetime(6) not null, updated_at datetime(6) not null",
    ),
    (
        "dolt_ci_workflow_events",
        "id varchar(36) primary key, event_type int not null, workflow_name_fk varchar(2048) collate utf8mb4_0900_ai_ci not null, foreign key (workflow_name_fk) references dolt_ci_workflows (name) on delete cascade",
    ),
    (
        "dolt_ci_workflow_event_triggers",
        "id varchar(36) primary key, event_trigger_type int not null, workflow_event_id_fk varchar(36) not null, foreign key (workflow_event_id_fk) references dolt_ci_workflow_events (id) on delete cascade",
    ),
    (
        "dolt_ci_workflow_event_trigger_branches",
        "id varchar(36) primary key, branch varchar(1024) collate utf8mb4_0900_ai_ci not null, workflow_event_triggers_id_fk varchar(36) not null, foreign key (workflow_event_triggers_id_fk) references dolt_ci_workflow_event_triggers (id) on delete cascade",
    ),
    (
        "dolt_ci_workflow_jobs",
        "id varchar(36) primary key, name varchar(1024) collate utf8mb4_0900_ai_ci not null, created_at datetime(6) not null, updated_at datetime(6) not null, workflow_name_fk varchar(2048) collate utf8mb4_0900_ai_ci not null, foreign key (workflow_name_fk) references dolt_ci_workflows (name) on delete cascade",
    ),
    (
        "dolt_ci_workflow_steps",
        "id varchar(36) primary key, name varchar(1024) collate utf8mb4_0900_ai_ci not null, step_order int not null, step_type int not null, created_at datetime(6) not null, updated_at datetime(6) not null, workflow_job_id_fk varchar(36) not null, foreign key (workflow_job_id_fk) references dolt_ci_workflow_jobs (id) on delete cascade",
    ),
    (
        "dolt_ci_workflow_saved_query_steps",
        "id varchar(36) primary key, saved_query_name varchar(2048) collate utf8mb4_0900_ai_ci not null, expected_results_type int not null, workflow_step_id_fk varchar(36) not null, foreign key (workflow_step_id_fk) references dolt_ci_workflow_steps (id) on delete cascade",
    ),
    (
        "dolt_ci_workflow_saved_query_step_expected_row_column_results",
        "id varchar(36) primary key, expected_column_count_comparison_type int not null, expected_row_count_comparison_type int not null, expected_column_count bigint not null, expected_row_count bigint not null, created_at datetime(6) not null, updated_at datetime(6) not null, workflow_saved_query_step_id_fk varchar(36) not null, foreign key (workflow_saved_query_step_id_fk) references dolt_ci_workflow_saved_query_steps (id) on delete cascade",
    ),
    (
        "dolt_ci_workflow_dolt_test_steps",
        "id varchar(36) primary key, workflow_step_id_fk varchar(36) not null, foreign key (workflow_step_id_fk) references dolt_ci_workflow_steps (id) on delete cascade",
    ),
    (
        "dolt_ci_workflow_dolt_test_step_groups",
        "id varchar(36) primary key, group_name varchar(2048) collate utf8mb4_0900_ai_ci not null, workflow_dolt_test_step_id_fk varchar(36) not null, foreign key (workflow_dolt_test_step_id_fk) references dolt_ci_workflow_dolt_test_steps (id) on delete cascade",
    ),
    (
        "dolt_ci_workflow_dolt_test_step_tests",
        "id varchar(36) primary key, test_name varchar(2048) collate utf8mb4_0900_ai_ci not null, workflow_dolt_test_step_id_fk varchar(36) not null, foreign key (workflow_dolt_test_step_id_fk) references dolt_ci_workflow_dolt_test_steps (id) on delete cascade",
    ),
];

const PUSH: i64 = 1;
const PULL_REQUEST: i64 = 2;
const DISPATCH: i64 = 3;
const BRANCHES: i64 = 1;
/// The number of the first activity.
const OPENED: i64 = 2;
const SAVED_QUERY: i64 = 1;
const DOLT_TEST: i64 = 2;

/// Whether the database has the tables.
pub fn is_initialized(repo: &Repository) -> Result<bool, Failure> {
    let tables = repo.tables_of(&repo.live_root(false)?)?;
    let there = tables.table_names();
    let found = TABLES
        .iter()
        .filter(|(name, _)| there.iter().any(|t| t == name))
        .count();
    match found {
        0 => Ok(false),
        n if n == TABLES.len() => Ok(true),
        _ => Err(Failure::new(
            "found some but not all of required dolt ci tables",
        )),
    }
}

/// Commits the tables, and nothing else.
fn commit(repo: &Repository, message: &str) -> Result<(), Failure> {
    // Children before parents, as parents may be gone.
    for (table, _) in TABLES.iter().rev() {
        repo.call("DOLT_ADD", &[table])?;
    }
    let (name, email) = repo.identity.clone().ok_or_else(|| {
        Failure::new("Could not determine name and email. Please set user.name and user.email")
    })?;
    let author = format!("{name} <{email}>");
    repo.call("DOLT_COMMIT", &["-m", message, "--author", &author])?;
    Ok(())
}

/// Makes the tables.
pub fn create(repo: &Repository) -> Result<(), Failure> {
    repo.query("SET @@dolt_allow_ci_creation = 1")?;
    for (table, columns) in TABLES {
        repo.query(&format!("CREATE TABLE {table} ({columns})"))?;
    }
    repo.query("SET @@dolt_allow_ci_creation = 0")?;
    commit(repo, "Successfully initialized Dolt CI")
}

/// Drops the tables.
pub fn destroy(repo: &Repository) -> Result<(), Failure> {
    repo.query("SET foreign_key_checks = 0")?;
    for (table, _) in TABLES {
        repo.query(&format!("DROP TABLE IF EXISTS {table}"))?;
    }
    repo.query("SET foreign_key_checks = 1")?;
    commit(repo, "Successfully destroyed Dolt CI")
}

/// Names of the workflows.
pub fn names(repo: &Repository) -> Result<Vec<String>, Failure> {
    let rows = repo.query("SELECT name FROM dolt_ci_workflows ORDER BY name")?;
    Ok((0..rows.rows.len())
        .map(|i| rows.text(i, 0).to_string())
        .collect())
}

/// The first columns of the rows of a table whose column refers to something, in an order.
fn referring(
    repo: &Repository,
    columns: &str,
    table: &str,
    key: &str,
    value: &str,
    order: &str,
) -> Result<Rows, Failure> {
    repo.query(&format!(
        "SELECT {columns} FROM dolt_ci_workflow_{table} WHERE {key} = {} ORDER BY {order}",
        literal(value)
    ))
}

fn column(rows: &Rows, at: usize) -> Vec<String> {
    let all = 0..rows.rows.len();
    all.map(|i| rows.text(i, at).to_string()).collect()
}

fn number(rows: &Rows, row: usize, at: usize) -> i64 {
    rows.text(row, at).parse().unwrap_or(0)
}

/// The workflow of a name.
pub fn load(repo: &Repository, name: &str) -> Result<Option<Workflow>, Failure> {
    let found = repo.query(&format!(
        "SELECT name FROM dolt_ci_workflows WHERE name = {}",
        literal(name)
    ))?;
    if found.rows.is_empty() {
        return Ok(None);
    }
    let mut out = Workflow {
        name: found.text(0, 0).to_string(),
        ..Workflow::default()
    };
    let events = referring(
        repo,
        "id, event_type",
        "events",
        "workflow_name_fk",
        name,
        "2",
    )?;
    for i in 0..events.rows.len() {
        let (branches, activities) = triggers(repo, events.text(i, 0))?;
        match number(&events, i, 1) {
            PUSH => out.push = Some(branches),
            PULL_REQUEST => {
                out.pull_request = Some(PullRequest {
                    branches,
                    activities,
                });
            }
            _ => out.dispatch = true,
        }
    }
    let key = "workflow_name_fk";
    let jobs = referring(repo, "id, name", "jobs", key, name, "created_at, id")?;
    for i in 0..jobs.rows.len() {
        let key = "workflow_job_id_fk";
        let columns = "id, name, step_type";
        let order = "step_order, id";
        let steps = referring(repo, columns, "steps", key, jobs.text(i, 0), order)?;
        let mut list = Vec::new();
        for n in 0..steps.rows.len() {
            list.push(Step {
                name: steps.text(n, 1).to_string(),
                action: match number(&steps, n, 2) {
                    SAVED_QUERY => query_step(repo, steps.text(n, 0))?,
                    _ => test_step(repo, steps.text(n, 0))?,
                },
            });
        }
        out.jobs.push(Job {
            name: jobs.text(i, 1).to_string(),
            steps: list,
        });
    }
    Ok(Some(out))
}

/// Branches and activities of an event.
fn triggers(repo: &Repository, event: &str) -> Result<(Vec<String>, Vec<String>), Failure> {
    let (columns, key) = ("id, event_trigger_type", "workflow_event_id_fk");
    let rows = referring(repo, columns, "event_triggers", key, event, "2")?;
    let (mut branches, mut activities) = (Vec::new(), Vec::new());
    for i in 0..rows.rows.len() {
        match number(&rows, i, 1) {
            BRANCHES => {
                let key = "workflow_event_triggers_id_fk";
                let table = "event_trigger_branches";
                let found = referring(repo, "branch", table, key, rows.text(i, 0), "1")?;
                branches.extend(column(&found, 0));
            }
            kind => {
                let place = usize::try_from(kind - OPENED).ok();
                let activity = place.and_then(|i| ACTIVITIES.get(i));
                activities.extend(activity.map(|a| (*a).to_string()));
            }
        }
    }
    Ok((branches, activities))
}

fn query_step(repo: &Repository, step: &str) -> Result<Action, Failure> {
    let (columns, key) = ("id, saved_query_name", "workflow_step_id_fk");
    let found = referring(repo, columns, "saved_query_steps", key, step, "1")?;
    let columns = "expected_row_count_comparison_type, expected_row_count, expected_column_count_comparison_type, expected_column_count";
    let table = "saved_query_step_expected_row_column_results";
    let key = "workflow_saved_query_step_id_fk";
    let results = referring(repo, columns, table, key, found.text(0, 0), "1")?;
    let expected = |at| Expected::text(number(&results, 0, at), number(&results, 0, at + 1));
    Ok(Action::Query {
        query: found.text(0, 1).to_string(),
        rows: expected(0),
        columns: expected(2),
    })
}

fn test_step(repo: &Repository, step: &str) -> Result<Action, Failure> {
    let found = referring(
        repo,
        "id",
        "dolt_test_steps",
        "workflow_step_id_fk",
        step,
        "1",
    )?;
    let key = "workflow_dolt_test_step_id_fk";
    let list = |name: &str, table: &str| -> Result<Vec<String>, Failure> {
        let rows = referring(repo, name, table, key, found.text(0, 0), "1")?;
        Ok(column(&rows, 0))
    };
    Ok(Action::Tests {
        groups: list("group_name", "dolt_test_step_groups")?,
        tests: list("test_name", "dolt_test_step_tests")?,
    })
}

/// What is kept of a workflow: the same for files that say the same.
fn kept(workflow: &Workflow) -> Workflow {
    let mut out = workflow.clone();
    let lists = out.push.iter_mut().chain(
        out.pull_request
            .iter_mut()
            .flat_map(|r| [&mut r.branches, &mut r.activities]),
    );
    lists.for_each(|l| l.sort());
    for step in out.jobs.iter_mut().flat_map(|j| &mut j.steps) {
        match &mut step.action {
            Action::Query { rows, columns, .. } => {
                for text in [rows, columns] {
                    if let Ok(Some(e)) = Expected::parse(text) {
                        *text = Expected::text(e.comparison, e.count);
                    }
                }
            }
            Action::Tests { groups, tests } => {
                groups.sort();
                tests.sort();
            }
        }
    }
    out
}

/// Adds a row with an id of its own, which is given back.
fn insert(repo: &Repository, table: &str, values: &[String]) -> Result<String, Failure> {
    let id = repo.query("SELECT uuid()")?.text(0, 0).to_string();
    let mut all = vec![literal(&id)];
    all.extend_from_slice(values);
    repo.query(&format!(
        "INSERT INTO dolt_ci_workflow_{table} VALUES ({})",
        all.join(", ")
    ))?;
    Ok(id)
}

/// Stores a workflow and commits it; false if it is stored already.
pub fn store(repo: &Repository, workflow: &Workflow) -> Result<bool, Failure> {
    let name = literal(&workflow.name);
    let before = load(repo, &workflow.name)?;
    if before.as_ref().map(kept) == Some(kept(workflow)) {
        return Ok(false);
    }
    repo.query("START TRANSACTION")?;
    match before {
        Some(_) => {
            for table in ["events", "jobs"] {
                repo.query(&format!(
                    "DELETE FROM dolt_ci_workflow_{table} WHERE workflow_name_fk = {name}"
                ))?;
            }
            let sql = "UPDATE dolt_ci_workflows SET updated_at = now(6) WHERE name = ";
            repo.query(&format!("{sql}{name}"))?;
        }
        None => {
            let sql = format!("INSERT INTO dolt_ci_workflows VALUES ({name}, now(6), now(6))");
            repo.query(&sql)?;
        }
    }
    if let Some(branches) = &workflow.push {
        let event = insert(repo, "events", &[PUSH.to_string(), name.clone()])?;
        store_triggers(repo, &event, branches, &[])?;
    }
    if let Some(request) = &workflow.pull_request {
        let event = insert(repo, "events", &[PULL_REQUEST.to_string(), name.clone()])?;
        store_triggers(repo, &event, &request.branches, &request.activities)?;
    }
    if workflow.dispatch {
        insert(repo, "events", &[DISPATCH.to_string(), name.clone()])?;
    }
    for (i, job) in workflow.jobs.iter().enumerate() {
        // Jobs are told apart by the time at which they were made.
        let at = format!("now(6) + interval {i} microsecond");
        let values = [literal(&job.name), at.clone(), at, name.clone()];
        let id = insert(repo, "jobs", &values)?;
        for (order, step) in job.steps.iter().enumerate() {
            store_step(repo, &id, order, step)?;
        }
    }
    let message = format!("Successfully stored workflow: {}", workflow.name);
    commit(repo, &message)?;
    Ok(true)
}

fn store_triggers(
    repo: &Repository,
    event: &str,
    branches: &[String],
    activities: &[String],
) -> Result<(), Failure> {
    if !branches.is_empty() {
        let values = [BRANCHES.to_string(), literal(event)];
        let trigger = insert(repo, "event_triggers", &values)?;
        for branch in branches {
            let values = [literal(branch), literal(&trigger)];
            insert(repo, "event_trigger_branches", &values)?;
        }
    }
    for activity in activities {
        let lower = activity.to_lowercase();
        if let Some(place) = ACTIVITIES.iter().position(|a| *a == lower) {
            let values = [(OPENED + place as i64).to_string(), literal(event)];
            insert(repo, "event_triggers", &values)?;
        }
    }
    Ok(())
}

fn store_step(repo: &Repository, job: &str, order: usize, step: &Step) -> Result<(), Failure> {
    let now = || "now(6)".to_string();
    let kind = match step.action {
        Action::Query { .. } => SAVED_QUERY,
        Action::Tests { .. } => DOLT_TEST,
    };
    let values = [
        literal(&step.name),
        (order + 1).to_string(),
        kind.to_string(),
        now(),
        now(),
        literal(job),
    ];
    let id = insert(repo, "steps", &values)?;
    match &step.action {
        Action::Query {
            query,
            rows,
            columns,
        } => {
            let (rows, columns) = (Expected::parse(rows)?, Expected::parse(columns)?);
            let counts = i64::from(rows.is_some() || columns.is_some());
            let values = [literal(query), counts.to_string(), literal(&id)];
            let id = insert(repo, "saved_query_steps", &values)?;
            if counts == 1 {
                let comparison = |e: Option<Expected>| e.map_or(0, |e| e.comparison).to_string();
                let count = |e: Option<Expected>| e.map_or(0, |e| e.count).to_string();
                let values = [
                    comparison(columns),
                    comparison(rows),
                    count(columns),
                    count(rows),
                    now(),
                    now(),
                    literal(&id),
                ];
                insert(
                    repo,
                    "saved_query_step_expected_row_column_results",
                    &values,
                )?;
            }
        }
        Action::Tests { groups, tests } => {
            let id = insert(repo, "dolt_test_steps", &[literal(&id)])?;
            for group in groups {
                let values = [literal(group), literal(&id)];
                insert(repo, "dolt_test_step_groups", &values)?;
            }
            for test in tests {
                let values = [literal(test), literal(&id)];
                insert(repo, "dolt_test_step_tests", &values)?;
            }
        }
    }
    Ok(())
}

/// Removes a workflow and commits that.
pub fn remove(repo: &Repository, name: &str) -> Result<(), Failure> {
    repo.query(&format!(
        "DELETE FROM dolt_ci_workflows WHERE name = {}",
        literal(name)
    ))?;
    commit(repo, &format!("Successfully removed workflow: {name}"))
}
