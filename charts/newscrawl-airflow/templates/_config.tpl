{{/* airflow.cfg: what the chart derives, over which the values' `config` wins. */}}

{{- define "newscrawl.webPort" -}}
{{- dig "api" "port" 8080 .Values.config | default 8080 | int -}}
{{- end -}}

{{- define "newscrawl.flowerPort" -}}
{{- dig "celery" "flower_port" 5555 .Values.config | default 5555 | int -}}
{{- end -}}

{{- define "newscrawl.flowerHealthPath" -}}
{{- $prefix := dig "celery" "flower_url_prefix" "" .Values.config | default "" | trimAll "/" -}}
{{- ternary "/healthcheck" (printf "/%s/healthcheck" $prefix) (empty $prefix) -}}
{{- end -}}

{{/* The settings that the chart derives, {section: {key: value}}. */}}
{{- define "newscrawl.derivedConfig" -}}
core:
  executor: newscrawl_airflow.executor.NewscrawlExecutor
  auth_manager: airflow.providers.fab.auth_manager.fab_auth_manager.FabAuthManager
  dags_folder: /opt/airflow/dags
  load_examples: false
  default_timezone: utc
  parallelism: {{ include "newscrawl.capacity" . }}
  max_active_tasks_per_dag: {{ include "newscrawl.capacity" . }}
  # batches of a run: with Airflow's 1024 a large site with small batches could not be crawled
  max_map_length: 100000
  execution_api_server_url: http://{{ include "newscrawl.fullname" . }}-api-server:{{ include "newscrawl.webPort" . }}/execution/
database:
  sql_alchemy_connect_args_async: newscrawl_airflow.metadata_database.ASYNC_CONNECT_ARGS
api:
  port: {{ include "newscrawl.webPort" . }}
  workers: 1
logging:
  base_log_folder: /opt/airflow/logs
  logging_config_class: newscrawl_airflow.task_log.LOGGING_CONFIG
scheduler:
  enable_health_check: true
  # also the lifetime of the token inside a queued message: a task that waits longer loses a try
  task_queued_timeout: 86400
workers:
  # a task that meets MySQL or the API server away waits for it, about five minutes (waits are random up to the maximum);
  # with Airflow's five short tries its message would be gone while Airflow still holds it for queued
  execution_api_retries: 60
  execution_api_retry_wait_max: 10
dag_processor:
  refresh_interval: 60
  parsing_processes: 1
  # the DAGs are in the image: there are no bundle copies to clean
  stale_bundle_cleanup_interval: 0
  # the DAG folder, and one DAG file per site profile
  dag_bundle_config_list: >-
    [{"name": "dags-folder", "classpath": "airflow.dag_processing.bundles.local.LocalDagBundle", "kwargs": {}},
    {"name": "sites", "classpath": "newscrawl_airflow.sites_bundle.SitesBundle", "kwargs": {}}]
operators:
  default_queue: default
celery_broker_transport_options:
  # no bound for tasks, as workers renew what they hold every 5 s: this long after the last renewal other workers put it
  # back, if no scaler did. Above the scaler's 45 s, the 30 s in which workers find Redis again, and what clocks differ by
  visibility_timeout: 300
  # a node that goes away says no goodbye: without these its peers would wait for Redis for ever
  socket_timeout: 10
  socket_connect_timeout: 5
  socket_keepalive: true
celery:
  celery_config_options: newscrawl_airflow.celery_config.CELERY_CONFIG
  flower_port: 5555
  sync_parallelism: 1
  # a second is short for a connection that has to be made first
  operation_timeout: 5
{{- end -}}

{{/* The merged settings as JSON. */}}
{{- define "newscrawl.config" -}}
{{- mergeOverwrite (include "newscrawl.derivedConfig" . | fromYaml) (deepCopy .Values.config) | toJson -}}
{{- end -}}

{{/* airflow.cfg as text. */}}
{{- define "newscrawl.airflowCfg" -}}
{{- range $section, $settings := include "newscrawl.config" . | fromJson }}
[{{ $section }}]
{{- range $key, $text := include "newscrawl.settings" (dict "settings" $settings "yes" "True" "no" "False") | fromJson }}
{{ $key }} = {{ $text | replace "\n" "\n    " }}
{{- end }}
{{ end }}
{{- end -}}
