//! Merges that Dolt made, made again: every root must have the same address.

#![allow(clippy::unwrap_used)]

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::process::Command;

use bytes::Bytes;
use chunks::{Chunk, Hash};
use model::{Check, Commit, CommitId, Objects, Root, RootId, Schema};
use serde_json::Value as Json;
use values::{OwnedValue, Value};
use versioning::{MergeOptions, RowLogic, common_ancestor, merge_roots};

fn golden() -> Option<PathBuf> {
    let shared = std::env::var_os("DOLT_RS_SHARED")
        .map(PathBuf::from)
        .unwrap_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared"));
    let golden = shared.join("golden");
    if golden.is_dir() {
        return Some(golden);
    }
    println!("skipped: no golden data in {}", golden.display());
    None
}

fn base64(text: &str) -> Vec<u8> {
    const DIGITS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let (mut out, mut bits, mut n) = (Vec::new(), 0u32, 0);
    for c in text.bytes().filter(|c| *c != b'=') {
        let digit = DIGITS.iter().position(|d| *d == c).unwrap();
        bits = bits << 6 | digit as u32;
        n += 6;
        if n >= 8 {
            n -= 8;
            out.push((bits >> n) as u8);
        }
    }
    out
}

fn load(case: &Path) -> (Objects, Json) {
    let text = Command::new("gzip")
        .arg("-dc")
        .arg(case.join("chunks.jsonl.gz"))
        .output()
        .unwrap();
    let objects = Objects::in_memory();
    for line in text.stdout.split(|b| *b == b'\n').filter(|l| !l.is_empty()) {
        let line: Json = serde_json::from_slice(line).unwrap();
        let chunk = Chunk::new(Bytes::from(base64(line["data"].as_str().unwrap())));
        objects.nodes().chunks().put(chunk).unwrap();
    }
    let expected = std::fs::read(case.join("expected.json")).unwrap();
    (objects, serde_json::from_slice(&expected).unwrap())
}

/// Knows the few expressions that the cases use.
struct CaseLogic;

impl RowLogic for CaseLogic {
    fn column_value(
        &self,
        table: &str,
        schema: &Schema,
        column: usize,
        row: &[OwnedValue],
    ) -> versioning::Result<OwnedValue> {
        let text = schema.columns[column].expression.replace(['`', ' '], "");
        let find = |name: &str| row[schema.column_index(name).unwrap()].clone();
        let int = |v: OwnedValue| match v {
            Value::Int(n) => Some(n),
            _ => None,
        };
        let trimmed = text.trim_matches(['(', ')']);
        if let Some((a, b)) = trimmed.split_once('*')
            && let Ok(n) = b.parse::<i64>()
        {
            return Ok(int(find(a)).map_or(Value::Null, |v| Value::Int(v * n)));
        }
        if let Some((a, b)) = trimmed.split_once('+') {
            let value = |t: &str| t.parse::<i64>().ok().or_else(|| int(find(t)));
            return Ok(match (value(a), value(b)) {
                (Some(x), Some(y)) => Value::Int(x + y),
                _ => Value::Null,
            });
        }
        versioning::NoLogic.column_value(table, schema, column, row)
    }

    fn check_holds(
        &self,
        _: &str,
        schema: &Schema,
        check: &Check,
        row: &[OwnedValue],
    ) -> versioning::Result<bool> {
        let text = check.expression.replace(['`', ' ', '(', ')'], "");
        let term = |t: &str| -> Option<i64> {
            let found = t.parse().ok();
            found.or_else(|| match &row[schema.column_index(t).expect(t)] {
                Value::Int(n) => Some(*n),
                _ => None,
            })
        };
        let value = |t: &str| -> Option<i64> { t.split('+').map(term).sum() };
        for op in ["<=", ">=", "<>", "!=", "<", ">", "="] {
            if let Some((a, b)) = text.split_once(op) {
                let (Some(a), Some(b)) = (value(a), value(b)) else {
                    return Ok(true);
                };
                return Ok(match op {
                    "<=" => a <= b,
                    ">=" => a >= b,
                    "<" => a < b,
                    ">" => a > b,
                    "=" => a == b,
                    _ => a != b,
                });
            }
        }
        panic!("check {}", check.expression);
    }
}

fn hash(value: &Json) -> Option<Hash> {
    value.as_str()?.parse().ok()
}

struct Merge {
    step: usize,
    ours: Hash,
    theirs: CommitId,
    base: Option<CommitId>,
    cherry_pick: bool,
    revert: bool,
    expected: Hash,
}

