"""What accounts may do: errors 1044, 1142, 1143, 1227, 1370 and what listings hide."""

import pymysql

from client_test import HOST, PORT, run, test


def connect(user, database=None):
    return pymysql.connect(host=HOST, port=PORT, user=user, password="", database=database, autocommit=True)


ROOT = connect("root")


def root(*statements):
    with ROOT.cursor() as c:
        for s in statements:
            c.execute(s)
        return list(c.fetchall())


def rows(connection, sql):
    with connection.cursor() as c:
        c.execute(sql)
        return list(c.fetchall())


def refused(connection, code, sql, text=None):
    try:
        rows(connection, sql)
    except pymysql.MySQLError as e:
        assert e.args[0] == code, f"{sql}: {e.args}"
        assert text is None or text in e.args[1], f"{sql}: {e.args}"
        return
    raise AssertionError(f"{sql}: was let through")


def account(name, *grants):
    root(f"CREATE USER {name}@'%'", *[f"GRANT {g} TO {name}@'%'" for g in grants])
    return name


def setup():
    root(
        "CREATE DATABASE shop",
        "CREATE DATABASE other",
        "CREATE TABLE other.t (a INT PRIMARY KEY)",
        "USE shop",
        "CREATE TABLE items (id INT PRIMARY KEY, price INT, secret INT)",
        "CREATE TABLE hidden (id INT PRIMARY KEY)",
        "INSERT INTO items VALUES (1, 10, 99), (2, 20, 98)",
        "INSERT INTO hidden VALUES (7)",
        "CREATE VIEW shown AS SELECT id FROM hidden",
    )


@test
def nothing_is_allowed_without_a_grant():
    c = connect(account("nobody"))
    refused(c, 1044, "USE shop", "Access denied for user 'nobody'@'%' to database 'shop'")
    refused(c, 1142, "SELECT * FROM shop.items", "SELECT command denied to user 'nobody'@")
    refused(c, 1142, "SELECT * FROM shop.missing", "for table 'missing'")
    refused(c, 1142, "SELECT 1 FROM shop.items")
    refused(c, 1142, "SELECT (SELECT max(id) FROM shop.items)")
    refused(c, 1142, "WITH x AS (SELECT * FROM shop.items) SELECT 1 FROM x")
    refused(c, 1142, "INSERT INTO shop.items VALUES (3, 3, 3)", "INSERT command denied")
    refused(c, 1142, "UPDATE shop.items SET price = 1", "UPDATE command denied")
    refused(c, 1142, "DELETE FROM shop.items", "DELETE command denied")
    refused(c, 1142, "REPLACE INTO shop.items VALUES (3, 3, 3)")
    refused(c, 1142, "TRUNCATE TABLE shop.items", "DROP command denied")
    refused(c, 1142, "DROP TABLE shop.items", "DROP command denied")
    refused(c, 1142, "ALTER TABLE shop.items ADD c INT", "ALTER command denied")
    refused(c, 1142, "CREATE TABLE shop.mine (a INT)", "CREATE command denied")
    refused(c, 1142, "CREATE INDEX i ON shop.items (price)", "INDEX command denied")
    refused(c, 1142, "CREATE VIEW shop.v AS SELECT 1", "CREATE VIEW command denied")
    refused(c, 1142, "SHOW CREATE TABLE shop.items", "SHOW command denied")
    refused(c, 1142, "DESCRIBE shop.items", "SELECT command denied")
    refused(c, 1142, "SHOW INDEX FROM shop.items")
    refused(c, 1044, "SHOW TABLES FROM shop")
    refused(c, 1044, "CREATE DATABASE mine")
    refused(c, 1044, "DROP DATABASE shop")
    refused(c, 1227, "SET GLOBAL max_connections = 10", "SUPER or SYSTEM_VARIABLES_ADMIN")
    refused(c, 1227, "CREATE USER someone", "CREATE USER")
    refused(c, 1227, "FLUSH PRIVILEGES", "RELOAD")
    refused(c, 1142, "SELECT user FROM mysql.user")
    assert rows(c, "SHOW DATABASES") == [("information_schema",)]
    assert rows(c, "SELECT 1") == [(1,)]
    assert rows(c, "SELECT table_name FROM information_schema.tables WHERE table_schema = 'shop'") == []


