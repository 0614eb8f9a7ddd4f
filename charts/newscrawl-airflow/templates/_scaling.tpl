{{/* How the queues scale, said once for both engines. */}}

{{/* The builtin scaler's configuration. */}}
{{- define "newscrawl.scalerConfig" -}}
pollingInterval: {{ .Values.autoscaling.pollingInterval }}
leaseName: {{ include "newscrawl.fullname" . }}-queue-scaler
{{- $scaled := dict }}
{{- $others := list }}
{{- range $name, $queue := include "newscrawl.queues" . | fromJson }}
{{- if $queue.scaled }}
{{- $own := omit $queue.autoscaling "enabled" "fallback" }}
{{- $_ := set $own "listLength" (default $queue.concurrency $queue.autoscaling.listLength) }}
{{- $_ := set $own "statefulSet" $queue.name }}
{{- $_ := set $own "concurrency" $queue.concurrency }}
{{- $_ := set $own "inFlightKey" (printf "unacked:%s" $name) }}
{{- if not (kindIs "invalid" $queue.autoscaling.fallback.replicas) }}
{{- $_ := set $own "fallback" $queue.autoscaling.fallback }}
{{- end }}
{{- $_ := set $scaled $name $own }}
{{- else if $queue.replicas }}
{{- $others = append $others $name }}
{{- end }}
{{- end }}
alsoServed: {{ $others | sortAlpha | toJson }}
queues: {{- toYaml $scaled | nindent 2 }}
{{- end -}}

{{/* StatefulSets that are scaled, as a JSON list. */}}
{{- define "newscrawl.scaledSets" -}}
{{- $names := list -}}
{{- range include "newscrawl.queues" . | fromJson -}}
{{- if .scaled -}}{{- $names = append $names .name -}}{{- end -}}
{{- end -}}
{{- $names | sortAlpha | toJson -}}
{{- end -}}
