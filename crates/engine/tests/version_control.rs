//! Version control through SQL, as scripts: a statement and the rows that it gives.

#![allow(clippy::unwrap_used)]

mod script;

use engine::instance::{Instance, Settings};
use engine::session::Session;
use script::Script;

const TABLE: &str = "create table t (pk int primary key, a int, b varchar(20))";

fn with_table() -> Script {
    let s = Script::new();
    s.run(TABLE);
    s.run("insert into t values (1,1,'one'),(2,2,'two')");
    s.run("call dolt_commit('-Am','base')");
    s
}

/// A server whose databases are in a directory.
fn on_disk(dir: &std::path::Path) -> Script {
    Script::on(|clock| Instance::open(dir, Settings::default(), clock).unwrap())
}

#[test]
fn add_commit_log_status() {
    let s = Script::new();
    s.run(TABLE);
    s.check("select * from dolt_status", "t,0,new table");
    s.check(
        "call dolt_add('x')",
        "error: error: the table(s) x do not exist",
    );
    s.check("call dolt_add('t')", "0");
    s.check("select * from dolt_status", "t,1,new table");
    s.check("call dolt_commit()", "error: Must provide commit message.");
    s.run("call dolt_commit('-m','first','--author','A <a@b.c>')");
    s.check("select * from dolt_status", "");
    s.check("call dolt_commit('-m','again')", "error: nothing to commit");
    s.check("call dolt_commit('-m','again','--skip-empty')", "");
    s.check(
        "select message, author, author_email, commit_order from dolt_log",
        "first,A,a@b.c,2;Initialize data repository,root,root@localhost,1",
    );
    s.run("insert into t values (1,1,'x')");
    s.check(
        "select table_name, data_change, schema_change from dolt_diff limit 1",
        "t,1,0",
    );
    s.run("call dolt_commit('-am','rows')");
    s.check("select message from dolt_log limit 1", "rows");
    s.run("call dolt_commit('--amend','-m','better')");
    s.check("select message from dolt_log limit 1", "better");
    s.check("select count(*) from dolt_log", "3");
    s.check("select message from dolt_log('HEAD~1..HEAD')", "better");
    s.check(
        "select refs, parents is not null from dolt_log limit 1",
        "HEAD -> main,1",
    );
}

#[test]
fn identity_of_commits() {
    let s = with_table();
    s.run("set @@dolt_head_committer_email = 'me@x.org'");
    s.run("set @@dolt_head_committer_name = 'Me'");
    s.run("update t set a = 5");
    s.run("call dolt_add('t')");
    s.run("call dolt_commit('-m','mine')");
    s.check(
        "select committer, committer_email, author, author_email, message from dolt_log order by date desc limit 1",
        "Me,me@x.org,Me,me@x.org,mine",
    );
}

#[test]
fn branches_merge_and_tags() {
    let s = with_table();
    s.check(
        "call dolt_checkout('-b','schema/edc-v1.1-staging')",
        "0,Switched to branch 'schema/edc-v1.1-staging'",
    );
    s.check("select active_branch()", "schema/edc-v1.1-staging");
    s.run("insert into t values (3,3,'three')");
    s.run("call dolt_commit('-am','three')");
    s.check("call dolt_checkout('main')", "0,Switched to branch 'main'");
    s.check("select count(*) from t", "2");
    s.check(
        "select to_pk, to_b, from_pk, diff_type from dolt_diff('main','schema/edc-v1.1-staging','t')",
        "3,three,NULL,added",
    );
    let hash = s.give("select dolt_hashof('schema/edc-v1.1-staging')");
    s.check(
        "call dolt_merge('schema/edc-v1.1-staging')",
        &format!("{hash},1,0,merge successful"),
    );
    s.check("select count(*) from t", "3");
    s.check(
        "call dolt_merge('schema/edc-v1.1-staging')",
        ",0,0,Everything up-to-date",
    );
    s.check("call dolt_tag('edc-v1.1-certified')", "0");
    s.check(
        "call dolt_tag('edc-v1.1-certified')",
        "error: already exists",
    );
    s.run("delete from t");
    s.run("call dolt_commit('-am','gone')");
    s.check("select count(*) from t as of 'edc-v1.1-certified'", "3");
    s.check("select tag_name from dolt_tags", "edc-v1.1-certified");
    s.check("call dolt_reset('--hard','HEAD~1')", "0");
    s.check("select count(*) from t", "3");
    s.check("call dolt_branch('-d','schema/edc-v1.1-staging')", "0");
    s.check("select name, dirty from dolt_branches", "main,0");
    s.check(
        "call dolt_branch('-d','main')",
        "error: Cannot delete checked out branch 'main'",
    );
    s.check(
        "call dolt_branch('main')",
        "error: fatal: A branch named 'main' already exists.",
    );
    s.check(
        "call dolt_branch('x y')",
        "error: fatal: 'x y' is an invalid branch name.",
    );
}

