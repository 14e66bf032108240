#!/bin/sh
# Initialise a cluster, fill it with pgbench's tables at scale 2, run a few transactions and stop it as a power
# cut would: the image holds what `docker commit` of a running server would keep. Runs once, at build time.
set -e
bin=/usr/lib/postgresql/15/bin
install -d -o postgres -g postgres -m 700 /srv/data
as_postgres() { setpriv --reuid=postgres --regid=postgres --clear-groups "$@"; }
as_postgres $bin/initdb -D /srv/data --auth=trust --encoding=UTF8 --locale=C.UTF-8 >/dev/null
# Recovery would otherwise open, and so copy up, every file of the cluster only to sync it.
echo "recovery_init_sync_method = syncfs" >>/srv/data/postgresql.conf
as_postgres $bin/pg_ctl -D /srv/data -o "-c listen_addresses='' -k /tmp" -w -l /tmp/start.log start >/dev/null
as_postgres $bin/createdb -h /tmp shop
as_postgres $bin/pgbench -h /tmp -i -s 2 -q shop 2>/dev/null
as_postgres $bin/psql -h /tmp -q -c checkpoint shop
as_postgres $bin/pgbench -h /tmp -n -t 50 --random-seed=1 shop >/dev/null 2>&1
as_postgres $bin/pg_ctl -D /srv/data -m immediate -w stop >/dev/null
