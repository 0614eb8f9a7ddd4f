{{/* Names of objects. They stay stable over the life of a release: volumes and Secrets are found again by name. */}}

{{- define "newscrawl.fullname" -}}
{{- default .Release.Name .Values.fullnameOverride | trunc 40 | trimSuffix "-" -}}
{{- end -}}

{{- define "newscrawl.serviceAccountName" -}}
{{- default (include "newscrawl.fullname" .) .Values.serviceAccount.name -}}
{{- end -}}

{{/* A queue's name as a DNS label of at most 40 characters. What Kubernetes would refuse gets a digest of the whole
     name, so that no two queues meet in one name. Takes the queue's name. */}}
{{- define "newscrawl.slug" -}}
{{- if and (regexMatch "^[a-z0-9]([a-z0-9-]*[a-z0-9])?$" .) (le (len .) 40) -}}
{{- . -}}
{{- else -}}
{{- $plain := regexReplaceAll "[^a-z0-9-]" (lower .) "-" | trimAll "-" | trunc 33 | trimAll "-" -}}
{{- printf "%s-%s" $plain (sha256sum . | trunc 6) | trimPrefix "-" -}}
{{- end -}}
{{- end -}}

{{/* Name of a queue's StatefulSet, at most 52 characters: Kubernetes puts it into a label with a digest of its own.
     Takes {root, queue}. */}}
{{- define "newscrawl.workerName" -}}
{{- $name := printf "%s-worker-%s" (include "newscrawl.fullname" .root) (include "newscrawl.slug" .queue) -}}
{{- if le (len $name) 52 -}}
{{- $name -}}
{{- else -}}
{{- printf "%s-%s" (trunc 45 $name | trimSuffix "-") (sha256sum $name | trunc 6) -}}
{{- end -}}
{{- end -}}

{{/* Takes {root, image}. */}}
{{- define "newscrawl.image" -}}
{{- printf "%s:%s" .image.repository (default .root.Chart.AppVersion .image.tag) -}}
{{- end -}}

{{- define "newscrawl.airflowSecret" -}}
{{- default (printf "%s-airflow" (include "newscrawl.fullname" .)) .Values.existingSecrets.airflow -}}
{{- end -}}

{{- define "newscrawl.mysqlSecret" -}}
{{- default (printf "%s-mysql" (include "newscrawl.fullname" .)) .Values.mysql.existingSecret -}}
{{- end -}}

{{- define "newscrawl.redisSecret" -}}
{{- default (printf "%s-redis" (include "newscrawl.fullname" .)) .Values.redis.existingSecret -}}
{{- end -}}

{{/* The Secret that holds the MySQL URLs. */}}
{{- define "newscrawl.mysqlUrlsSecret" -}}
{{- $external := ternary "" .Values.externalMysql.existingSecret .Values.mysql.enabled -}}
{{- coalesce $external .Values.existingSecrets.urls (printf "%s-urls" (include "newscrawl.fullname" .)) -}}
{{- end -}}

{{/* The Secret that holds the Redis URLs. */}}
{{- define "newscrawl.redisUrlsSecret" -}}
{{- $external := ternary "" .Values.externalRedis.existingSecret .Values.redis.enabled -}}
{{- coalesce $external .Values.existingSecrets.urls (printf "%s-urls" (include "newscrawl.fullname" .)) -}}
{{- end -}}
