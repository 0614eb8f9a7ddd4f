#!/bin/sh
# Starts redis-server with the password in a file in memory: on the command line every process of the node could read it.
set -eu
umask 077
password=$(sed -e 's/\\/\\\\/g' -e 's/"/\\"/g' /etc/newscrawl-redis/secrets/password)
{
  cat /etc/newscrawl-redis/config/redis.conf
  printf 'requirepass "%s"\n' "$password"
} > /run/newscrawl-redis/redis.conf
exec redis-server /run/newscrawl-redis/redis.conf