#[test]
fn three_way_merge_by_cell() {
    let s = with_table();
    s.run("call dolt_checkout('-b','other')");
    s.run("update t set a = 100 where pk = 1");
    s.run("call dolt_commit('-am','other')");
    s.run("call dolt_checkout('main')");
    s.run("update t set b = 'ONE' where pk = 1");
    s.run("call dolt_commit('-am','main')");
    let row = s.give("call dolt_merge('other')");
    assert!(row.ends_with(",0,0,merge successful"), "{row}");
    s.check("select * from t", "1,100,ONE;2,2,two");
    s.check(
        "select message from dolt_log limit 1",
        "Merge branch 'other' into main",
    );
    s.check(
        "select count(*) from dolt_commit_ancestors where commit_hash = dolt_hashof('HEAD')",
        "2",
    );
    s.check(
        "select dolt_merge_base('main','other') = dolt_hashof('other')",
        "1",
    );
}

fn with_conflict(s: &Script) {
    s.run("call dolt_checkout('-b','other')");
    s.run("update t set a = 100 where pk = 1");
    s.run("call dolt_commit('-am','other')");
    s.run("call dolt_checkout('main')");
    s.run("update t set a = 200 where pk = 1");
    s.run("call dolt_commit('-am','main')");
}

#[test]
fn conflicts_are_kept_and_resolved() {
    let s = with_table();
    with_conflict(&s);
    let refused = s.give("call dolt_merge('other')");
    assert!(
        refused.starts_with("error: Merge conflict detected, @autocommit"),
        "{refused}"
    );
    s.check("select is_merging from dolt_merge_status", "0");
    s.run("set autocommit = 0");
    s.check("call dolt_merge('other')", ",0,1,conflicts found");
    s.check("select * from dolt_conflicts", "t,1");
    s.check(
        "select base_pk, base_a, our_a, our_diff_type, their_a, their_diff_type from dolt_conflicts_t",
        "1,1,200,modified,100,modified",
    );
    s.check(
        "select is_merging, source, target, unmerged_tables from dolt_merge_status",
        "1,other,refs/heads/main,t",
    );
    s.check(
        "select table_name, staged, status from dolt_status order by status",
        "t,0,conflict",
    );
    s.check(
        "call dolt_commit('-am','x')",
        "error: error: the table(s) t are in conflict",
    );
    s.check("call dolt_conflicts_resolve('--theirs','t')", "0");
    s.check("select a from t where pk = 1", "100");
    s.check("select count(*) from dolt_conflicts", "0");
    s.run("call dolt_commit('-am','resolved')");
    s.check("select is_merging from dolt_merge_status", "0");
    s.check(
        "select count(*) from dolt_commit_ancestors where commit_hash = dolt_hashof('HEAD')",
        "2",
    );
}

#[test]
fn merges_are_aborted() {
    let s = with_table();
    with_conflict(&s);
    s.run("set dolt_allow_commit_conflicts = 1");
    s.check("call dolt_merge('other')", ",0,1,conflicts found");
    s.check(
        "call dolt_merge('other')",
        "error: merging is not possible because you have not committed an active merge",
    );
    s.check("call dolt_merge('--abort')", ",0,0,merge aborted");
    s.check("select * from dolt_status", "");
    s.check("select a from t where pk = 1", "200");
    s.check(
        "call dolt_merge('--abort')",
        "error: fatal: There is no merge to abort",
    );
}