@test
def a_table_grant_reaches_that_table():
    c = connect(account("reader", "SELECT ON shop.items"), "shop")
    assert rows(c, "SELECT id FROM items ORDER BY id") == [(1,), (2,)]
    refused(c, 1142, "SELECT * FROM hidden", "for table 'hidden'")
    refused(c, 1142, "SELECT * FROM items JOIN hidden USING (id)")
    refused(c, 1142, "UPDATE items SET price = 0")
    refused(c, 1142, "SELECT * FROM `shop/main`.hidden")
    assert rows(c, "SHOW TABLES") == [("items",)]
    assert rows(c, "SELECT table_name FROM information_schema.tables WHERE table_schema = 'shop'") == [("items",)]
    assert rows(c, "SHOW DATABASES") == [("information_schema",), ("shop",)]
    refused(c, 1142, "SELECT * FROM dolt_log")
    refused(c, 1142, "SELECT * FROM dolt_diff('HEAD', 'WORKING', 'hidden')")


@test
def changes_read_only_what_may_be_read():
    c = connect(account("writer", "INSERT, UPDATE, DELETE ON shop.items"), "shop")
    rows(c, "INSERT INTO items VALUES (50, 1, 1)")
    rows(c, "UPDATE items SET price = 5")
    refused(c, 1143, "UPDATE items SET price = 6 WHERE id = 50", "for column 'id' in table 'items'")
    refused(c, 1143, "UPDATE items SET price = price + 1")
    refused(c, 1143, "DELETE FROM items WHERE id = 50")
    refused(c, 1142, "SELECT 1 FROM items")
    refused(c, 1143, "INSERT INTO items VALUES (50, 1, 1) ON DUPLICATE KEY UPDATE price = price + 1")
    root("DELETE FROM items WHERE id = 50", "UPDATE items SET price = id * 10")


@test
def column_grants():
    c = connect(account("narrow", "SELECT (id, price), UPDATE (price), INSERT (id) ON shop.items"), "shop")
    assert rows(c, "SELECT id, price FROM items WHERE id = 1") == [(1, 10)]
    refused(c, 1143, "SELECT secret FROM items", "SELECT command denied to user 'narrow'@")
    refused(c, 1143, "SELECT id FROM items WHERE secret = 99")
    refused(c, 1143, "SELECT id FROM items ORDER BY secret")
    refused(c, 1143, "SELECT a.id FROM items a JOIN items b USING (secret)")
    refused(c, 1142, "SELECT * FROM items", "for table 'items'")
    refused(c, 1142, "SELECT items.* FROM items")
    rows(c, "UPDATE items SET price = 11 WHERE id = 1")
    refused(c, 1143, "UPDATE items SET secret = 1 WHERE id = 1", "UPDATE command denied")
    rows(c, "INSERT INTO items (id) VALUES (60)")
    refused(c, 1143, "INSERT INTO items (id, secret) VALUES (61, 1)", "INSERT command denied")
    refused(c, 1143, "INSERT INTO items VALUES (61, 1, 1)")
    root("DELETE FROM items WHERE id = 60", "UPDATE items SET price = 10 WHERE id = 1")


@test
def views_read_with_the_rights_of_their_definer():
    c = connect(account("viewer", "SELECT ON shop.shown"), "shop")
    assert rows(c, "SELECT * FROM shown") == [(7,)]
    refused(c, 1142, "SELECT * FROM hidden")
    refused(c, 1142, "SHOW CREATE VIEW shown", "SHOW VIEW command denied")
    refused(c, 1142, "CREATE VIEW v2 AS SELECT * FROM hidden")


