#!/bin/bash
# Starts Hadoop's `namenode` or `datanode`; a NameNode with a fresh volume makes its folder first.
set -euo pipefail
# Hadoop's own user in this installation; its superuser, as the NameNode runs as it
export HADOOP_USER_NAME=newscrawl HADOOP_CONF_DIR=/etc/newscrawl-hdfs HADOOP_LOG_DIR=/tmp HADOOP_PID_DIR=/tmp
# WebHDFS reads a field that newer Javas keep to themselves; Java 8 knows neither the lock nor this variable
export JDK_JAVA_OPTIONS=--add-opens=java.base/java.lang=ALL-UNNAMED
if [ "$1" = namenode ] && [ ! -e /data/name ]; then
  echo "making the NameNode's folder"
  # under another name until it is whole: a start that was cut short leaves nothing that looks ready
  rm -rf /data/name.new
  hdfs namenode -Ddfs.namenode.name.dir=/data/name.new -format -nonInteractive
  mv /data/name.new /data/name
fi
exec hdfs "$1"