/// Merges in the states: those that ended in a commit, and those that left conflicts.
fn merges(steps: &[String], expected: &Json) -> Vec<Merge> {
    let commits = &expected["commits"];
    let commit_root = |id: &str| hash(&commits[id]["root"]);
    let mut before: HashMap<String, Json> = HashMap::new();
    let mut found = Vec::new();
    for (i, step) in expected["steps"].as_array().unwrap().iter().enumerate() {
        let state = &step["state"];
        if !state.is_object() {
            continue;
        }
        for (branch, head) in state["heads"].as_object().unwrap() {
            let working = &state["working"][branch];
            let old = before.insert(
                branch.clone(),
                Json::Array(vec![head.clone(), working.clone()]),
            );
            let Some(old) = old else { continue };
            let merge = &working["merge"];
            let is_merge = steps[i].contains("\"merge\"") || steps[i].contains("dolt_merge");
            let many = steps[i].matches("dolt_").count() > 2 || steps[i].contains("--squash");
            if merge.is_object() && !old[1]["merge"].is_object() {
                let cherry_pick = merge["cherry_pick"] == true;
                let revert = merge["revert"] == true;
                if !cherry_pick && !revert && many {
                    continue;
                }
                found.push(Merge {
                    step: i,
                    ours: match cherry_pick || revert {
                        true => hash(&merge["pre_working"]).unwrap(),
                        false => commit_root(head.as_str().unwrap()).unwrap(),
                    },
                    theirs: CommitId(hash(&merge["from_commit"]).unwrap()),
                    base: hash(head).map(CommitId),
                    cherry_pick,
                    revert,
                    expected: hash(&working["working"]).unwrap(),
                });
            } else if is_merge && !many && old[0] != *head && !old[1]["merge"].is_object() {
                let parents = commits[head.as_str().unwrap()]["parents"]
                    .as_array()
                    .unwrap();
                if parents.len() == 2 && parents[0] == old[0] {
                    found.push(Merge {
                        step: i,
                        ours: commit_root(parents[0].as_str().unwrap()).unwrap(),
                        theirs: CommitId(hash(&parents[1]).unwrap()),
                        base: hash(&parents[0]).map(CommitId),
                        cherry_pick: false,
                        revert: false,
                        expected: commit_root(head.as_str().unwrap()).unwrap(),
                    });
                }
            }
        }
    }
    found
}

/// Makes the merges of a case again; how many could be, as all their chunks are there.
fn check(case: &Path, failures: &mut Vec<String>) -> usize {
    let (objects, expected) = load(case);
    let steps = std::fs::read_to_string(case.join("steps.jsonl")).unwrap();
    let steps: Vec<String> = steps.lines().map(str::to_owned).collect();
    let mut done = 0;
    for m in merges(&steps, &expected) {
        let made = (|| -> versioning::Result<Option<(Root, usize)>> {
            let Ok(ours) = Root::open(&objects, RootId(m.ours)) else {
                return Ok(None);
            };
            let Ok(commit) = Commit::open(&objects, m.theirs) else {
                return Ok(None);
            };
            let root = |id: CommitId| -> versioning::Result<Root> {
                let commit = Commit::open(&objects, id)?;
                Ok(Root::open(&objects, commit.root)?)
            };
            let (theirs, base) = match (m.cherry_pick, m.revert) {
                (true, _) => (m.theirs, commit.parents[0]),
                (_, true) => (commit.parents[0], m.theirs),
                _ => (
                    m.theirs,
                    common_ancestor(&objects, m.base.unwrap(), m.theirs)?.unwrap(),
                ),
            };
            let options = MergeOptions {
                is_cherry_pick: m.cherry_pick,
                keep_schema_conflicts: !m.cherry_pick && !m.revert,
                ..MergeOptions::default()
            };
            let outcome = merge_roots(
                &ours,
                &root(theirs)?,
                &root(base)?,
                (theirs.0, base.0),
                &options,
                &CaseLogic,
            )?;
            Ok(Some((outcome.root, outcome.schema_conflicts.len())))
        })();
        match made {
            Ok(None) => {}
            Ok(Some((root, _))) => {
                done += 1;
                let id = root.id().unwrap();
                if id.0 != m.expected {
                    failures.push(explain(case, &m, &root, &expected));
                }
            }
            Err(e) => failures.push(format!("{} step {}: {e}", case.display(), m.step)),
        }
    }
    done
}

fn explain(case: &Path, m: &Merge, root: &Root, expected: &Json) -> String {
    let mut text = format!("{} step {}: another root", case.display(), m.step);
    let wanted = &expected["roots"][m.expected.to_string()];
    for (name, hash) in root.tables().unwrap() {
        let want = wanted["tables"][&name].as_str().unwrap_or("none");
        if want != hash.to_string() {
            let t = model::Table::open(root.objects(), &hash).unwrap();
            text += &format!(
                "\n  {name}: schema {} rows {} ({}) artifacts {} indexes {:?} auto {:?}; wanted {}",
                t.layout().schema_hash(),
                t.rows().unwrap().root_hash(),
                t.entry_count().unwrap(),
                t.artifacts(),
                t.schema()
                    .indexes
                    .iter()
                    .map(|i| (
                        i.name.clone(),
                        t.index(&i.name).unwrap().root_hash().to_string()
                    ))
                    .collect::<Vec<_>>(),
                t.auto_increment_slot(),
                expected["tables"][want],
            );
        }
    }
    text + &format!(
        "\n  wanted keys {}, got {}",
        wanted["foreign_keys"],
        root.foreign_keys_hash()
    )
}

#[test]
fn merges_give_the_same_roots() {
    let Some(golden) = golden() else { return };
    let mut failures = Vec::new();
    let mut total = 0;
    for case in [
        "merge_rows",
        "merge_conflicts",
        "merge_violations",
        "merge_schemas",
        "history_closure",
        "commit_operations",
    ] {
        let dir = golden.join("cases").join(case);
        if dir.join("chunks.jsonl.gz").exists() {
            let done = check(&dir, &mut failures);
            println!("{case}: {done}");
            total += done;
        }
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
    assert!(total > 20, "only {total} merges");
}
