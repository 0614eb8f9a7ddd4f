{{/* redis.conf of the embedded Redis, without its password. */}}
{{- define "newscrawl.redisSettings" -}}
bind: "* -::*"
port: "6379"
dir: /data
appendonly: "yes"
# at most a second of messages is lost with a node; a fsync for each would halve the throughput
appendfsync: everysec
save: '""'
# a full Redis refuses new messages: dropping one would lose a task without a word
maxmemory-policy: noeviction
maxmemory: {{ div (mul 6 (include "newscrawl.memoryLimit" (dict "root" . "key" "redis") | int)) 10 }}mb
# lets the scaler wake on a push instead of waiting for the next poll
notify-keyspace-events: Kl
tcp-keepalive: "60"
{{- end -}}

{{- define "newscrawl.redisConf" -}}
{{- $settings := mergeOverwrite (include "newscrawl.redisSettings" . | fromYaml) (deepCopy .Values.redis.config) }}
{{- range $key, $text := include "newscrawl.settings" (dict "settings" $settings "yes" "yes" "no" "no") | fromJson }}
{{ $key }} {{ $text }}
{{- end }}
{{- end -}}
