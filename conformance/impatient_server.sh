#!/bin/sh
# Starts a server for the recorded scripts, where a statement waits one second for a row lock:
#     impatient_server.sh DOLT DIR HOST PORT
# The scripts run several clients in one thread, so who waits for another one waits in vain.
set -e
mkdir -p "$2/.dolt"
echo '{"sqlserver.global.innodb_lock_wait_timeout":"1"}' >"$2/.dolt/config.json"
exec "$1" --data-dir "$2" sql-server --host "$3" --port "$4"
