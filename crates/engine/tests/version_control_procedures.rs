//! Procedures and functions of version control that change or compare more than one commit.

#![allow(clippy::unwrap_used)]

mod script;

use script::Script;

/// Commits c1, c2 and c3, each with one row more.
fn with_history() -> Script {
    let s = Script::new();
    s.run("create table t (pk int primary key, c int)");
    for i in 1..=3 {
        s.run(&format!("insert into t values ({i}, {i})"));
        s.run(&format!("call dolt_commit('-Am', 'c{i}')"));
    }
    s
}

#[test]
fn history_is_squashed() {
    let s = with_history();
    s.check(
        "call dolt_squash_history()",
        "error: must provide a commit message with --message",
    );
    s.run("insert into t values (4, 4)");
    s.check(
        "call dolt_squash_history('-m', 'one')",
        "error: cannot squash history with uncommitted changes",
    );
    s.run("call dolt_reset('--hard')");
    s.run("call dolt_branch('before')");
    s.run("call dolt_squash_history('-m', 'two', '--first', 'HEAD~1')");
    s.check(
        "select message from dolt_log",
        "two;c1;Initialize data repository",
    );
    s.run("call dolt_squash_history('-m', 'one')");
    s.check(
        "select message from dolt_log",
        "one;Initialize data repository",
    );
    s.check(
        "select dolt_hashof_db('main') = dolt_hashof_db('before')",
        "1",
    );
    s.check(
        "call dolt_squash_history('-m', 'x', '--first', 'before')",
        "error: --first must be an ancestor of HEAD",
    );
    s.check(
        "call dolt_squash_history('-m', 'x', '--first', 'HEAD~1')",
        "error: --first cannot be the initial commit",
    );
}

