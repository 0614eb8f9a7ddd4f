#!/bin/bash
# Starts mysqld with this installation's databases and users. Every start makes them as the values and Secrets say, so
# that a changed password or grant is an upgrade and a fresh volume needs nothing else.
set -euo pipefail
umask 077
data=/var/lib/mysql/data
run=/run/newscrawl-mysql
secrets=/etc/newscrawl-mysql/secrets

if [ ! -e "$data" ]; then
  echo "making the data directory"
  # under another name until it is whole: a start that was cut short leaves nothing that looks ready
  rm -rf "$data.new"
  mysqld --defaults-file=/etc/newscrawl-mysql/config/my.cnf --datadir="$data.new" --initialize-insecure
  mv "$data.new" "$data"
fi

# a password as the inside of an SQL string, without line ends
password() {
  local text
  text=$(<"$secrets/$1-password")
  text=${text//\\/\\\\}
  printf '%s' "${text//\'/\'\'}"
}

{
  echo "ALTER USER 'root'@'localhost' IDENTIFIED BY '$(password root)';"
  for database in airflow results articles; do
    echo "CREATE DATABASE IF NOT EXISTS $database CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_ai_ci;"
  done
  for user in airflow results newscrawl; do
    echo "CREATE USER IF NOT EXISTS '$user'@'%' IDENTIFIED BY '$(password $user)';"
    echo "ALTER USER '$user'@'%' IDENTIFIED BY '$(password $user)';"
    echo "REVOKE ALL PRIVILEGES, GRANT OPTION FROM '$user'@'%';"
  done
  cat /etc/newscrawl-mysql/config/grants.sql
} > "$run/init.sql"

# for the probes: a user's own login, through the socket
printf '[client]\nuser=airflow\npassword="%s"\nsocket=%s/mysqld.sock\n' \
  "$(sed -e 's/\\/\\\\/g' -e 's/"/\\"/g' "$secrets/airflow-password")" "$run" > "$run/client.cnf"

exec mysqld --defaults-file=/etc/newscrawl-mysql/config/my.cnf --init-file="$run/init.sql"
