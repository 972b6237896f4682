#!/bin/sh
# The init of a site of a peer: its services, all at once, as the image's service files have them. ADDRESS and GATEWAY are
# given where the engine does not set up the network itself.
if [ -n "${ADDRESS:-}" ]; then
	ip address add "$ADDRESS" dev "${DEVICE:-host0}"
	ip link set "${DEVICE:-host0}" up
	ip route add default via "$GATEWAY"
fi
mkdir -p /run/php /run/mysqld /run/sshd
chown www-data:www-data /run/php
chown mysql:mysql /run/mysqld
services=""
run() {
	"$@" &
	services="$services $!"
}
# In the order of start_order in the image's service files.
run /usr/sbin/nginx -g "daemon off;"
run /usr/sbin/sshd -D -e
run /usr/sbin/php-fpm8.2 --nodaemonize --force-stderr
run /usr/sbin/mariadbd --init-file=/etc/logis/mariadb-init.sql --user=mysql
run /usr/sbin/cron -f
# shellcheck disable=SC2086 # one word a service
trap 'kill $services; wait; exit 0' TERM PWR INT
wait
