{{/* What the schema cannot see: values that contradict each other. Each message names the key and what to do. */}}
{{- define "newscrawl.validate" -}}
{{- $queues := include "newscrawl.queues" . | fromJson -}}
{{- $default := include "newscrawl.defaultQueue" . -}}
{{- if not (hasKey $queues $default) -}}
{{- fail (printf "workers.queues has no queue %q, to which Airflow sends every task that names no queue (config.operators.default_queue): such tasks would wait for ever. Add workers.queues.%s: {}, or set config.operators.default_queue to one of: %s" $default $default (keys $queues | sortAlpha | join ", ")) -}}
{{- end -}}
{{- with get $queues $default -}}
{{- if and (not .scaled) (eq (int .replicas) 0) -}}
{{- fail (printf "workers.queues.%s.replicas: is 0 and nothing scales this queue, to which Airflow sends every task that names no queue: such tasks would wait for ever. Set it to 1 or more, or let the queue scale (workers.queues.%s.autoscaling.enabled=true, autoscaling.engine=builtin)" $default $default) -}}
{{- end -}}
{{- end -}}
{{- $owners := dict -}}
{{- range $name, $queue := $queues -}}
{{- $scaling := $queue.autoscaling -}}
{{- if regexMatch "^((unacked|unacked_index|work):|_kombu)" $name -}}
{{- fail (printf "workers.queues.%s: Celery and the workers have keys of this name in Redis: give the queue a name that begins with none of unacked:, unacked_index:, work:, _kombu" $name) -}}
{{- end -}}
{{- if gt (int $scaling.minReplicaCount) (int $scaling.maxReplicaCount) -}}
{{- fail (printf "workers.queues.%s.autoscaling.minReplicaCount: %d is more than maxReplicaCount %d: lower it or raise maxReplicaCount" $name (int $scaling.minReplicaCount) (int $scaling.maxReplicaCount)) -}}
{{- end -}}
{{- if and $queue.scaled $scaling.targetSeconds (eq $.Values.autoscaling.engine "keda") -}}
{{- fail (printf "workers.queues.%s.autoscaling.targetSeconds: KEDA cannot scale by a time: use autoscaling.engine=builtin, or remove it and set listLength" $name) -}}
{{- end -}}
{{- if hasKey $owners $queue.name -}}
{{- fail (printf "workers.queues.%s: its StatefulSet would have the name %s, as that of queue %s: rename one of the two" $name $queue.name (get $owners $queue.name)) -}}
{{- end -}}
{{- $_ := set $owners $queue.name $name -}}
{{- end -}}
{{- range $path := list "core.fernet_key" "api.secret_key" "api_auth.jwt_secret" "database.sql_alchemy_conn" "database.sql_alchemy_conn_async" "celery.broker_url" "celery.result_backend" "celery.flower_basic_auth" -}}
{{- $section := splitList "." $path | first -}}
{{- $key := splitList "." $path | last -}}
{{- if hasKey (get $.Values.config $section | default dict) $key -}}
{{- fail (printf "config.%s: is secret and would end in a ConfigMap: put it into a Secret and name that in existingSecrets, mysql.existingSecret, redis.existingSecret, externalMysql or externalRedis" $path) -}}
{{- end -}}
{{- end -}}
{{- range $name, $connection := .Values.connections -}}
{{- range $key := list "password" "uri" "extra" -}}
{{- if and (hasKey $connection $key) (hasKey $connection (printf "%sFrom" $key)) -}}
{{- fail (printf "connections.%s.%s: is set beside %sFrom: remove one of the two" $name $key $key) -}}
{{- end -}}
{{- end -}}
{{- $parts := keys (omit $connection "uri" "uriFrom" "description") | sortAlpha -}}
{{- if or (hasKey $connection "uri") (hasKey $connection "uriFrom") -}}
{{- with $parts -}}
{{- fail (printf "connections.%s.%s: a connection is either a uri or its parts: remove this or the uri" $name (first .)) -}}
{{- end -}}
{{- else if not $connection.conn_type -}}
{{- fail (printf "connections.%s.conn_type: is missing: set it (mysql, http, ...), or uriFrom alone" $name) -}}
{{- end -}}
{{- end -}}
{{- if and .Values.mysql.enabled (or .Values.externalMysql.host .Values.externalMysql.existingSecret) -}}
{{- fail "externalMysql is set, but mysql.enabled is true: set mysql.enabled=false to use it" -}}
{{- end -}}
{{- if not (or .Values.mysql.enabled .Values.externalMysql.host .Values.externalMysql.existingSecret .Values.existingSecrets.urls) -}}
{{- fail "mysql.enabled is false: set externalMysql.host, or externalMysql.existingSecret with keys metadata-url, results-url and articles-url" -}}
{{- end -}}
{{- if and .Values.redis.enabled (or .Values.externalRedis.host .Values.externalRedis.existingSecret) -}}
{{- fail "externalRedis is set, but redis.enabled is true: set redis.enabled=false to use it" -}}
{{- end -}}
{{- if not (or .Values.redis.enabled .Values.externalRedis.host .Values.externalRedis.existingSecret .Values.existingSecrets.urls) -}}
{{- fail "redis.enabled is false: set externalRedis.host, or externalRedis.existingSecret with keys broker-url and crawler-redis-url" -}}
{{- end -}}
{{- if and (eq .Values.autoscaling.engine "keda") (not .Values.redis.enabled) (not .Values.externalRedis.host) -}}
{{- fail "autoscaling.engine: keda reads Redis by host and port, not by URL: set externalRedis.host (and port) beside the Secret" -}}
{{- end -}}
{{- if and (eq .Values.autoscaling.engine "keda") (not .Values.redis.enabled) .Values.existingSecrets.urls (not .Values.externalRedis.existingSecret) (not .Values.externalRedis.password) -}}
{{- fail "autoscaling.engine: keda does not read the URLs of existingSecrets.urls and would log in to Redis without a password: name a Secret with the key password in externalRedis.existingSecret" -}}
{{- end -}}
{{- if .Values.mysql.enabled -}}
{{- if lt (include "newscrawl.memoryLimit" (dict "root" . "key" "mysql") | int) 512 -}}
{{- fail (printf "mysql.resources.limits.memory: %s is too little for MySQL 9: give it at least 512Mi" .Values.mysql.resources.limits.memory) -}}
{{- end -}}
{{- end -}}
{{- if and .Values.hdfs.enabled (gt (int .Values.hdfs.replication) (int .Values.hdfs.dataNode.replicas)) -}}
{{- fail (printf "hdfs.replication: %d copies of a block need as many DataNodes, and hdfs.dataNode.replicas is %d: raise that or lower this" (int .Values.hdfs.replication) (int .Values.hdfs.dataNode.replicas)) -}}
{{- end -}}
{{- if and .Values.lake.existingSecret (not (include "newscrawl.lakeUrl" .)) -}}
{{- fail "lake.existingSecret is set, but there is no lake: set lake.url, or hdfs.enabled=true" -}}
{{- end -}}
{{- end -}}
