{{/* Labels of an object. Takes {root, component}. */}}
{{- define "newscrawl.labels" -}}
{{ include "newscrawl.selectorLabels" . }}
app.kubernetes.io/version: {{ .root.Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .root.Release.Service }}
app.kubernetes.io/part-of: newscrawl-airflow
helm.sh/chart: {{ printf "%s-%s" .root.Chart.Name .root.Chart.Version | replace "+" "_" }}
{{- end -}}

{{/* The labels that select a component's pods: nothing that an upgrade changes. */}}
{{- define "newscrawl.selectorLabels" -}}
app.kubernetes.io/name: newscrawl-airflow
app.kubernetes.io/instance: {{ .root.Release.Name }}
app.kubernetes.io/component: {{ .component }}
{{- end -}}
