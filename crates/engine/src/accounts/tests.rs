use std::path::PathBuf;

use chunks::LocalDisk;

use super::*;

fn shared(path: &str) -> Option<PathBuf> {
    let root = std::env::var_os("DOLT_RS_SHARED")
        .map(PathBuf::from)
        .unwrap_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared"));
    let path = root.join(path);
    if path.exists() {
        return Some(path);
    }
    println!("skipped: {} is absent", path.display());
    None
}

/// The privileges file of the golden server, unpacked by tar.
fn golden() -> Option<Vec<u8>> {
    let archive = shared("golden/dbs/server_data.tar.gz")?;
    let out = std::process::Command::new("tar")
        .args(["-xzOf"])
        .arg(archive)
        .arg("server_data/.doltcfg/privileges.db")
        .output();
    match out {
        Ok(out) if out.status.success() => Some(out.stdout),
        _ => {
            println!("skipped: tar did not unpack the golden server");
            None
        }
    }
}

fn scratch(name: &str) -> PathBuf {
    let dir = std::env::temp_dir().join(format!("dolt-rs-accounts-{name}-{}", std::process::id()));
    let _ = std::fs::remove_dir_all(&dir);
    dir.join("privileges.db")
}

fn root() -> AccountName {
    AccountName::new("root", "localhost")
}

fn run(accounts: &Accounts, who: &AccountName, sql: &str) -> Result<Outcome> {
    let statement =
        syntax::parse(sql, &syntax::Options::default()).unwrap_or_else(|e| panic!("{sql}: {e}"));
    execute(accounts, &statement, who, Some("shop"))
}

fn shown(accounts: &Accounts, user: &str) -> Vec<String> {
    let out = run(accounts, &root(), &format!("SHOW GRANTS FOR {user}")).expect("shown");
    out.rows
        .expect("rows")
        .1
        .into_iter()
        .map(|r| r[0].clone())
        .collect()
}

#[test]
fn the_golden_file_is_read_and_written_byte_for_byte() {
    let Some(bytes) = golden() else { return };
    let state = file_format::decode(&bytes).expect("decodes");
    let names: Vec<String> = state
        .accounts
        .iter()
        .map(|a| format!("{}@{}", a.user, a.host))
        .collect();
    assert_eq!(
        names,
        [
            "alice@%",
            "locked@%",
            "reader@%",
            "writer@%",
            "carol@10.0.%",
            "bob@localhost",
            "event_scheduler@localhost",
            "root@localhost"
        ]
    );
    let alice = state.get("alice", "%").expect("alice");
    assert_eq!(alice.auth_string, password::hash_native("alice-secret"));
    let carol = state.get("carol", "10.0.%").expect("carol");
    assert_eq!(carol.plugin, password::CACHING_SHA2);
    assert!(password::verify_sha2(b"carol-secret", &carol.auth_string));
    assert!(
        carol
            .grants
            .allows_routine(Privilege::Execute, "shop", "list_items", true)
    );
    assert_eq!(state.edges.len(), 2);
    assert_eq!(file_format::encode(&state).expect("encodes"), bytes);
}

#[test]
fn damaged_files_are_refused() {
    let Some(bytes) = golden() else { return };
    for n in 0..bytes.len() {
        let _ = file_format::decode(&bytes[..n]);
        let mut changed = bytes.clone();
        changed[n] ^= 0xff;
        let _ = file_format::decode(&changed);
    }
    assert!(file_format::decode(&[1, 2, 3]).is_err());
    assert!(file_format::decode(b"{\"Users\":[]}").is_err());
}

