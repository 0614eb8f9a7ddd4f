{{/* Labels of an object. Takes {root, component}. */}}
{{- define "newscrawl.labels" -}}
{{ include "newscrawl.podLabels" . }}
app.kubernetes.io/version: {{ .root.Chart.AppVersion | quote }}
helm.sh/chart: {{ printf "%s-%s" .root.Chart.Name .root.Chart.Version | replace "+" "_" }}
{{- end -}}

{{/* Labels of a pod: without versions, so that a new chart alone replaces none. Takes {root, component}. */}}
{{- define "newscrawl.podLabels" -}}
{{ include "newscrawl.selectorLabels" . }}
app.kubernetes.io/managed-by: {{ .root.Release.Service }}
app.kubernetes.io/part-of: newscrawl-airflow
{{- end -}}

{{/* The labels that select a component's pods: nothing that an upgrade changes. */}}
{{- define "newscrawl.selectorLabels" -}}
app.kubernetes.io/name: newscrawl-airflow
app.kubernetes.io/instance: {{ .root.Release.Name | quote }}
app.kubernetes.io/component: {{ .component }}
{{- end -}}