#[test]
fn revert_and_cherry_pick() {
    let s = with_table();
    s.run("insert into t values (3,3,'three')");
    s.run("call dolt_commit('-am','add \"three\"')");
    s.run("insert into t values (4,4,'four')");
    s.run("call dolt_commit('-am','add four')");
    let hash = s.give("select dolt_hashof('HEAD~1')");
    let row = s.give(&format!("call dolt_revert('{hash}')"));
    assert!(row.ends_with(",0,0,0"), "{row}");
    s.check("select pk from t", "1;2;4");
    s.check(
        "select message from dolt_log limit 1",
        "Revert \"add \\\"three\\\"\"",
    );
    let row = s.give(&format!("call dolt_cherry_pick('{hash}')"));
    assert!(row.ends_with(",0,0,0"), "{row}");
    s.check("select pk from t", "1;2;3;4");
    s.check("select message from dolt_log limit 1", "add \"three\"");
    s.check(
        &format!("call dolt_cherry_pick('{hash}')"),
        "error: no changes were made, nothing to commit",
    );
    s.check(
        "call dolt_revert()",
        "error: error: nothing specified to revert",
    );
}

#[test]
fn reset_keeps_untracked_tables() {
    let s = with_table();
    s.run("create table u (x int primary key)");
    s.run("update t set a = 7");
    s.check("call dolt_reset('--hard')", "0");
    s.check("select a from t", "1;2");
    s.check("select * from dolt_status", "u,0,new table");
    s.run("call dolt_add('.')");
    s.check("call dolt_reset('u')", "0");
    s.check("select * from dolt_status", "u,0,new table");
    s.check("call dolt_clean()", "0");
    s.check("select * from dolt_status", "");
}

#[test]
fn differences() {
    let s = with_table();
    s.run("call dolt_tag('v1')");
    s.run("update t set a = 10 where pk = 1");
    s.run("delete from t where pk = 2");
    s.run("insert into t values (5,5,'five')");
    s.run("call dolt_commit('-am','changes')");
    s.check(
        "select to_pk, to_a, from_pk, from_a, diff_type from dolt_diff_t where to_commit = dolt_hashof('HEAD')",
        "1,10,1,1,modified;NULL,NULL,2,2,removed;5,5,NULL,NULL,added",
    );
    s.check("select count(*) from dolt_diff_t", "5");
    s.check(
        "select diff_type from dolt_commit_diff_t where from_commit = 'v1' and to_commit = 'HEAD'",
        "modified;removed;added",
    );
    s.check(
        "select * from dolt_diff_summary('v1','HEAD')",
        "t,t,modified,1,0",
    );
    s.check(
        "select * from dolt_diff_stat('v1..HEAD','t')",
        "t,0,1,1,1,3,3,1,2,2,6,6",
    );
    s.check(
        "select pk, a, commit_hash = dolt_hashof('v1') from dolt_history_t where pk = 1",
        "1,10,0;1,1,1",
    );
    s.check(
        "select pk, message from dolt_blame_t",
        "1,changes;5,changes",
    );
    s.check("select count(*) from dolt_commits", "3");
    s.run("alter table t add column c int");
    s.check(
        "select from_table_name, diff_type, schema_change from dolt_diff_summary('HEAD','WORKING')",
        "t,modified,1",
    );
    s.check(
        "select count(*) from dolt_schema_diff('HEAD','WORKING')",
        "1",
    );
    s.check(
        "select column_name, diff_type from dolt_column_diff where commit_hash = 'WORKING'",
        "c,added",
    );
}

#[test]
fn sessions_see_commits_of_others() {
    let a = with_table();
    let b = a.other();
    b.run("insert into t values (9,9,'nine')");
    a.run("call dolt_commit('-am','both')");
    b.check("select * from dolt_status", "");
    b.check("select message from dolt_log limit 1", "both");
    a.run("call dolt_checkout('-b','x')");
    b.check("select active_branch()", "main");
    b.check("select count(*) from `db/x`.t", "3");
}

