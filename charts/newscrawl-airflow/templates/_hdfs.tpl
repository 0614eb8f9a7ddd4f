{{/* The configuration of the HDFS in the cluster, and where the lake is. */}}

{{/* URL of the lake: what the values say, else the cluster's own HDFS, else nothing. */}}
{{- define "newscrawl.lakeUrl" -}}
{{- if .Values.lake.url -}}
{{- .Values.lake.url -}}
{{- else if .Values.hdfs.enabled -}}
webhdfs://newscrawl@{{ include "newscrawl.fullname" . }}-namenode:9870/newscrawl
{{- end -}}
{{- end -}}

{{- define "newscrawl.hdfsSettings" -}}
dfs.namenode.name.dir: /data/name
dfs.datanode.data.dir: /data/blocks
dfs.namenode.rpc-bind-host: 0.0.0.0
dfs.namenode.http-address: 0.0.0.0:9870
dfs.replication: {{ int .Values.hdfs.replication }}
# pods are known by name: their addresses change
dfs.datanode.hostname: ${env.POD_NAME}.{{ include "newscrawl.fullname" . }}-datanode.{{ .Release.Namespace }}.svc
dfs.datanode.use.datanode.hostname: "true"
dfs.client.use.datanode.hostname: "true"
dfs.namenode.datanode.registration.ip-hostname-check: "false"
{{- end -}}

{{/* A Hadoop configuration file. Takes a map. */}}
{{- define "newscrawl.hadoopXml" -}}
<configuration>
{{- range $name, $text := include "newscrawl.settings" (dict "settings" . "yes" "true" "no" "false") | fromJson }}
  <property><name>{{ $name }}</name><value>{{ $text | html }}</value></property>
{{- end }}
</configuration>
{{- end -}}

{{/* The files of the ConfigMap as JSON. */}}
{{- define "newscrawl.hdfsFiles" -}}
{{- $site := mergeOverwrite (include "newscrawl.hdfsSettings" . | fromYaml) (deepCopy .Values.hdfs.config) -}}
{{- $core := dict "fs.defaultFS" (printf "hdfs://%s-namenode:8020" (include "newscrawl.fullname" .)) -}}
{{- $files := dict "start.sh" (.Files.Get "files/hdfs-start.sh") "log4j.properties" (.Files.Get "files/hdfs-log4j.properties") -}}
{{- $_ := set $files "core-site.xml" (include "newscrawl.hadoopXml" $core) -}}
{{- $_ := set $files "hdfs-site.xml" (include "newscrawl.hadoopXml" $site) -}}
{{- toJson $files -}}
{{- end -}}

{{/* The parts of HDFS as JSON: {<component>: {values: the key in hdfs, replicas, ports, web: the port of its pages}}. */}}
{{- define "newscrawl.hdfsParts" -}}
{{- $parts := dict -}}
{{- if .Values.hdfs.enabled -}}
{{- $_ := set $parts "namenode" (dict "values" "nameNode" "replicas" 1 "ports" (dict "rpc" 8020 "http" 9870)) -}}
{{- $_ := set $parts "datanode" (dict "values" "dataNode" "replicas" .Values.hdfs.dataNode.replicas "ports" (dict "data" 9866 "http" 9864 "ipc" 9867)) -}}
{{- end -}}
{{- toJson $parts -}}
{{- end -}}
