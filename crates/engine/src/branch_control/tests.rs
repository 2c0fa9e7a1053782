//! Rules against a file that Dolt 2.3.1 wrote, and what they allow.

use std::sync::Arc;

use chunks::LocalDisk;

use super::expression::fold;
use super::file_format::{decode, encode};
use super::rules::{NamePattern, Rules};
use super::{BranchControl, Permissions};
use crate::error::{Error, Result};
use crate::instance::{Instance, Settings, SystemClock};
use crate::result::{ColumnMeta, Done, Flow, ResultSink, Row};
use crate::session::Session;

/// Written by Dolt for `('%','main','bob','localhost','admin')` and
/// `('db_','fe\_%at%','zoe','%','merge')`, then the names `('%','Main%_x','bob','localhost')` and
/// `('','','','')`.
const SAMPLE: &[u8] = include_bytes!("sample.db");

#[test]
fn reads_and_writes_the_bytes_of_dolt() {
    let rules = decode(SAMPLE).expect("a file of Dolt's");
    let rows: Vec<String> = rules
        .access()
        .map(|r| format!("{} {}", r.pattern.texts.join("|"), r.permissions))
        .collect();
    assert_eq!(
        rows,
        [
            "%|%|%|% write",
            "%|main|bob|localhost admin",
            "db_|fe\\_%at%|zoe|% merge"
        ]
    );
    assert_eq!(rules.namespace().len(), 2);
    assert_eq!(rules.namespace()[0].texts[1], "main_%x");
    assert_eq!(encode(&rules).expect("small"), SAMPLE);

    let mut made = Rules::initial();
    made.insert(
        NamePattern::new(["%", "main", "bob", "localhost"]),
        Permissions::ADMIN,
    );
    made.insert(
        NamePattern::new(["db_", "fe\\_%at%", "zoe", "%"]),
        Permissions::MERGE,
    );
    made.insert_name(NamePattern::new(["%", "Main%_x", "bob", "localhost"]));
    made.insert_name(NamePattern::new(["", "", "", ""]));
    assert_eq!(encode(&made).expect("small"), SAMPLE);
}

#[test]
fn damage_is_an_error() {
    for len in 0..SAMPLE.len() {
        // What a shorter file means does not matter, as long as it is said.
        let _ = decode(&SAMPLE[..len]);
    }
    for at in 0..SAMPLE.len() {
        let mut bytes = SAMPLE.to_vec();
        bytes[at] ^= 0xff;
        let _ = decode(&bytes);
    }
    assert!(decode(&SAMPLE[..20]).is_err());
    assert!(decode(b"nothing of the kind").is_err());
}

#[test]
fn folding() {
    for (given, folded) in [
        ("%%", "%"),
        ("%_", "_%"),
        ("%%_%_a%", "__%a%"),
        ("\\%%", "\\%%"),
        ("%\\%", "%\\%"),
    ] {
        assert_eq!(fold(given), folded, "{given}");
    }
}

#[test]
fn the_longest_match_decides() {
    let mut rules = Rules::initial();
    let mut add = |row: [&str; 4], p| rules.insert(NamePattern::new(row), p);
    add(["%", "release%", "%", "%"], Permissions::READ);
    add(["%", "release%", "bob", "%"], Permissions::MERGE);
    add(["mydb", "Release\\_1", "bob", "%"], Permissions::ADMIN);
    let of = |branch, user| rules.permissions("mydb", branch, user, "10.0.0.1");
    assert!(of("main", "amy").has(Permissions::WRITE));
    assert!(!of("release1", "amy").has(Permissions::MERGE));
    assert!(of("release1", "bob").has(Permissions::MERGE));
    assert!(!of("release1", "bob").has(Permissions::WRITE));
    assert!(!of("release1", "BOB").has(Permissions::MERGE));
    assert!(of("release_1", "bob").has(Permissions::ADMIN));
    assert!(!of("releasex1", "bob").has(Permissions::ADMIN));
}

#[test]
fn names_of_new_branches() {
    let mut rules = Rules::initial();
    assert!(rules.may_create("db", "x", "amy", "h"));
    rules.insert_name(NamePattern::new(["db", "rel%", "bob", "%"]));
    assert!(rules.may_create("db", "x", "amy", "h"));
    assert!(!rules.may_create("db", "rel1", "amy", "h"));
    assert!(rules.may_create("db", "rel1", "bob", "h"));
    rules.insert_name(NamePattern::new(["db", "rel1%", "amy", "%"]));
    assert!(!rules.may_create("db", "rel1", "bob", "h"));
    assert!(rules.may_create("other", "rel1", "zoe", "h"));
}

