"""mysql-connector-python against a running server."""

import datetime
import decimal

import mysql.connector
from mysql.connector import errors

from client_test import HOST, PORT, run, test


def connect(**more):
    options = {"host": HOST, "port": PORT, "user": "root", "password": "", "use_pure": True} | more
    return mysql.connector.connect(**options)


def rows(connection, sql, args=None, **cursor):
    with connection.cursor(**cursor) as c:
        c.execute(sql, args)
        return c.fetchall() if c.with_rows else c.rowcount


@test
def connect_and_create():
    c = connect()
    rows(c, "create database shop")
    c.database = "shop"
    rows(c, "create table items (id int primary key auto_increment, name varchar(20) not null unique, "
            "price decimal(8,2), at datetime(6), day date, t time, raw varbinary(10), f double)")
    c.commit()
    assert rows(c, "select database()") == [("shop",)]
    c.close()


VALUES = ("é😀", decimal.Decimal("1.50"), datetime.datetime(2026, 1, 2, 3, 4, 5, 6), datetime.date(2026, 1, 2),
          datetime.timedelta(hours=30, seconds=1), b"\x00\xff", 0.1)


@test
def values_survive_both_protocols():
    c = connect(database="shop")
    sql = "insert into items (name, price, at, day, t, raw, f) values (%s, %s, %s, %s, %s, %s, %s)"
    with c.cursor(prepared=True) as cursor:
        cursor.execute(sql, VALUES)
        assert cursor.lastrowid == 1
    rows(c, sql, ("text",) + VALUES[1:])
    c.commit()
    columns = "select name, price, at, day, t, raw, f from items where id = "
    for prepared in (False, True):
        for number, name in ((1, VALUES[0]), (2, "text")):
            got = rows(c, columns + "%s", (number,), prepared=prepared)
            assert [tuple(got[0])] == [(name,) + VALUES[1:]], (prepared, got)
    c.close()


@test
def autocommit_is_off_for_the_driver_so_that_rollback_works():
    c = connect(database="shop")
    rows(c, "insert into items (name) values ('gone')")
    c.rollback()
    assert rows(c, "select count(*) from items where name = 'gone'") == [(0,)]
    c.close()


@test
def exceptions_are_of_the_right_class():
    c = connect(database="shop")
    for sql, cls, errno, state in [
        ("insert into items (name) values ('text')", errors.IntegrityError, 1062, "23000"),
        ("insert into items (name) values (null)", errors.IntegrityError, 1048, "23000"),
        ("select * from nowhere", errors.ProgrammingError, 1146, "42S02"),
        ("select nothing from items", errors.ProgrammingError, 1054, "42S22"),
        ("selec 1", errors.ProgrammingError, 1064, "42000"),
    ]:
        try:
            rows(c, sql)
            raise AssertionError(f"no error: {sql}")
        except errors.Error as e:
            assert isinstance(e, cls) and (e.errno, e.sqlstate) == (errno, state), (sql, type(e), e)
    c.close()


@test
def a_missing_database_and_wrong_passwords():
    for options, errno, state in [
        ({"database": "nowhere"}, 1049, "42000"),
        ({"password": "x"}, 1045, "28000"),
        ({"user": "nobody"}, 1045, "28000"),
    ]:
        try:
            connect(**options)
            raise AssertionError(f"let in: {options}")
        except errors.Error as e:
            assert (e.errno, e.sqlstate) == (errno, state), (options, e)


@test
def ping_reset_and_change_of_user():
    c = connect(database="shop")
    rows(c, "create user alice identified by 'alice-secret'")
    rows(c, "grant all on *.* to alice")
    c.ping()
    rows(c, "set @v = 1")
    c.cmd_reset_connection()
    assert rows(c, "select @v, database()") == [(None, "shop")]
    c.cmd_change_user("alice", "alice-secret", "shop")
    assert rows(c, "select user()")[0][0].startswith("alice@")
    c.close()


@test
def several_statements_and_results():
    c = connect(database="shop")
    with c.cursor() as cursor:
        cursor.execute("select 1; select 2")
        got = [cursor.fetchall()]
        while cursor.nextset():
            got.append(cursor.fetchall())
    assert got == [[(1,)], [(2,)]], got
    c.close()


@test
def matched_rows_are_reported_on_request():
    c = connect(database="shop", client_flags=[mysql.connector.ClientFlag.FOUND_ROWS])
    assert rows(c, "update items set name = 'text' where name = 'text'") == 1
    c.close()


@test
def versions():
    c = connect(database="shop", autocommit=True)
    rows(c, "call dolt_add('-A')")
    rows(c, "call dolt_commit('-m', 'items')")
    rows(c, "set @@dolt_committer_email = %s", ("x@example.com",))
    log = rows(c, "select message from dolt_log order by date desc limit 1")
    assert log == [("items",)], log
    with c.cursor() as cursor:
        cursor.callproc("dolt_tag", ("v1",))
    assert rows(c, "select count(*) from items as of 'v1'") == rows(c, "select count(*) from items")
    c.close()


run("mysql-connector-python")
