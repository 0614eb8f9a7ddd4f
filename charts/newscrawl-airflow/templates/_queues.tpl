{{/* The queues with their defaults filled in, and the limits of Airflow that follow from them. */}}

{{/* {<queue>: <workers.defaults merged with workers.queues.<queue>, plus `name`, `most` (its largest number of
     workers), `pool` (slots) and `scaled`>} as JSON. */}}
{{- define "newscrawl.queues" -}}
{{- $root := . -}}
{{- $queues := dict -}}
{{- range $name, $own := .Values.workers.queues -}}
{{- $queue := mergeOverwrite (deepCopy $root.Values.workers.defaults) (deepCopy (default dict $own)) -}}
{{- $scaled := and $queue.autoscaling.enabled (ne $root.Values.autoscaling.engine "none") -}}
{{- $most := int (ternary $queue.autoscaling.maxReplicaCount $queue.replicas $scaled) -}}
{{- $pool := mul (max $most 1) (int $queue.concurrency) (int $root.Values.workers.backlogPerSlot) -}}
{{- $named := dict "name" (include "newscrawl.workerName" (dict "root" $root "queue" $name)) "scaled" $scaled "most" $most "pool" $pool -}}
{{- $_ := set $queues $name (merge $named $queue) -}}
{{- end -}}
{{- toJson $queues -}}
{{- end -}}

{{- define "newscrawl.defaultQueue" -}}
{{- dig "operators" "default_queue" "default" .Values.config | default "default" -}}
{{- end -}}

{{/* All pools by name as JSON: one per queue, default_pool as large as all of them, and the user's own. */}}
{{- define "newscrawl.pools" -}}
{{- $pools := dict -}}
{{- $sum := 0 -}}
{{- range $name, $queue := include "newscrawl.queues" . | fromJson -}}
{{- $_ := set $pools $name (dict "slots" (int $queue.pool) "description" (printf "what the workers of queue %s take" $name)) -}}
{{- $sum = add $sum (int $queue.pool) -}}
{{- end -}}
{{- /* a task that names a queue and no pool counts here: a smaller pool would hide its queue's backlog */ -}}
{{- $_ := set $pools "default_pool" (dict "slots" $sum "description" "tasks that name no pool") -}}
{{- toJson (mergeOverwrite $pools (deepCopy .Values.pools)) -}}
{{- end -}}

{{/* Tasks that Airflow may have queued or running at once: the sum of the pools, so that only a pool ever holds a task
     back. A pool without a bound (-1) counts as much as all queues. */}}
{{- define "newscrawl.capacity" -}}
{{- $queues := 0 -}}
{{- range include "newscrawl.queues" . | fromJson -}}
{{- $queues = add $queues (int .pool) -}}
{{- end -}}
{{- $sum := 0 -}}
{{- range include "newscrawl.pools" . | fromJson -}}
{{- $sum = add $sum (ternary $queues (int64 .slots) (lt (int .slots) 0)) -}}
{{- end -}}
{{- $sum -}}
{{- end -}}

{{/* The replicas to render. Of a scaled queue those that live now, so that an upgrade does not undo the scaler's
     decision. Takes {root, queue: a resolved queue}. */}}
{{- define "newscrawl.workerReplicas" -}}
{{- if .queue.scaled -}}
{{- $live := lookup "apps/v1" "StatefulSet" .root.Release.Namespace .queue.name -}}
{{- if $live -}}
{{- $live.spec.replicas -}}
{{- else -}}
{{- .queue.autoscaling.minReplicaCount -}}
{{- end -}}
{{- else -}}
{{- .queue.replicas -}}
{{- end -}}
{{- end -}}