#[test]
fn queries_and_documents_are_compared() {
    let s = with_history();
    s.run("update t set c = 20 where pk = 2");
    s.run("delete from t where pk = 3");
    s.check(
        "select * from dolt_query_diff('select * from t as of head order by c desc', 'select * from t')",
        "2,2,2,20,modified;3,3,NULL,NULL,deleted",
    );
    s.check(
        "select * from dolt_query_diff('select pk from t', 'select 1 as x')",
        "1,NULL,deleted;2,NULL,deleted;NULL,1,added",
    );
    s.check(
        "select * from dolt_query_diff('delete from t', 'select 1')",
        "error: query must be a SELECT statement",
    );
    s.run("create table j (pk int primary key, a json, b json)");
    s.run(r#"insert into j values (1, '{"a":[1,2],"x":1}', '{"a":[1,3]}'), (2, '1', null)"#);
    s.check(
        "select pk, d.* from j join lateral (select * from dolt_json_diff(a, b)) d order by pk, path",
        "1,modified,$.a[1],2,3;1,removed,$.x,1,NULL;2,removed,$,1,NULL",
    );
}

#[test]
fn commits_must_pass_their_tests() {
    let s = with_history();
    s.run(
        "insert into dolt_tests values ('three', 'unit', 'select count(*) from t', 'expected_single_value', '==', '3'),
         ('never', 'other', 'select 1', 'expected_single_value', '==', '2')",
    );
    s.run("set global dolt_commit_verification_groups = 'unit'");
    s.run("call dolt_commit('-Am', 'tests')");
    s.run("call dolt_branch('side')");
    s.run("insert into t values (4, 4)");
    let failure = "commit verification failed: three (Assertion failed: expected_single_value equal to 3, got 4)";
    s.check(
        "call dolt_commit('-am', 'four')",
        &format!("error: {failure}"),
    );
    s.run("call dolt_commit('-am', 'four', '--skip-verification')");
    s.run("call dolt_checkout('side')");

    // What was picked waits, staged, to be corrected.
    s.check(
        "call dolt_cherry_pick('main')",
        &format!("error: {failure}"),
    );
    s.check("select table_name, staged from dolt_status", "t,1");
    s.check(
        "call dolt_cherry_pick('--continue')",
        &format!("error: {failure}"),
    );
    s.run("update dolt_tests set assertion_value = '4' where test_name = 'three'");
    s.run("call dolt_add('.')");
    s.run("call dolt_cherry_pick('--continue')");
    s.check("select message from dolt_log limit 1", "four");

    // So does a merge.
    s.run("call dolt_reset('--hard', 'HEAD~1')");
    s.run("insert into t values (5, 5)");
    s.run("call dolt_commit('-am', 'five', '--skip-verification')");
    s.check(
        "call dolt_merge('main')",
        ",0,0,commit verification failed: three (Assertion failed: expected_single_value equal to 3, got 5)",
    );
    s.run("call dolt_merge('--abort')");
    s.run("call dolt_merge('main', '--skip-verification')");
    s.check("select count(*) from t", "5");

    // A test only reads, whatever it calls.
    s.run("create function f() returns int begin call dolt_commit('-m', 'within', '--allow-empty'); return 1; end");
    s.run("replace into dolt_tests values ('three', 'unit', 'select f()', 'expected_single_value', '==', '1')");
    let given = s.give("call dolt_commit('-Am', 'calls')");
    assert!(
        given.starts_with("error: commit verification failed"),
        "{given}"
    );
}

#[test]
fn reverts_stop_half_way_within_a_transaction() {
    let s = with_history();
    s.run("update t set c = 20 where pk = 2");
    s.run("call dolt_commit('-am', 'c4')");
    s.run("set autocommit = 0");
    // The newest row goes at once; the one before has been changed since.
    s.check("call dolt_revert('HEAD~1', 'HEAD~2')", ",1,0,0");
    s.check("select message from dolt_log limit 1", "Revert \"c3\"");
    s.check("select * from dolt_conflicts", "t,1");
    s.check(
        "call dolt_commit('-am', 'x')",
        "error: error: the table(s) t are in conflict",
    );
    s.run("call dolt_conflicts_resolve('--theirs', 't')");
    s.run("call dolt_add('t')");
    s.run("call dolt_revert('--continue')");
    s.check(
        "select message from dolt_log limit 2",
        "Revert \"c2\";Revert \"c3\"",
    );
    s.run("call dolt_reset('--hard', 'HEAD~2')");

    s.check("call dolt_revert('HEAD~1', 'HEAD~2')", ",1,0,0");
    s.run("call dolt_revert('--abort')");
    s.check("select message from dolt_log limit 1", "c4");
    s.check("select * from dolt_status", "");
    s.check(
        "call dolt_revert('--abort')",
        "error: error: There is no revert in progress",
    );
}

#[test]
fn a_rebase_leaves_its_conflicts_in_the_transaction() {
    let s = with_history();
    s.run("call dolt_branch('side', 'HEAD~1')");
    s.run("call dolt_checkout('side')");
    s.run("insert into t values (3, 30)");
    s.run("call dolt_commit('-am', 'thirty')");
    s.run("set autocommit = 0");
    let given = s.give("call dolt_rebase('main')");
    assert!(
        given.starts_with("error: data conflict detected while rebasing commit"),
        "{given}"
    );
    s.check("select active_branch()", "dolt_rebase_side");
    s.check("select * from dolt_conflicts", "t,1");
    s.other()
        .check("select * from `db/dolt_rebase_side`.dolt_conflicts", "");
    s.check(
        "call dolt_rebase('--continue')",
        "error: conflicts detected in tables t; resolve conflicts before continuing the rebase",
    );
    s.run("call dolt_conflicts_resolve('--theirs', 't')");
    s.run("call dolt_add('t')");
    s.run("call dolt_rebase('--continue')");
    s.check("select active_branch()", "side");
    s.check("select message from dolt_log limit 2", "thirty;c3");
    s.check("select * from t", "1,1;2,2;3,30");
}

#[test]
fn a_head_that_moved_is_not_amended() {
    let s = with_history();
    let b = s.other();
    s.run("begin");
    s.run("update t set c = 10 where pk = 1");
    b.run("call dolt_commit('--allow-empty', '-m', 'of another')");
    s.check("select hashof('HEAD') = hashof('main')", "0");
    let given = s.give("call dolt_commit('-a', '--amend', '-m', 'stale')");
    assert!(
        given.starts_with("error: serialization failure: cannot amend head of branch 'main'"),
        "{given}"
    );
    s.check("select message from dolt_log limit 1", "of another");
    s.check("select c from t where pk = 1", "1");
}

#[test]
fn a_transaction_commits_what_it_saw() {
    let s = with_history();
    let (b, c) = (s.other(), s.other());
    for client in [&s, &b] {
        client.run("set autocommit = 0");
        client.run("set dolt_transaction_commit = 1");
        client.run("start transaction");
        client.run("select * from t");
    }
    c.run("insert into t values (9, 9)");
    s.run("insert into t values (4, 4)");
    b.run("insert into t values (5, 5)");
    b.run("set @@dolt_transaction_commit_message = 'of b'");
    b.run("commit");
    c.check("select pk from t as of 'HEAD' where pk > 3", "5");
    c.check("select pk from t where pk > 3", "5;9");
    s.run("commit");
    c.check("select pk from t where pk > 3", "4;5;9");
    c.check("select pk from t as of 'HEAD' where pk > 3", "4;5");
    c.check(
        "select message from dolt_log limit 2",
        "Transaction commit;of b",
    );
    c.run("call dolt_branch('side')");
    // What others left behind is nobody's to commit by reading.
    s.run("select * from t");
    s.run("commit");
    c.check("select message from dolt_log limit 1", "Transaction commit");
    s.run("create table u (i int)");
    c.check("select count(*) from u as of 'HEAD'", "0");
    s.run("insert into `db/side`.t values (6, 6)");
    s.check("commit", "error: no changes to dolt_commit on branch main");
}

#[test]
fn names_lead_to_other_revisions() {
    let s = with_history();
    s.run("call dolt_tag('v1', 'HEAD~1')");
    s.run("call dolt_checkout('-b', 'other')");
    s.run("drop table t");
    s.run(
        "insert into dolt_nonlocal_tables values ('shared', 'main', 't', 'immediate'),
         ('old_*', 'v1', 't', 'immediate'), ('t', 'main', null, 'immediate'), ('bad', 'main', 't', 'later')",
    );
    s.check("select count(*) from shared", "3");
    s.check("select count(*) from old_t", "2");
    s.run("insert into shared values (4, 4)");
    s.check("select count(*) from t", "4");
    s.check("select count(*) from `db/main`.t", "4");
    s.check(
        "select * from bad",
        "error: Invalid nonlocal table options later: only valid value is 'immediate'.",
    );
    s.check(
        "create table old_x (i int)",
        "error: Cannot create table name old_x because it matches a name present in dolt_nonlocal_tables.",
    );
    assert!(
        s.give("insert into old_t values (4, 4)")
            .starts_with("error: ")
    );
    // A plan that was kept must not outlive the name.
    s.run("delete from dolt_nonlocal_tables where table_name = 'shared'");
    assert!(s.give("select count(*) from shared").starts_with("error: "));
}

#[test]
fn tables_are_read_with_other_schemas() {
    let s = with_history();
    s.run("alter table t rename column c to d");
    s.run("alter table t add column e int");
    s.run("insert into t values (4, 4, 4)");
    s.run("call dolt_commit('-am', 'c4')");
    s.check("select * from t where pk = 4", "4,4,4");
    s.run("set dolt_override_schema = 'HEAD~1'");
    s.check("select pk, c from t where pk > 2", "3,3;4,4");
    s.check("select * from t where pk = 4", "4,4");
    s.run("set dolt_override_schema = 'nowhere'");
    s.check(
        "select * from t",
        "error: unable to resolve schema override value: branch not found: nowhere",
    );
    s.run("set dolt_override_schema = ''");
    s.check("select * from t where pk = 4", "4,4,4");
}

#[test]
fn the_document_for_agents_is_there_until_it_is_changed() {
    let s = Script::new();
    s.run("insert into dolt_docs values ('README.md', 'hello')");
    s.check(
        "select doc_name from dolt_docs order by doc_name",
        "AGENT.md;README.md",
    );
    s.run("update dolt_docs set doc_text = 'mine' where doc_name = 'AGENT.md'");
    s.check("select * from dolt_docs", "AGENT.md,mine;README.md,hello");
    assert!(
        s.give("create table dolt_docs (i int)")
            .starts_with("error: Invalid table name")
    );
}

#[test]
fn indexes_that_a_dropped_column_made_alike_merge() {
    let s = Script::new();
    s.run("create table t (pk int primary key, a int, b int, key ab (a, b), key b (b), key pa (pk, a))");
    s.run("call dolt_commit('-Am', 'table')");
    s.run("call dolt_checkout('-b', 'side')");
    s.run("alter table t drop column a");
    s.run("call dolt_commit('-am', 'dropped')");
    s.run("call dolt_checkout('main')");
    s.run("insert into t values (1, 2, 3)");
    s.run("call dolt_commit('-am', 'row')");
    s.run("call dolt_merge('side')");
    s.check("select * from t where b = 3", "1,3");
    s.check(
        "select distinct index_name from information_schema.statistics where table_name = 't' order by 1",
        "ab;b;pa;PRIMARY",
    );
}
