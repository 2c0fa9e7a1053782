"""What monitors read of a server that is configured to tell them (`metrics` in config.yaml)."""

import os
import signal
import subprocess
import sys
import tempfile
import urllib.error
import urllib.request

import pymysql

from run import free_port, wait_for


def read(port):
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=120) as page:
        assert page.headers["Content-Type"].startswith("text/plain; version=0.0.4"), page.headers["Content-Type"]
        lines = page.read().decode().splitlines()
    return dict(line.rsplit(" ", 1) for line in lines if not line.startswith("#"))


def start(directory):
    """The server and its two ports, which nobody else has."""
    for _ in range(5):
        port, monitored = free_port(), free_port()
        with open(f"{directory}/config.yaml", "w") as out:
            out.write(f"log_level: error\ndata_dir: {directory}/data\nlistener:\n  host: 127.0.0.1\n  port: {port}\n")
            out.write(f"metrics:\n  host: 127.0.0.1\n  port: {monitored}\n  labels:\n    site: lab\n")
        command = [os.environ["DOLT"], "sql-server", "--config", f"{directory}/config.yaml"]
        server = subprocess.Popen(command, cwd=directory, stdout=subprocess.DEVNULL)
        if wait_for(port, server):
            return server, port, monitored
    raise SystemExit(f"the server ended with exit code {server.returncode}")


def main():
    with tempfile.TemporaryDirectory() as directory:
        server, port, monitored = start(directory)
        try:
            before = read(monitored)
            connection = pymysql.connect(host="127.0.0.1", port=port, user="root")
            with connection.cursor() as cursor:
                cursor.execute("CREATE DATABASE m")
                cursor.execute("CREATE TABLE m.t (id INT PRIMARY KEY)")
                cursor.execute("INSERT INTO m.t VALUES (1), (2), (3)")
                cursor.execute("SELECT SLEEP(0.15)")
            during = read(monitored)
            connection.close()

            def grown(name):
                return float(during[name]) - float(before.get(name, 0))

            assert grown('dss_connects{site="lab"}') >= 1, during
            assert float(during['dss_concurrent_connections{site="lab"}']) >= 1, during
            assert grown('dss_query_duration_count{site="lab"}') >= 4, during
            slow = 'dss_query_duration_bucket{site="lab",le="%s"}'
            # One that sleeps is never fast; on a busy machine others are slow too.
            assert grown(slow % "+Inf") - grown(slow % "0.1") >= 1, during
            assert grown('dss_query_duration_sum{site="lab"}') >= 0.15, during
            assert float(during['dss_chunk_cache_limit_bytes{site="lab"}']) > 0, during
            try:
                urllib.request.urlopen(f"http://127.0.0.1:{monitored}/other", timeout=120)
                raise AssertionError("a page that there is not")
            except urllib.error.HTTPError as e:
                assert e.code == 404, e
        finally:
            server.send_signal(signal.SIGTERM)
            code = server.wait(timeout=300)
        assert code == 0, f"exit code {code}"
    print("metrics: ok")


if __name__ == "__main__":
    sys.exit(main())