struct Nowhere;

impl ResultSink for Nowhere {
    fn columns(&mut self, _: &[ColumnMeta]) -> Result<()> {
        Ok(())
    }
    fn row(&mut self, _: &dyn Row) -> Result<Flow> {
        Ok(Flow::Continue)
    }
    fn done(&mut self, _: &Done, _: bool) -> Result<()> {
        Ok(())
    }
}

fn run(session: &Session, sql: &str) -> Result<()> {
    session.execute(sql.as_bytes(), true, &mut Nowhere)
}

fn server() -> (Arc<Instance>, Session) {
    let mut instance = Instance::in_memory(Settings::default(), Arc::new(SystemClock));
    instance.accounts = Some(Arc::new(crate::accounts::Accounts::in_memory()));
    let instance = Arc::new(instance);
    let root = Session::new(&instance, 1, "root", "localhost");
    for sql in [
        "CREATE DATABASE db",
        "USE db",
        "CREATE TABLE t (id INT PRIMARY KEY, v INT)",
        "INSERT INTO t VALUES (1, 1)",
        "CALL dolt_commit('-Am', 'one')",
        "CALL dolt_branch('open')",
        "CALL dolt_checkout('open')",
        "UPDATE t SET v = 2",
        "CALL dolt_commit('-am', 'two')",
        "CALL dolt_tag('v1')",
        "CREATE USER amy",
        "GRANT ALL ON *.* TO amy",
        "CALL dolt_checkout('main')",
        "CREATE PROCEDURE p() SQL SECURITY DEFINER INSERT INTO t VALUES (9, 9)",
        "CALL dolt_commit('-Am', 'three')",
        "DELETE FROM dolt_branch_control",
        "INSERT INTO dolt_branch_control VALUES ('%', '%', 'root', '%', 'admin'), ('%', 'open', 'amy', '%', 'write')",
    ] {
        run(&root, sql).unwrap_or_else(|e| panic!("{sql}: {e}"));
    }
    (instance, root)
}

fn denied(result: Result<()>) -> bool {
    let is_denial = |e: &Error| {
        e.message.contains("correct permissions") || e.message.contains("cannot delete the branch")
    };
    result.is_err_and(|e| is_denial(&e))
}

