"""Row locks between real connections: who waits, for how long, and what he sees then."""

import os
import threading
import time

import pymysql

SERVER = dict(host=os.environ["DOLT_HOST"], port=int(os.environ["DOLT_PORT"]), user="root")


class Client:
    """A connection whose statements may be left running."""

    def __init__(self, **options):
        self.connection = pymysql.connect(**SERVER, **options)
        self.cursor = self.connection.cursor()
        self.cursor.execute("SET innodb_lock_wait_timeout = 50")
        self.running = None

    def run(self, sql):
        self.cursor.execute(sql)
        return self.cursor.fetchall()

    def one(self, sql):
        return self.run(sql)[0][0]

    def fails(self, sql, code):
        try:
            self.run(sql)
        except pymysql.err.MySQLError as e:
            assert e.args[0] == code, (sql, e)
            return
        raise AssertionError(f"{sql} does not fail")

    def waits(self, sql):
        """Starts a statement that does not come to its end yet."""
        self.outcome = None

        def work():
            try:
                self.outcome = ("rows", self.run(sql))
            except pymysql.err.MySQLError as e:
                self.outcome = ("error", e.args[0])

        self.running = threading.Thread(target=work)
        self.running.start()
        self.running.join(0.3)
        assert self.running.is_alive(), (sql, self.outcome)

    def comes(self):
        self.running.join(20)
        assert not self.running.is_alive(), "it still waits"
        return self.outcome


def main():
    setup = Client()
    setup.run("CREATE DATABASE locks")
    setup.run("CREATE TABLE locks.c (id INT PRIMARY KEY, n INT)")
    setup.run("INSERT INTO locks.c VALUES (1, 10), (2, 20), (3, 30)")
    setup.run("CREATE TABLE locks.kept (id INT PRIMARY KEY)")
    setup.run("INSERT INTO locks.kept VALUES (1)")
    setup.connection.commit()
    # While somebody holds a lock, changes lock rows, too.
    keeper = Client(database="locks")
    keeper.run("BEGIN")
    keeper.run("SELECT * FROM kept FOR UPDATE")
    a, b = Client(database="locks"), Client(database="locks")

    # Two increments in transactions both count.
    b.one("SELECT n FROM c WHERE id = 1")
    a.run("UPDATE c SET n = n + 1 WHERE id = 1")
    b.waits("UPDATE c SET n = n + 1 WHERE id = 1")
    a.connection.commit()
    assert b.comes()[0] == "rows"
    b.connection.commit()
    a.connection.rollback()
    assert a.one("SELECT n FROM c WHERE id = 1") == 12
    a.connection.rollback()

    # A queue: each worker takes a job of its own.
    job = "SELECT id FROM c ORDER BY id LIMIT 1 FOR UPDATE SKIP LOCKED"
    assert (a.one(job), b.one(job)) == (1, 2)
    b.fails("SELECT id FROM c WHERE id = 1 FOR UPDATE NOWAIT", 3572)
    a.connection.commit()
    b.connection.commit()

    # A deadlock ends one of the two at once.
    a.run("UPDATE c SET n = 0 WHERE id = 1")
    b.run("UPDATE c SET n = 0 WHERE id = 2")
    a.waits("UPDATE c SET n = 0 WHERE id = 2")
    start = time.monotonic()
    b.fails("UPDATE c SET n = 0 WHERE id = 1", 1213)
    assert time.monotonic() - start < 2
    assert a.comes()[0] == "rows"
    a.connection.rollback()

    # Patience ends; the rest of the transaction stays.
    a.run("UPDATE c SET n = 77 WHERE id = 1")
    b.run("SET innodb_lock_wait_timeout = 1")
    b.run("UPDATE c SET n = 88 WHERE id = 2")
    b.fails("UPDATE c SET n = 88 WHERE id = 1", 1205)
    b.connection.commit()
    a.connection.rollback()
    assert a.run("SELECT n FROM c ORDER BY id") == ((12,), (88,), (30,))
    a.connection.rollback()

    # Locks go with the connection, and waiting ends with KILL.
    b.run("SET innodb_lock_wait_timeout = 50")
    a.run("SELECT * FROM c WHERE id = 3 FOR UPDATE")
    b.waits("DELETE FROM c WHERE id = 3")
    setup.run(f"KILL QUERY {b.connection.thread_id()}")
    assert b.comes() == ("error", 1317)
    b.waits("DELETE FROM c WHERE id = 3")
    a.connection.close()
    assert b.comes()[0] == "rows"
    b.connection.rollback()
    print("row locks: ok")


if __name__ == "__main__":
    main()
