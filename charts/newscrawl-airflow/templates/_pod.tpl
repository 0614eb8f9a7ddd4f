{{/* What the pods of Airflow, of the workers and of the jobs share: environment, volumes, security, scheduling. */}}

{{/* A secretKeyRef as an environment variable. Takes {name, secret, key}. */}}
{{- define "newscrawl.secretEnv" -}}
- name: {{ .name }}
  valueFrom:
    secretKeyRef:
      name: {{ .secret }}
      key: {{ .key }}
{{- end -}}

{{/* Takes {root, component}. */}}
{{- define "newscrawl.airflowEnv" -}}
{{- $urls := include "newscrawl.mysqlUrlsSecret" .root -}}
{{- $redis := include "newscrawl.redisUrlsSecret" .root -}}
{{- $keys := include "newscrawl.airflowSecret" .root -}}
- name: AIRFLOW_HOME
  value: /opt/airflow
- name: DUMB_INIT_SETSID
  value: "0"
{{ if eq .component "worker" -}}
{{- /* What strangers wrote is parsed here: whoever breaks out finds neither the metadata nor a key to sign or read with.
     Tasks ask the API server; for the line that Airflow writes on each command an empty database serves. */ -}}
- name: AIRFLOW__DATABASE__SQL_ALCHEMY_CONN
  value: sqlite:////tmp/no-metadata.db
{{ else -}}
{{ include "newscrawl.secretEnv" (dict "name" "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN" "secret" $urls "key" "metadata-url") }}
{{ include "newscrawl.secretEnv" (dict "name" "AIRFLOW__CORE__FERNET_KEY" "secret" $keys "key" "fernet-key") }}
{{ include "newscrawl.secretEnv" (dict "name" "AIRFLOW__API__SECRET_KEY" "secret" $keys "key" "api-secret-key") }}
{{ include "newscrawl.secretEnv" (dict "name" "AIRFLOW__API_AUTH__JWT_SECRET" "secret" $keys "key" "jwt-secret") }}
{{ end -}}
{{ include "newscrawl.secretEnv" (dict "name" "RESULTS_URL" "secret" $urls "key" "results-url") }}
- name: AIRFLOW__CELERY__RESULT_BACKEND
  value: db+$(RESULTS_URL)
{{ include "newscrawl.secretEnv" (dict "name" "AIRFLOW__CELERY__BROKER_URL" "secret" $redis "key" "broker-url") }}
{{ include "newscrawl.secretEnv" (dict "name" "NEWSCRAWL_MYSQL_URL" "secret" $urls "key" "articles-url") }}
{{ include "newscrawl.secretEnv" (dict "name" "NEWSCRAWL_REDIS_URL" "secret" $redis "key" "crawler-redis-url") }}
- name: NEWSCRAWL_USER_AGENT
  value: {{ .root.Values.crawler.userAgent | quote }}
- name: NEWSCRAWL_SITES
  value: /etc/newscrawl/sites
{{- with include "newscrawl.lakeUrl" .root }}
- name: NEWSCRAWL_LAKE_URL
  value: {{ . | quote }}
{{- end }}
{{- end -}}

{{/* Digests of what a pod reads only once, so that it is replaced when that changes. Takes {root, component}. */}}
{{- define "newscrawl.checksums" -}}
{{- $config := include "newscrawl.config" .root | fromJson -}}
{{- if not (has .component (list "scheduler" "dag-processor")) -}}
{{- /* they follow from all queues and nobody else reads them: a new queue replaces no worker of another */ -}}
{{- $_ := set $config "core" (omit $config.core "parallelism" "max_active_tasks_per_dag") -}}
{{- end -}}
{{- $names := list (include "newscrawl.mysqlUrlsSecret" .root) (include "newscrawl.redisUrlsSecret" .root) -}}
{{- $urls := include "newscrawl.mysqlUrls" .root | fromJson -}}
{{- $keys := "" -}}
{{- if eq .component "worker" -}}
{{- $names = append $names .root.Values.lake.existingSecret -}}
{{- $urls = omit $urls "metadata-url" -}}
{{- else -}}
{{- $names = append $names (include "newscrawl.airflowSecret" .root) -}}
{{- $keys = include "newscrawl.airflowKeys" .root -}}
{{- end -}}
{{- $foreign := include "newscrawl.foreignSecrets" (dict "root" .root "names" $names) -}}
checksum/config: {{ toJson $config | sha256sum }}
checksum/secrets: {{ list (toJson $urls) (include "newscrawl.redisUrls" .root) $keys $foreign | join "\n" | sha256sum }}
{{- end -}}

