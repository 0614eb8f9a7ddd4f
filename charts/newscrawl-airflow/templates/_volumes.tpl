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

{{/* The volume in place of a claim. Its bound keeps one pod from filling the node, where others would be evicted with it.
     Takes a component's persistence. */}}
{{- define "newscrawl.unclaimedVolume" -}}
{{- if not .enabled -}}
- {name: data, emptyDir: {sizeLimit: {{ .size }}}}
{{- end -}}
{{- end -}}

{{/* {<StatefulSet>: {key: its key in values, persistence: {enabled, size, storageClass}}} of all that may have a volume, as JSON. */}}
{{- define "newscrawl.volumes" -}}
{{- $root := . -}}
{{- $volumes := dict -}}
{{- range $name, $queue := include "newscrawl.queues" . | fromJson -}}
{{- $_ := set $volumes $queue.name (dict "key" (printf "workers.queues.%s" $name) "persistence" $queue.persistence) -}}
{{- end -}}
{{- range $part := list "mysql" "redis" -}}
{{- $values := get $root.Values $part -}}
{{- if $values.enabled -}}
{{- $_ := set $volumes (printf "%s-%s" (include "newscrawl.fullname" $root) $part) (dict "key" $part "persistence" $values.persistence) -}}
{{- end -}}
{{- end -}}
{{- range $component, $part := include "newscrawl.hdfsParts" . | fromJson -}}
{{- $persistence := (get $root.Values.hdfs $part.values).persistence -}}
{{- $_ := set $volumes (printf "%s-%s" (include "newscrawl.fullname" $root) $component) (dict "key" (printf "hdfs.%s" $part.values) "persistence" $persistence) -}}
{{- end -}}
{{- toJson $volumes -}}
{{- end -}}

{{/* Refuses what Kubernetes would refuse in words that name no key: whether a StatefulSet has volumes, and their class,
     can never change. Takes {name, wanted: an entry of newscrawl.volumes, live: the StatefulSet}. */}}
{{- define "newscrawl.checkVolume" -}}
{{- $templates := .live.spec.volumeClaimTemplates | default list -}}
{{- $remedy := printf "take the change back, or remove the StatefulSet without its pods (kubectl -n %s delete statefulset %s --cascade=orphan) and upgrade again" .live.metadata.namespace .name -}}
{{- if ne (gt (len $templates) 0) .wanted.persistence.enabled -}}
{{- fail (printf "%s.persistence.enabled: the StatefulSet %s cannot change it: %s" .wanted.key .name $remedy) -}}
{{- end -}}
{{- range $templates -}}
{{- if ne (.spec.storageClassName | default "") ($.wanted.persistence.storageClass | default "") -}}
{{- fail (printf "%s.persistence.storageClass: the volumes of the StatefulSet %s are of class %q: %s" $.wanted.key $.name (.spec.storageClassName | default "") $remedy) -}}
{{- end -}}
{{- end -}}
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
{{- $size := $wanted.persistence.size -}}
{{- if $wanted.persistence.enabled -}}
{{- $_ := set $all $name (dict "data" $size) -}}
{{- end -}}
{{- $live := lookup "apps/v1" "StatefulSet" $root.Release.Namespace $name -}}
{{- if $live -}}
{{- $seen = true -}}
{{- include "newscrawl.checkVolume" (dict "name" $name "wanted" $wanted "live" $live) -}}
{{- range $live.spec.volumeClaimTemplates -}}
{{- $now := .spec.resources.requests.storage -}}
{{- $before := include "newscrawl.mebibytes" $now | int64 -}}
{{- $after := include "newscrawl.mebibytes" $size | int64 -}}
{{- if lt $after $before -}}
{{- fail (printf "%s.persistence.size: %s is less than the %s that its volumes have, and a volume cannot shrink: set it to %s or more" $wanted.key $size $now $now) -}}
{{- end -}}
{{- if gt $after $before -}}
{{- $_ := set $changed $name (dict "data" $size) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- toJson (ternary $changed $all $seen) -}}
{{- end -}}
