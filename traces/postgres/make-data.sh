#!/bin/sh
# Initialise a cluster, fill it with pgbench's tables at scale 5, shut it down cleanly. Runs once, at build time.
set -e
bin=/usr/lib/postgresql/15/bin
install -d -o postgres -g postgres -m 700 /srv/data
as_postgres() { setpriv --reuid=postgres --regid=postgres --clear-groups "$@"; }
as_postgres $bin/initdb -D /srv/data --auth=trust --encoding=UTF8 --locale=C.UTF-8 >/dev/null
as_postgres $bin/pg_ctl -D /srv/data -o "-c listen_addresses='' -k /tmp" -w -l /tmp/start.log start >/dev/null
as_postgres $bin/createdb -h /tmp shop
as_postgres $bin/pgbench -h /tmp -i -s 5 -q shop 2>/dev/null
as_postgres $bin/pg_ctl -D /srv/data -m fast -w stop >/dev/null
