"""PyMySQL against a running server."""

import tempfile

import pymysql

from client_test import HOST, PORT, run, test


def connect(**more):
    return pymysql.connect(**({"host": HOST, "port": PORT, "user": "root"} | more))


def rows(connection, sql, args=None):
    with connection.cursor() as c:
        c.execute(sql, args)
        return c.fetchall()


@test
def rollback_is_not_ignored():
    # PyMySQL turns autocommit off only if the status flags say that it is on.
    c = connect()
    rows(c, "create database shop")
    c.select_db("shop")
    rows(c, "create table t (id int primary key)")
    rows(c, "insert into t values (1)")
    c.rollback()
    assert rows(c, "select count(*) from t") == ((0,),)
    c.close()


@test
def error_classes_follow_the_numbers():
    c = connect(database="shop", autocommit=True)
    rows(c, "insert into t values (1)")
    for sql, cls, number in [
        ("insert into t values (1)", pymysql.err.IntegrityError, 1062),
        ("select * from nowhere", pymysql.err.ProgrammingError, 1146),
        ("selec 1", pymysql.err.ProgrammingError, 1064),
    ]:
        try:
            rows(c, sql)
            raise AssertionError(f"no error: {sql}")
        except cls as e:
            assert e.args[0] == number, (sql, e)
    c.close()


@test
def binary_results_come_in_the_columns_character_set():
    c = connect(database="shop", autocommit=True)
    rows(
        c,
        "create table words (id int primary key, l varchar(9) character set latin1,"
        " u varchar(9) character set utf16, e enum('é') character set latin1, m text)",
    )
    rows(c, "insert into words values (1, 'é', 'é', 'é', 'é')")
    assert rows(c, "select l, u, e, m from words") == (("é", "é", "é", "é"),)
    rows(c, "set character_set_results = binary")
    assert rows(c, "select l, u, e, m from words") == ((b"\xe9", b"\x00\xe9", b"\xe9", b"\xc3\xa9"),)
    c.close()


@test
def large_packets():
    c = connect(database="shop", autocommit=True)
    rows(c, "create table big (id int primary key, v longblob)")
    data = bytes(range(256)) * (70 * 1024)
    rows(c, "insert into big values (1, _binary %s)", (data,))
    assert rows(c, "select v from big") == ((data,),)
    c.close()


@test
def local_files_are_loaded_when_the_server_lets_them():
    c = connect(database="shop", autocommit=True, local_infile=True)
    rows(c, "create table loaded (id int primary key, name varchar(20))")
    with tempfile.NamedTemporaryFile("w", suffix=".csv") as f:
        f.write("id,name\n1,one\n2,\\N\n")
        f.flush()
        load = (
            f"load data local infile '{f.name}' into table loaded "
            "fields terminated by ',' ignore 1 lines"
        )
        try:
            rows(c, load)
            raise AssertionError("local_infile is off by default")
        except pymysql.err.OperationalError as e:
            assert e.args[0] == 3948, e
        rows(c, "set global local_infile = 1")
        rows(c, load)
    assert rows(c, "select * from loaded order by id") == ((1, "one"), (2, None))
    c.close()


run("PyMySQL")