{{/* Where a pod may run. Takes {root, values} and optionally component, whose pods are spread over nodes where there are
     several and the values say nothing; the component's values win over those of all. */}}
{{- define "newscrawl.placement" -}}
{{- with mergeOverwrite (deepCopy .root.Values.nodeSelector) (.values.nodeSelector | default dict) }}
nodeSelector: {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .values.tolerations | default .root.Values.tolerations }}
tolerations: {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .values.affinity | default .root.Values.affinity }}
affinity: {{- toYaml . | nindent 2 }}
{{- end }}
{{- if .values.topologySpreadConstraints }}
topologySpreadConstraints: {{- toYaml .values.topologySpreadConstraints | nindent 2 }}
{{- else if and .component (ne .component "worker") (gt (int (.values.replicas | default 1)) 1) }}
topologySpreadConstraints:
  - maxSkew: 1
    topologyKey: kubernetes.io/hostname
    whenUnsatisfiable: ScheduleAnyway
    labelSelector:
      matchLabels: {{- include "newscrawl.selectorLabels" . | nindent 8 }}
{{- end }}
{{- with .values.priorityClassName | default .root.Values.priorityClassName }}
priorityClassName: {{ . }}
{{- end }}
{{- with .root.Values.imagePullSecrets }}
imagePullSecrets: {{- toYaml . | nindent 2 }}
{{- end }}
{{- end -}}

{{/* Labels and annotations of a pod. Takes {root, component, values} and optionally labels and annotations (text). */}}
{{- define "newscrawl.podMetadata" -}}
{{- /* the chart's own win: selectors rely on them */ -}}
{{- $own := mergeOverwrite (include "newscrawl.podLabels" . | fromYaml) (.labels | default "{}" | fromYaml) -}}
labels: {{- mergeOverwrite (deepCopy .root.Values.podLabels) (.values.podLabels | default dict) $own | toYaml | nindent 2 }}
{{- $annotations := mergeOverwrite (deepCopy .root.Values.podAnnotations) (.values.podAnnotations | default dict) }}
{{- if or .annotations $annotations }}
annotations:
  {{- with .annotations }}{{ . | nindent 2 }}{{ end }}
  {{- with $annotations }}{{ toYaml . | nindent 2 }}{{ end }}
{{- end }}
{{- end -}}

{{- define "newscrawl.airflowMounts" -}}
- {name: tmp, mountPath: /tmp}
- {name: airflow-cfg, mountPath: /opt/airflow/airflow.cfg, subPath: airflow.cfg, readOnly: true}
- {name: sites, mountPath: /etc/newscrawl/sites, readOnly: true}
{{- if and (not .Values.mysql.enabled) .Values.externalMysql.tls.caSecret }}
- {name: mysql-tls, mountPath: /etc/newscrawl-airflow/mysql-tls, readOnly: true}
{{- end }}
{{- if and (not .Values.redis.enabled) .Values.externalRedis.tls.caSecret }}
- {name: redis-tls, mountPath: /etc/newscrawl-airflow/redis-tls, readOnly: true}
{{- end }}
{{- with .Values.extraVolumeMounts }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{- define "newscrawl.airflowVolumes" -}}
- {name: tmp, emptyDir: {}}
- name: airflow-cfg
  configMap: {name: {{ include "newscrawl.fullname" . }}-airflow-cfg}
- name: sites
  configMap: {name: {{ include "newscrawl.fullname" . }}-sites}
{{- if and (not .Values.mysql.enabled) .Values.externalMysql.tls.caSecret }}
- name: mysql-tls
  secret: {secretName: {{ .Values.externalMysql.tls.caSecret }}}
{{- end }}
{{- if and (not .Values.redis.enabled) .Values.externalRedis.tls.caSecret }}
- name: redis-tls
  secret: {secretName: {{ .Values.externalRedis.tls.caSecret }}}
{{- end }}
{{- with .Values.extraVolumes }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{/* The pod template of one Airflow process. Takes {root, component, values, command} and optionally
     labels, annotations, env, mounts, volumes, ports, probes, lifecycle (texts), wait (for the migration; a text: for
     that state of the bootstrap Job too), restartPolicy, grace (seconds). */}}
{{- define "newscrawl.airflowPod" -}}
{{- $root := .root -}}
{{- $image := include "newscrawl.image" (dict "root" $root "image" $root.Values.image) -}}
{{- $wait := list -}}
{{- if .wait -}}
{{- $wait = concat (list "python" "-m" "newscrawl_airflow.wait_for_migrations") (kindIs "string" .wait | ternary (list "--bootstrap" .wait) list) (list "--") -}}
{{- end -}}
metadata:
  {{- $annotations := include "newscrawl.checksums" . }}
  {{- include "newscrawl.podMetadata" (merge (dict "annotations" $annotations) .) | nindent 2 }}