#[test]
fn a_row_that_others_change_between_two_statements_is_not_lost() {
    let a = with_table();
    let b = a.other();
    a.run("begin");
    a.run("update t set b = 'mine' where pk = 1");
    b.run("update t set a = 10 where pk = 1");
    // This statement works on what has been committed meanwhile.
    a.run("update t set b = 'mine' where pk = 2");
    a.run("commit");
    a.check("select * from t", "1,10,mine;2,2,mine");
    a.run("begin");
    a.run("update t set a = 11 where pk = 1");
    b.run("update t set a = 12 where pk = 1");
    a.run("insert into t values (3,3,'three')");
    let given = a.give("commit");
    assert!(given.starts_with("error: "), "{given}");
    b.check("select a from t where pk = 1", "12");
    b.check("select count(*) from t", "2");
}

#[test]
fn stashes_and_removed_tables() {
    let s = with_table();
    s.run("update t set a = 9 where pk = 1");
    s.check("call dolt_stash('push','mine')", "0");
    s.check("select a from t where pk = 1", "1");
    s.check(
        "select name, stash_id, branch, commit_message from dolt_stashes",
        "mine,stash@{0},main,base",
    );
    s.check("call dolt_stash('pop','mine')", "0");
    s.check("select a from t where pk = 1", "9");
    s.check(
        "call dolt_stash('pop','mine')",
        "error: no stash entries found",
    );
    s.check(
        "call dolt_rm('t')",
        "error: error: the table(s) t have unstaged changes.",
    );
    s.run("call dolt_checkout('t')");
    s.check("select a from t where pk = 1", "1");
    s.check("call dolt_rm('t')", "0");
    s.check("select * from dolt_status", "t,1,deleted");
}

#[test]
fn conflict_tables_are_written() {
    let s = with_table();
    with_conflict(&s);
    s.run("set dolt_allow_commit_conflicts = 1");
    s.check("call dolt_merge('other')", ",0,1,conflicts found");
    s.run("update dolt_conflicts_t set our_a = their_a, our_b = 'both' where base_pk = 1");
    s.check("select * from t where pk = 1", "1,100,both");
    s.check("select count(*) from dolt_conflicts", "1");
    s.run("delete from dolt_conflicts_t where our_pk = 2");
    s.check("select count(*) from dolt_conflicts", "1");
    s.run("delete from dolt_conflicts_t");
    s.check("select count(*) from dolt_conflicts", "0");
    s.run("call dolt_commit('-am','merged')");
    s.check("select is_merging from dolt_merge_status", "0");
}

#[test]
fn violations_are_listed_and_removed() {
    let s = Script::new();
    s.run("create table t (pk int primary key, u int unique)");
    s.run("call dolt_commit('-Am','base')");
    s.run("call dolt_checkout('-b','other')");
    s.run("insert into t values (2,1)");
    s.run("call dolt_commit('-am','other')");
    s.run("call dolt_checkout('main')");
    s.run("insert into t values (1,1)");
    s.run("call dolt_commit('-am','main')");
    let refused = s.give("call dolt_merge('other')");
    assert!(
        refused.ends_with(
            "Type: Unique Key Constraint Violation,\n\tName: u,\n\tColumns: [u] (2 row(s))"
        ),
        "{refused}"
    );
    s.run("set dolt_force_transaction_commit = 1");
    s.check("call dolt_merge('other')", ",0,1,conflicts found");
    s.check("select * from dolt_constraint_violations", "t,2");
    s.check(
        "select violation_type, pk, u, violation_info from dolt_constraint_violations_t",
        "unique index,1,1,{\"Name\": \"u\", \"Columns\": [\"u\"]};unique index,2,1,{\"Name\": \"u\", \"Columns\": [\"u\"]}",
    );
    s.check("select * from dolt_status", "t,0,constraint violation");
    s.run("delete from t where pk = 2");
    s.run("delete from dolt_constraint_violations_t");
    s.check("select count(*) from dolt_constraint_violations", "0");
    s.run("call dolt_commit('-am','merged')");
}