@test
def views_read_with_the_rights_that_they_name():
    maker = account("view_maker", "SELECT ON shop.hidden", "SELECT ON shop.items")
    root(
        "CREATE SQL SECURITY INVOKER VIEW shop.as_reader AS SELECT id FROM hidden",
        "CREATE DEFINER = view_maker@'%' VIEW shop.as_maker AS SELECT id FROM hidden",
        "CREATE DEFINER = gone@'%' VIEW shop.as_nobody AS SELECT id FROM hidden",
    )
    views = [f"SELECT ON shop.{v}" for v in ("as_reader", "as_maker", "as_nobody")]
    c = connect(account("view_reader", *views), "shop")
    refused(c, 1356, "SELECT * FROM as_reader", "lack rights to use them")
    assert rows(c, "SELECT * FROM as_maker") == [(7,)]
    refused(c, 1449, "SELECT * FROM as_nobody", "('gone'@'%') does not exist")
    root(f"REVOKE SELECT ON shop.hidden FROM {maker}@'%'", "GRANT SELECT ON shop.hidden TO view_reader@'%'")
    assert rows(c, "SELECT * FROM as_reader") == [(7,)]
    refused(c, 1356, "SELECT * FROM as_maker")
    assert root("SELECT * FROM shop.as_reader") == [(7,)]


@test
def grants_take_effect_at_once():
    c = connect(account("late", "SELECT ON shop.items"), "shop")
    assert rows(c, "SELECT count(*) FROM items") == [(2,)]
    root("REVOKE SELECT ON shop.items FROM late@'%'", "GRANT SELECT ON shop.hidden TO late@'%'")
    refused(c, 1142, "SELECT count(*) FROM items")
    assert rows(c, "SELECT id FROM hidden") == [(7,)]


@test
def prepared_statements_ask_again():
    c = connect(account("preparer", "SELECT ON shop.items"), "shop")
    rows(c, "PREPARE p FROM 'SELECT count(*) FROM items'")
    assert rows(c, "EXECUTE p") == [(2,)]
    root("REVOKE SELECT ON shop.items FROM preparer@'%'")
    refused(c, 1142, "EXECUTE p")


@test
def a_database_grant_reaches_its_tables_only():
    c = connect(account("owner", "ALL ON shop.*"), "shop")
    rows(c, "CREATE TABLE made (a INT PRIMARY KEY, b INT)")
    rows(c, "ALTER TABLE made ADD c INT")
    rows(c, "CREATE INDEX i ON made (b)")
    rows(c, "INSERT INTO made VALUES (1, 2, 3)")
    rows(c, "CALL dolt_add('.')")
    rows(c, "SELECT * FROM dolt_log")
    refused(c, 1370, "CALL dolt_remote('add', 'x', 'file:///nowhere')", "execute command denied to user 'owner'@'%'")
    rows(c, "DROP TABLE made")
    refused(c, 1142, "SELECT * FROM other.t")
    refused(c, 1142, "CREATE TABLE other.mine (a INT)")
    refused(c, 1142, "ALTER TABLE items RENAME TO other.items")
    refused(c, 1044, "USE other")


@test
def procedures_need_execute():
    c = connect(account("caller", "SELECT ON shop.*"), "shop")
    refused(c, 1370, "CALL dolt_add('.')", "for routine 'shop.dolt_add'")
    root("GRANT EXECUTE ON PROCEDURE shop.dolt_add TO caller@'%'")
    rows(c, "CALL dolt_add('.')")
    refused(c, 1370, "CALL dolt_reset()")