spec:
  serviceAccountName: {{ include "newscrawl.serviceAccountName" $root }}
  automountServiceAccountToken: false
  enableServiceLinks: false
  securityContext: {{- toYaml $root.Values.podSecurityContext | nindent 4 }}
  {{- include "newscrawl.placement" . | nindent 2 }}
  {{- with .restartPolicy }}
  restartPolicy: {{ . }}
  {{- end }}
  {{- with .grace }}
  terminationGracePeriodSeconds: {{ . }}
  {{- end }}
  {{- with $root.Values.extraInitContainers }}
  initContainers: {{- toYaml . | nindent 4 }}
  {{- end }}
  containers:
    - name: {{ .container | default .component }}
      image: {{ $image }}
      imagePullPolicy: {{ $root.Values.image.pullPolicy }}
      command: {{ concat (list "dumb-init" "--") $wait .command | toJson }}
      env:
        {{- include "newscrawl.airflowEnv" . | nindent 8 }}
        {{- with .env }}{{ . | nindent 8 }}{{ end }}
        {{- with $root.Values.extraEnv }}{{ toYaml . | nindent 8 }}{{ end }}
        {{- with .values.env }}{{ toYaml . | nindent 8 }}{{ end }}
      {{- with .ports }}
      ports: {{- . | nindent 8 }}
      {{- end }}
      {{- with .probes }}{{ . | nindent 6 }}{{ end }}
      {{- with .lifecycle }}
      lifecycle: {{- . | nindent 8 }}
      {{- end }}
      securityContext: {{- toYaml $root.Values.containerSecurityContext | nindent 8 }}
      resources: {{- toYaml .values.resources | nindent 8 }}
      volumeMounts:
        {{- include "newscrawl.airflowMounts" $root | nindent 8 }}
        - {name: logs, mountPath: /opt/airflow/logs}
        {{- with .mounts }}{{ . | nindent 8 }}{{ end }}
        {{- with .values.extraVolumeMounts }}{{ toYaml . | nindent 8 }}{{ end }}
    {{- /* a pod that is to end would wait for them for ever */ -}}
    {{- if not .restartPolicy }}
    {{- with $root.Values.extraContainers }}{{ toYaml . | nindent 4 }}{{ end }}
    {{- end }}
  volumes:
    {{- include "newscrawl.airflowVolumes" $root | nindent 4 }}
    - {name: logs, emptyDir: {}}
    {{- with .volumes }}{{ . | nindent 4 }}{{ end }}
    {{- with .values.extraVolumes }}{{ toYaml . | nindent 4 }}{{ end }}
{{- end -}}

{{/* Probes by HTTP. Takes {path, port}. Starting may take 15 minutes: ten are those of waiting for the migration. */}}
{{- define "newscrawl.httpProbes" -}}
startupProbe:
  httpGet: {path: {{ .path | quote }}, port: {{ .port }}}
  periodSeconds: 2
  timeoutSeconds: 5
  failureThreshold: 450
readinessProbe:
  httpGet: {path: {{ .path | quote }}, port: {{ .port }}}
  periodSeconds: 10
  timeoutSeconds: 10
livenessProbe:
  httpGet: {path: {{ .path | quote }}, port: {{ .port }}}
  periodSeconds: 30
  timeoutSeconds: 20
  failureThreshold: 5
{{- end -}}

{{/* Probes by a command of the image. Takes the component's name. */}}
{{- define "newscrawl.aliveProbes" -}}
startupProbe:
  exec: {command: [python, -m, newscrawl_airflow.alive, --starting, {{ . }}]}
  periodSeconds: 5
  timeoutSeconds: 30
  failureThreshold: 180
livenessProbe:
  exec: {command: [python, -m, newscrawl_airflow.alive, {{ . }}]}
  periodSeconds: 60
  timeoutSeconds: 30
  failureThreshold: 5
{{- end -}}