#[test]
fn ignored_tables_are_not_staged() {
    let s = with_table();
    s.run("insert into dolt_ignore values ('tmp_%', true)");
    s.run("create table tmp_x (a int)");
    s.check("select * from dolt_status", "dolt_ignore,0,new table");
    s.check(
        "select table_name, ignored from dolt_status_ignored order by 1",
        "dolt_ignore,0;tmp_x,1",
    );
    s.run("call dolt_commit('-Am','ignore')");
    s.check(
        "select count(*) from tmp_x as of 'HEAD'",
        "error: Table 'db.tmp_x' doesn't exist",
    );
    s.check("select count(*) from tmp_x", "0");
}

#[test]
fn definitions_beside_rows_of_others() {
    let a = with_table();
    let b = a.other();
    a.run("start transaction");
    a.run("insert into dolt_ignore values ('x%', true)");
    b.run("insert into t values (8,8,'eight')");
    b.run("create table made_by_b (x int primary key)");
    a.run("commit");
    a.check("select count(*) from t", "3");
    a.check("select pattern from dolt_ignore", "x%");
    a.check("select count(*) from made_by_b", "0");
    a.run("start transaction");
    a.run("call dolt_add('.')");
    b.run("update t set a = 80 where pk = 8");
    a.run("commit");
    a.check("select a from t where pk = 8", "80");
    a.check("select count(*) from dolt_status where staged = 1", "3");
}

#[test]
fn commits_of_many_sessions_at_once() {
    let s = with_table();
    std::thread::scope(|scope| {
        for n in 0..4 {
            let instance = s.instance.clone();
            scope.spawn(move || {
                let id = instance.next_connection_id();
                let session = Session::new(&instance, id, "root", "localhost");
                let script = Script { instance, session };
                script.run("use db");
                for i in 0..10 {
                    let pk = 100 + n * 10 + i;
                    script.run(&format!("insert into t values ({pk},{n},'x')"));
                    script.run(&format!("call dolt_commit('-am','c{pk}','--skip-empty')"));
                }
            });
        }
    });
    s.check("select count(*) from t", "42");
    s.check("select * from dolt_status", "");
    s.check("select count(*) from t as of 'HEAD'", "42");
}

