{{/* my.cnf of the embedded MySQL. */}}

{{/* Six tenths of the memory above 512Mi, which MySQL and its connections need, in steps of 32 MiB, at least 64. */}}
{{- define "newscrawl.bufferPoolMebibytes" -}}
{{- $limit := include "newscrawl.memoryLimit" (dict "root" . "key" "mysql") | int -}}
{{- max 64 (mul 32 (div (div (mul 6 (sub $limit 512)) 10) 32)) -}}
{{- end -}}

{{- define "newscrawl.mysqlSettings" -}}
datadir: /var/lib/mysql/data
socket: /run/newscrawl-mysql/mysqld.sock
pid_file: /run/newscrawl-mysql/mysqld.pid
bind_address: "*"
# names of pods come and go: users are known by password, not by host
skip_name_resolve: "ON"
mysqlx: "0"
secure_file_priv: "NULL"
default_time_zone: "'+00:00'"
character_set_server: utf8mb4
collation_server: utf8mb4_0900_ai_ci
# upserts of many workers: fewer gap locks, fewer deadlocks
transaction_isolation: READ-COMMITTED
innodb_buffer_pool_size: {{ include "newscrawl.bufferPoolMebibytes" . }}M
innodb_buffer_pool_chunk_size: 32M
innodb_redo_log_capacity: 256M
# a committed article survives a crash of the node
innodb_flush_log_at_trx_commit: "1"
innodb_doublewrite: "ON"
innodb_print_all_deadlocks: "ON"
max_connections: "300"
max_allowed_packet: 64M
table_open_cache: "1000"
temptable_max_ram: 64M
# costs about 200 MB of memory
performance_schema: "OFF"
{{- if .Values.mysql.binaryLog.enabled }}
log_bin: binlog
server_id: "1"
sync_binlog: "1"
binlog_expire_logs_seconds: {{ int .Values.mysql.binaryLog.expireSeconds | quote }}
log_bin_trust_function_creators: "ON"
{{- else }}
disable_log_bin: "ON"
{{- end }}
{{- end -}}

{{- define "newscrawl.myCnf" -}}
[mysqld]
{{- $settings := mergeOverwrite (include "newscrawl.mysqlSettings" . | fromYaml) (deepCopy .Values.mysql.config) }}
{{- range $key, $text := include "newscrawl.settings" (dict "settings" $settings "yes" "ON" "no" "OFF") | fromJson }}
{{ $key }} = {{ $text }}
{{- end }}
{{- end -}}

{{/* What each user may do; everything else is revoked at each start. */}}
{{- define "newscrawl.mysqlGrants" -}}
GRANT ALL PRIVILEGES ON airflow.* TO 'airflow'@'%';
GRANT ALL PRIVILEGES ON results.* TO 'results'@'%';
GRANT ALL PRIVILEGES ON articles.* TO 'newscrawl'@'%';
{{- with .Values.mysql.airflowGrantOnArticles }}
GRANT {{ join ", " . }} ON articles.* TO 'airflow'@'%';
{{- end }}
{{- end -}}
