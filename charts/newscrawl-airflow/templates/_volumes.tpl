{{/* Volumes of the StatefulSets. */}}

{{/* A volume claim template named data. Labels here can never change. Takes {root, component, persistence}. */}}
{{- define "newscrawl.claimTemplate" -}}
apiVersion: v1
kind: PersistentVolumeClaim
metadata:
  name: data
  labels: {{- include "newscrawl.selectorLabels" . | nindent 4 }}
spec:
  accessModes: [ReadWriteOnce]
  {{- with .persistence.storageClass }}
  storageClassName: {{ . }}
  {{- end }}
  resources:
    requests: {storage: {{ .persistence.size }}}
{{- end -}}

{{/* {<StatefulSet>: {size, value: the key in values}} of all volumes, as JSON. */}}
{{- define "newscrawl.volumes" -}}
{{- $root := . -}}
{{- $volumes := dict -}}
{{- range $name, $queue := include "newscrawl.queues" . | fromJson -}}
{{- if $queue.persistence.enabled -}}
{{- $_ := set $volumes $queue.name (dict "size" $queue.persistence.size "value" (printf "workers.queues.%s.persistence.size" $name)) -}}
{{- end -}}
{{- end -}}
{{- range $part := list "mysql" "redis" -}}
{{- $values := get $root.Values $part -}}
{{- if and $values.enabled $values.persistence.enabled -}}
{{- $_ := set $volumes (printf "%s-%s" (include "newscrawl.fullname" $root) $part) (dict "size" $values.persistence.size "value" (printf "%s.persistence.size" $part)) -}}
{{- end -}}
{{- end -}}
{{- range $component, $part := include "newscrawl.hdfsParts" . | fromJson -}}
{{- $persistence := (get $root.Values.hdfs $part.values).persistence -}}
{{- if $persistence.enabled -}}
{{- $_ := set $volumes (printf "%s-%s" (include "newscrawl.fullname" $root) $component) (dict "size" $persistence.size "value" (printf "hdfs.%s.persistence.size" $part.values)) -}}
{{- end -}}
{{- end -}}
{{- toJson $volumes -}}
{{- end -}}

{{/* {<StatefulSet>: {data: size}} of the volumes that an upgrade has to grow, as JSON. Where the cluster cannot be
     asked (no StatefulSet is found) all of them: the Job then looks for itself. Refuses to shrink. */}}
{{- define "newscrawl.resizes" -}}
{{- $root := . -}}
{{- $volumes := include "newscrawl.volumes" . | fromJson -}}
{{- $seen := false -}}
{{- $all := dict -}}
{{- $changed := dict -}}
{{- range $name, $wanted := $volumes -}}
{{- $_ := set $all $name (dict "data" $wanted.size) -}}
{{- $live := lookup "apps/v1" "StatefulSet" $root.Release.Namespace $name -}}
{{- if $live -}}
{{- $seen = true -}}
{{- range $live.spec.volumeClaimTemplates -}}
{{- $now := .spec.resources.requests.storage -}}
{{- $before := include "newscrawl.mebibytes" $now | int64 -}}
{{- $after := include "newscrawl.mebibytes" $wanted.size | int64 -}}
{{- if lt $after $before -}}
{{- fail (printf "%s: %s is less than the %s that its volumes have, and a volume cannot shrink: set it to %s or more" $wanted.value $wanted.size $now $now) -}}
{{- end -}}
{{- if gt $after $before -}}
{{- $_ := set $changed $name (dict "data" $wanted.size) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- toJson (ternary $changed $all $seen) -}}
{{- end -}}