#[test]
fn no_statement_writes_to_a_closed_branch() {
    let (instance, root) = server();
    let state = |branch: &str| {
        let db = instance.database("db").expect("made");
        let set = db.store.working_set(branch).expect("readable");
        (db.store.branch(branch), set.map(|s| s.0))
    };
    let before = state("main");
    let amy = Session::new(&instance, 2, "amy", "localhost");
    run(&amy, "USE db").expect("everybody reads");
    for sql in [
        "INSERT INTO t VALUES (2, 2)",
        "REPLACE INTO t VALUES (1, 2)",
        "UPDATE t SET v = 5",
        "DELETE FROM t",
        "TRUNCATE t",
        "ALTER TABLE t ADD COLUMN w INT",
        "CREATE INDEX i ON t (v)",
        "DROP TABLE t",
        "RENAME TABLE t TO u",
        "CREATE TABLE u (a INT)",
        "CREATE TABLE u SELECT * FROM t",
        "CREATE VIEW w AS SELECT 1",
        "CREATE TRIGGER g BEFORE INSERT ON t FOR EACH ROW SET NEW.v = 1",
        "CREATE PROCEDURE q() SELECT 1",
        "CREATE EVENT e ON SCHEDULE EVERY 1 DAY DO SELECT 1",
        "DROP PROCEDURE p",
        "INSERT INTO dolt_ignore VALUES ('x', 1)",
        "INSERT INTO dolt_docs VALUES ('README.md', 'x')",
        "CALL p()",
        "CALL dolt_add('.')",
        "CALL dolt_commit('--allow-empty', '-m', 'x')",
        "CALL dolt_merge('open')",
        "CALL dolt_reset('--hard', 'open')",
        "CALL dolt_cherry_pick('open')",
        "CALL dolt_revert('HEAD')",
        "CALL dolt_rebase('open')",
        "CALL dolt_clean()",
        "CALL dolt_rm('t')",
        "CALL dolt_stash('push', 's')",
        "CALL dolt_checkout('HEAD', '--', 't')",
        "CALL dolt_checkout('open', '--', 't')",
        "CALL dolt_verify_constraints()",
        "CALL dolt_fetch('origin')",
        "CALL dolt_pull('origin')",
        "CALL dolt_remote('add', 'o', 'file:///nowhere')",
        "CALL dolt_branch('-f', 'main', 'open')",
        "CALL dolt_branch('-m', 'main', 'mine')",
        "CALL dolt_branch('-m', '-f', 'open', 'main')",
        "CALL dolt_branch('-c', '-f', 'open', 'main')",
        "CALL dolt_checkout('-B', 'main', 'open')",
        "BEGIN; INSERT INTO `db/main`.t VALUES (3, 3); COMMIT",
    ] {
        let result = run(&amy, sql);
        assert!(denied(result.clone()), "{sql}: {result:?}");
        run(&amy, "ROLLBACK").expect("always works");
    }
    run(&amy, "USE `db/open`").expect("everybody reads");
    for sql in [
        "INSERT INTO `db/main`.t VALUES (2, 2)",
        "UPDATE t AS a JOIN `db/main`.t AS b USING (id) SET b.v = 7",
        "DELETE b FROM t AS a JOIN `db/main`.t AS b USING (id)",
        "CREATE TABLE `db/main`.u (a INT)",
        "DROP TABLE `db/main`.t",
        "CALL dolt_commit('--branch', 'main', '--allow-empty', '-m', 'x')",
        "CALL dolt_branch('-D', 'main')",
    ] {
        let result = run(&amy, sql);
        assert!(denied(result.clone()), "{sql}: {result:?}");
        run(&amy, "ROLLBACK").expect("always works");
    }
    for sql in ["DELETE FROM `db/v1`.t", "CALL dolt_branch('-D', 'main')"] {
        assert!(run(&amy, sql).is_err(), "{sql}");
    }
    assert!(state("main") == before);
    // Her own branches are open to her.
    for sql in [
        "INSERT INTO t VALUES (2, 2)",
        "CALL dolt_commit('-am', 'x')",
        "CALL dolt_checkout('-b', 'my_own')",
        "UPDATE t SET v = 8",
        "CALL dolt_commit('-am', 'y')",
    ] {
        run(&amy, sql).unwrap_or_else(|e| panic!("{sql}: {e}"));
    }
    // SUPER without GRANT OPTION does not administer the rules.
    for sql in [
        "INSERT INTO dolt_branch_control VALUES ('%', '%', 'amy', '%', 'admin')",
        "UPDATE dolt_branch_control SET user = 'amy' WHERE user = 'root' AND branch = '%'",
        "DELETE FROM dolt_branch_control WHERE user = 'root' AND branch = '%'",
    ] {
        let refused = run(&amy, sql).is_err_and(|e| e.message.contains(" the row "));
        assert!(refused, "{sql}");
    }
    // Making a branch gives rights on that one only.
    run(&root, "CALL dolt_branch('myxown')").expect("root may");
    assert!(denied(run(&amy, "INSERT INTO `db/myxown`.t VALUES (4, 4)")));
}

#[test]
fn merging_is_a_permission_of_its_own() {
    let (instance, root) = server();
    run(
        &root,
        "INSERT INTO dolt_branch_control VALUES ('%', 'main', 'amy', '%', 'merge')",
    )
    .expect("root administers");
    let amy = Session::new(&instance, 2, "amy", "localhost");
    run(&amy, "USE db").expect("everybody reads");
    assert!(denied(run(&amy, "INSERT INTO t VALUES (2, 2)")));
    assert!(denied(run(&amy, "CALL dolt_reset('--hard', 'open')")));
    run(&amy, "CALL dolt_merge('open')").expect("merge is allowed");
    assert!(denied(run(&amy, "BEGIN; UPDATE t SET v = 3; COMMIT")));
}

#[test]
fn the_file_is_written_when_rules_change() {
    let dir = std::env::temp_dir().join(format!("dolt-rs-rules-{}", std::process::id()));
    let _ = std::fs::remove_dir_all(&dir);
    let path = dir.join("cfg").join("branch_control.db");
    let control = BranchControl::open(&LocalDisk::shared(), &path).expect("absent is fine");
    assert!(!path.exists());
    control
        .change(|r| {
            r.insert(
                NamePattern::new(["db", "main", "amy", "%"]),
                Permissions::MERGE,
            );
            Ok(())
        })
        .expect("writable");
    let again = BranchControl::open(&LocalDisk::shared(), &path).expect("just written");
    assert_eq!(again.read().access().count(), 2);
    std::fs::write(&path, b"damaged").expect("writable");
    assert!(BranchControl::open(&LocalDisk::shared(), &path).is_err());
    let _ = std::fs::remove_dir_all(&dir);
}