#[test]
fn statements_are_kept_on_disk() {
    let path = scratch("kept");
    let accounts = Accounts::open(&LocalDisk::shared(), &path).expect("opens");
    assert!(
        accounts.is_empty() && !path.exists(),
        "reading makes no file"
    );
    accounts
        .add_superuser("root", "localhost", "")
        .expect("root");
    let r = root();
    run(
        &accounts,
        &r,
        "CREATE USER 'app'@'10.%' IDENTIFIED BY 'pw', dba",
    )
    .expect("created");
    run(
        &accounts,
        &r,
        "GRANT SELECT, INSERT ON shop.* TO 'app'@'10.%'",
    )
    .expect("granted");
    run(
        &accounts,
        &r,
        "GRANT UPDATE (price), DELETE ON items TO 'app'@'10.%'",
    )
    .expect("granted");
    run(&accounts, &r, "CREATE ROLE boss").expect("role");
    run(&accounts, &r, "GRANT ALL ON *.* TO boss WITH GRANT OPTION").expect("granted");
    run(&accounts, &r, "GRANT CLONE_ADMIN ON *.* TO dba").expect("dynamic");
    run(&accounts, &r, "GRANT boss TO dba").expect("role granted");
    run(
        &accounts,
        &r,
        "GRANT EXECUTE ON PROCEDURE shop.dolt_gc TO dba",
    )
    .expect("routine");

    let again = Accounts::open(&LocalDisk::shared(), &path).expect("opens");
    assert_eq!(again.list(), accounts.list());
    assert_eq!(again.role_edges(), accounts.role_edges());
    assert_eq!(
        shown(&again, "'app'@'10.%'"),
        [
            "GRANT USAGE ON *.* TO `app`@`10.%`",
            "GRANT SELECT, INSERT ON `shop`.* TO `app`@`10.%`",
            "GRANT UPDATE (`price`), DELETE ON `shop`.`items` TO `app`@`10.%`",
        ]
    );
    assert_eq!(
        shown(&again, "dba"),
        [
            "GRANT USAGE ON *.* TO `dba`@`%`",
            "GRANT EXECUTE ON PROCEDURE `shop`.`dolt_gc` TO `dba`@`%`",
            "GRANT `boss`@`%` TO `dba`@`%`",
            "GRANT CLONE_ADMIN ON *.* TO `dba`@`%`",
        ]
    );
    let app = AccountName::new("app", "10.%");
    assert!(again.allows(&app, Privilege::Select, Some("shop"), Some("t")));
    assert!(!again.allows(&app, Privilege::Delete, Some("shop"), Some("t")));
    assert!(again.allows(
        &AccountName::new("dba", "%"),
        Privilege::Drop,
        Some("x"),
        None
    ));

    run(&again, &r, "REVOKE INSERT ON shop.* FROM 'app'@'10.%'").expect("revoked");
    run(
        &again,
        &r,
        "REVOKE DELETE, UPDATE (price) ON shop.items FROM 'app'@'10.%'",
    )
    .expect("revoked");
    assert_eq!(shown(&again, "'app'@'10.%'").len(), 2);
    run(&again, &r, "REVOKE boss FROM dba").expect("revoked");
    assert!(!again.allows(
        &AccountName::new("dba", "%"),
        Privilege::Drop,
        Some("x"),
        None
    ));
    run(&again, &r, "RENAME USER dba TO 'd'@'h'").expect("renamed");
    run(&again, &r, "DROP USER 'd'@'h', boss").expect("dropped");
    assert_eq!(again.list().len(), 2);
    let _ = std::fs::remove_dir_all(path.parent().expect("has one"));
}

#[test]
fn errors_are_mysqls_and_change_nothing() {
    let accounts = Accounts::in_memory();
    let r = AccountName::new("root", "%");
    run(&accounts, &r, "CREATE USER a, b").expect("created");
    let code = |who: &AccountName, sql: &str| run(&accounts, who, sql).expect_err(sql).code;
    assert_eq!(code(&r, "CREATE USER c, a"), 1396);
    assert!(accounts.get("c", "%").is_none(), "all or nothing");
    assert_eq!(code(&r, "DROP USER nobody"), 1396);
    assert_eq!(code(&r, "ALTER USER nobody IDENTIFIED BY 'x'"), 1396);
    assert_eq!(code(&r, "GRANT SELECT ON *.* TO nobody"), 1410);
    assert_eq!(code(&r, "REVOKE SELECT ON *.* FROM nobody"), 1141);
    assert_eq!(code(&r, "GRANT nobody TO a"), 3523);
    assert_eq!(code(&r, "GRANT RELOAD ON shop.* TO a"), 1221);
    assert_eq!(code(&r, "GRANT EVENT ON shop.t TO a"), 1144);
    assert_eq!(
        code(&r, "CREATE USER x IDENTIFIED WITH nothing BY 'y'"),
        1524
    );
    assert_eq!(
        code(
            &r,
            "CREATE USER x IDENTIFIED WITH mysql_native_password AS 'y'"
        ),
        1827
    );
    assert_eq!(
        code(&r, "CREATE USER abcdefghijklmnopqrstuvwxyz0123456789"),
        1470
    );
    run(&accounts, &r, "GRANT a TO b").expect("granted");
    assert_eq!(code(&r, "GRANT b TO a"), 3573);
    let a = AccountName::new("a", "%");
    assert_eq!(code(&a, "CREATE USER z"), 1227);
    assert_eq!(code(&a, "GRANT SELECT ON shop.* TO b"), 1044);
    assert_eq!(code(&a, "SHOW GRANTS FOR b"), 1044);
    assert_eq!(code(&a, "ALTER USER b IDENTIFIED BY 'x'"), 1227);
    run(&accounts, &a, "ALTER USER CURRENT_USER() IDENTIFIED BY 'x'").expect("own password");
    set_password(&accounts, None, "y", &a).expect("own password");
    assert_eq!(
        accounts.get("a", "%").expect("a").auth_string,
        password::hash_native("y")
    );
    let notes = run(&accounts, &r, "CREATE USER IF NOT EXISTS a")
        .expect("a note")
        .warnings;
    assert_eq!(notes.len(), 1);
    run(
        &accounts,
        &r,
        "GRANT SELECT ON shop.* TO a WITH GRANT OPTION",
    )
    .expect("granted");
    run(&accounts, &a, "GRANT SELECT ON shop.items TO b").expect("passed on");
    assert_eq!(code(&a, "GRANT INSERT ON shop.items TO b"), 1142);
}