@test
def stored_programs_run_with_the_rights_of_their_definer():
    root(
        "CREATE TABLE shop.audit (id INT)",
        "CREATE PROCEDURE shop.look() SELECT count(*) FROM shop.hidden",
        "CREATE PROCEDURE shop.away() SELECT count(*) FROM other.t",
        "CREATE FUNCTION shop.total() RETURNS INT READS SQL DATA RETURN (SELECT sum(price) FROM shop.items)",
        "CREATE TRIGGER shop.kept BEFORE INSERT ON shop.items FOR EACH ROW INSERT INTO shop.audit VALUES (NEW.id)",
    )
    c = connect(account("limited", "EXECUTE ON PROCEDURE shop.look", "INSERT ON shop.items"), "shop")
    assert rows(c, "CALL look()") == [(1,)]
    refused(c, 1370, "CALL away()")
    refused(c, 1142, "SELECT count(*) FROM shop.hidden")
    refused(c, 1370, "SELECT total()", "execute command denied to user 'limited'@'%' for routine 'shop.total'")
    root("GRANT EXECUTE ON PROCEDURE shop.away TO limited@'%'", "GRANT EXECUTE ON FUNCTION shop.total TO limited@'%'")
    assert rows(c, "SELECT total()") == [(30,)]
    assert rows(c, "CALL away()") == [(0,)]
    rows(c, "INSERT INTO items VALUES (70, 1, 1)")
    refused(c, 1142, "SELECT * FROM audit")
    assert root("SELECT id FROM shop.audit") == [(70,)]
    root("DROP TRIGGER shop.kept", "DELETE FROM shop.items WHERE id = 70")


@test
def roles_give_what_they_hold():
    root("CREATE ROLE clerk", "GRANT SELECT ON shop.* TO clerk")
    c = connect(account("employee"))
    refused(c, 1142, "SELECT * FROM shop.items")
    root("GRANT clerk TO employee@'%'")
    assert rows(c, "SELECT count(*) FROM shop.items") == [(2,)]


@test
def branches_are_written_by_who_may():
    root(
        "CREATE DATABASE ruled",
        "USE ruled",
        "CREATE TABLE t (id INT PRIMARY KEY)",
        "CALL dolt_commit('-Am', 'a table')",
        "CALL dolt_branch('open')",
        "DELETE FROM dolt_branch_control",
        "INSERT INTO dolt_branch_control VALUES ('%', '%', 'root', '%', 'admin'), ('ruled', 'open', 'ruler', '%', 'write')",
        "INSERT INTO dolt_branch_namespace_control VALUES ('ruled', 'release%', 'root', '%')",
    )
    try:
        c = connect(account("ruler", "ALL ON *.*"), "ruled")
        denied = "does not have the correct permissions on branch `main`"
        for sql in (
            "INSERT INTO t VALUES (1)",
            "INSERT INTO `ruled/main`.t VALUES (1)",
            "CREATE TABLE u (id INT)",
            "CALL dolt_merge('open')",
            "CALL dolt_reset('--hard', 'open')",
            "CALL dolt_commit('--allow-empty', '-m', 'x')",
            "DELETE FROM dolt_tests",
        ):
            refused(c, 1105, sql, denied)
        refused(c, 1105, "CALL dolt_branch('-D', 'main')", "cannot delete the branch `main`")
        refused(c, 1105, "CALL dolt_checkout('-b', 'release1')", "cannot create a branch named `release1`")
        refused(c, 1105, "INSERT INTO dolt_branch_control VALUES ('%', '%', 'ruler', '%', 'admin')", "cannot add the row")
        prepared = connect("ruler", "ruled/open")
        rows(prepared, "INSERT INTO t VALUES (1)")
        rows(prepared, "CALL dolt_commit('-am', 'on open')")
        root("DELETE FROM dolt_branch_control WHERE user = 'ruler'")
        refused(prepared, 1105, "INSERT INTO t VALUES (2)", "on branch `open`")
        assert root("SELECT count(*) FROM ruled.t") == [(0,)]
    finally:
        root(
            "REPLACE INTO dolt_branch_control VALUES ('%', '%', '%', '%', 'write')",
            "DELETE FROM dolt_branch_namespace_control",
            "USE shop",
        )


@test
def root_may_do_everything():
    assert root("SELECT count(*) FROM shop.items") == [(2,)]
    assert root("SELECT count(*) > 0 FROM mysql.user") == [(1,)]


setup()
run("privileges")