#[test]
fn databases_go_to_remotes_and_back() {
    let dir = std::env::temp_dir().join(format!("engine-remotes-{}", std::process::id()));
    let _ = std::fs::remove_dir_all(&dir);
    std::fs::create_dir_all(dir.join("data")).unwrap();
    let s = on_disk(&dir.join("data"));
    s.run("create database db");
    s.run("use db");
    s.run(TABLE);
    s.run("insert into t values (1,1,'one')");
    s.run("call dolt_commit('-Am','base')");
    let url = format!("file://{}/remote", dir.display());
    s.check("call dolt_fetch()", "error: no remote");
    s.run(&format!("call dolt_remote('add','origin','{url}')"));
    s.check(
        &format!("call dolt_remote('add','origin','{url}')"),
        "error: remote already exists",
    );
    let text = s.give("call dolt_push('origin')");
    assert!(text.contains("has no upstream branch"), "{text}");
    s.check(
        "call dolt_push('-u','origin','main')",
        &format!("0,To {url}\n * [new branch]          main -> main\nbranch 'main' set up to track 'origin/main'."),
    );
    s.check("call dolt_push('origin','main')", "0,Everything up-to-date");
    s.check("select remote, branch from dolt_branches", "origin,main");
    s.check(
        "select name from dolt_remote_branches",
        "remotes/origin/main",
    );

    let copy = on_disk(&dir.join("data"));
    copy.run(&format!("call dolt_clone('{url}','copy')"));
    copy.run("use copy");
    copy.check("select * from t", "1,1,one");
    copy.run("insert into t values (2,2,'two')");
    copy.run("call dolt_commit('-am','two')");
    copy.run("call dolt_push()");

    s.check("call dolt_fetch('origin')", "0");
    s.check("select * from t", "1,1,one");
    s.check("select count(*) from dolt_log('main..origin/main')", "1");
    s.check("call dolt_pull()", "1,0,merge successful");
    s.check("select * from t", "1,1,one;2,2,two");
    s.check("call dolt_pull()", "0,0,Everything up-to-date");

    // Both have commits of their own: refused, merged, pushed.
    copy.run("update t set a = 20 where pk = 2");
    copy.run("call dolt_commit('-am','theirs')");
    copy.run("call dolt_push()");
    s.run("update t set b = 'eins' where pk = 1");
    s.run("call dolt_commit('-am','ours')");
    let text = s.give("call dolt_push()");
    assert!(
        text.contains("! [rejected]            main -> main (non-fast-forward)"),
        "{text}"
    );
    s.check("call dolt_pull()", "0,0,merge successful");
    s.check("select * from t", "1,1,eins;2,20,two");
    s.check(
        "select message from dolt_log limit 1",
        &format!("Merge branch 'main' of {url} into main"),
    );
    s.run("call dolt_push()");

    let backup = format!("file://{}/backup", dir.display());
    s.run(&format!("call dolt_backup('add','b','{backup}')"));
    s.run("insert into t values (3,3,'not committed')");
    s.check("call dolt_backup('sync','b')", "0");
    s.run(&format!("call dolt_backup('restore','{backup}','again')"));
    s.check("select count(*) from again.t", "3");
    let text = s.give(&format!("call dolt_backup('restore','{backup}','again')"));
    assert!(text.contains("already exists, use '--force'"), "{text}");
    s.check(
        "call dolt_remote('remove','nope')",
        "error: error: unknown remote: 'nope'",
    );
    s.run("call dolt_remote('remove','origin')");
    s.check("select count(*) from dolt_remote_branches", "0");
    drop((s, copy));
    std::fs::remove_dir_all(dir).unwrap();
}

#[test]
fn a_renamed_table_conflicts_with_a_changed_one() {
    let s = with_table();
    s.run("call dolt_branch('renames')");
    s.run("insert into t values (3,3,'three')");
    s.run("call dolt_commit('-am','rows')");
    s.run("call dolt_checkout('renames')");
    s.run("alter table t rename to u");
    s.run("call dolt_commit('-Am','rename')");
    s.run("call dolt_checkout('main')");
    s.run("set autocommit = 0");
    s.check("call dolt_merge('renames')", ",0,1,conflicts found");
    s.check("select table_name from dolt_schema_conflicts", "t");
    s.check("show tables", "t;u");
}

#[test]
fn tables_made_on_both_branches_merge_whatever_their_tags() {
    let s = Script::new();
    s.run("call dolt_branch('b')");
    s.run("create table t (pk int primary key, c int)");
    s.run("alter table t modify c varchar(255)");
    s.run("insert into t values (1,'one')");
    s.run("call dolt_commit('-Am','main')");
    s.run("call dolt_checkout('b')");
    s.run("create table t (pk int primary key, c varchar(255))");
    s.run("insert into t values (3,'three')");
    s.run("call dolt_commit('-Am','b')");
    s.run("call dolt_merge('main')");
    s.check("select * from t order by pk", "1,one;3,three");
}

#[test]
fn equal_defaults_written_differently_merge() {
    let s = Script::new();
    s.run("create table t (pk int primary key, f float, d decimal(20,10))");
    s.run("call dolt_commit('-Am','base')");
    s.run("call dolt_branch('b')");
    s.run("alter table t modify f float default '1.00', modify d decimal(20,10) default '1.23'");
    s.run("call dolt_commit('-am','main')");
    s.run("call dolt_checkout('b')");
    s.run("alter table t modify f float default '1.000', modify d decimal(20,10) default 1.230");
    s.run("call dolt_commit('-am','b')");
    s.run("call dolt_merge('main')");
    s.check("select count(*) from dolt_conflicts", "0");
}