#[test]
fn the_most_specific_account_is_taken() {
    let accounts = Accounts::in_memory();
    let r = AccountName::new("root", "%");
    run(
        &accounts,
        &r,
        "CREATE USER u, 'u'@'10.%', 'u'@'10.0.0.1', ''@'localhost', 'u'@'localhost'",
    )
    .expect("created");
    let host = |user: &str, from: &str| {
        accounts
            .lookup(user, &ClientHost::parse(from))
            .map(|a| format!("{}@{}", a.user, a.host))
    };
    assert_eq!(host("u", "10.0.0.1").as_deref(), Some("u@10.0.0.1"));
    assert_eq!(host("u", "10.0.0.2").as_deref(), Some("u@10.%"));
    assert_eq!(host("u", "9.9.9.9").as_deref(), Some("u@%"));
    assert_eq!(host("u", "127.0.0.1").as_deref(), Some("u@localhost"));
    assert_eq!(host("v", "127.0.0.1").as_deref(), Some("@localhost"));
    assert_eq!(host("v", "9.9.9.9"), None);
}

#[test]
fn the_servers_own_account_is_not_kept() {
    let path = scratch("own");
    let accounts = Accounts::open(&LocalDisk::shared(), &path).expect("opens");
    accounts
        .add_superuser("root", "localhost", "")
        .expect("root");
    let before = accounts.version();
    assert!(
        !accounts
            .add_ephemeral_superuser("__dolt_local_user__", "localhost", "s")
            .expect("added")
    );
    assert!(accounts.version() > before);
    accounts.save().expect("saved");
    assert!(accounts.get("__dolt_local_user__", "localhost").is_some());
    let again = Accounts::open(&LocalDisk::shared(), &path).expect("opens");
    assert!(again.get("__dolt_local_user__", "localhost").is_none());
    let root = again.get("root", "localhost").expect("root");
    assert!(root.superuser && root.grants.has_dynamic("clone_admin"));
    let _ = std::fs::remove_dir_all(path.parent().expect("has one"));
}

#[test]
fn super_alone_gives_nothing_away() {
    let accounts = Accounts::in_memory();
    run(
        &accounts,
        &AccountName::new("root", "%"),
        "create user boss@localhost, other@localhost",
    )
    .unwrap();
    run(
        &accounts,
        &AccountName::new("root", "%"),
        "grant all on *.* to boss@localhost",
    )
    .unwrap();
    let boss = AccountName::new("boss", "localhost");
    for sql in [
        "grant select on *.* to other@localhost",
        "grant select on db.* to other@localhost",
        "grant all on *.* to boss@localhost with grant option",
    ] {
        assert!(run(&accounts, &boss, sql).is_err(), "{sql}");
    }
    let sql = "grant all on *.* to boss@localhost with grant option";
    run(&accounts, &AccountName::new("root", "%"), sql).unwrap();
    run(&accounts, &boss, "grant select on db.* to other@localhost").unwrap();
}
