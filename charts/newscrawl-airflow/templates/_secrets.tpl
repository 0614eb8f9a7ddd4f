{{/* Passwords: made once, then read back from the Secret that holds them, so that no upgrade changes one. */}}

{{/* A key of a Secret: what the cluster holds, else a new one, the same wherever this rendering asks for it.
     Takes {root, secret, key} and optionally `fernet` for a Fernet key instead of 32 letters and digits. */}}
{{- define "newscrawl.password" -}}
{{- $made := index .root.Values "passwordsMade" | default dict -}}
{{- $id := printf "%s/%s" .secret .key -}}
{{- if not (hasKey $made $id) -}}
{{- $held := index (lookup "v1" "Secret" .root.Release.Namespace .secret | default dict) "data" | default dict -}}
{{- $new := ternary (randBytes 32 | replace "+" "-" | replace "/" "_") (randAlphaNum 32) (default false .fernet) -}}
{{- $_ := set $made $id (hasKey $held .key | ternary (get $held .key | b64dec) $new) -}}
{{- $_ := set .root.Values "passwordsMade" $made -}}
{{- end -}}
{{- get $made $id -}}
{{- end -}}

{{/* A password of a Secret that the user made; it must be there. Takes {root, secret, key, value: its name in values}. */}}
{{- define "newscrawl.existingPassword" -}}
{{- $held := lookup "v1" "Secret" .root.Release.Namespace .secret -}}
{{- if not $held -}}
{{- fail (printf "%s: no Secret %q in namespace %q. Create it first; where the chart is rendered without a cluster (helm template, Argo CD), put the URLs into a Secret too and name it in existingSecrets.urls" .value .secret .root.Release.Namespace) -}}
{{- end -}}
{{- if not (hasKey (default dict $held.data) .key) -}}
{{- fail (printf "%s: Secret %q has no key %q" .value .secret .key) -}}
{{- end -}}
{{- get $held.data .key | b64dec -}}
{{- end -}}

{{- define "newscrawl.mysqlPassword" -}}
{{- $arguments := dict "root" .root "secret" (include "newscrawl.mysqlSecret" .root) "key" (printf "%s-password" .user) "value" "mysql.existingSecret" -}}
{{- include (ternary "newscrawl.existingPassword" "newscrawl.password" (not (empty .root.Values.mysql.existingSecret))) $arguments -}}
{{- end -}}

{{- define "newscrawl.redisPassword" -}}
{{- $arguments := dict "root" . "secret" (include "newscrawl.redisSecret" .) "key" "password" "value" "redis.existingSecret" -}}
{{- include (ternary "newscrawl.existingPassword" "newscrawl.password" (not (empty .Values.redis.existingSecret))) $arguments -}}
{{- end -}}

{{/* Airflow's keys as JSON, {} where an existing Secret holds them. */}}
{{- define "newscrawl.airflowKeys" -}}
{{- $root := . -}}
{{- $keys := dict -}}
{{- if not .Values.existingSecrets.airflow -}}
{{- range list "fernet-key" "api-secret-key" "jwt-secret" "admin-password" "flower-password" -}}
{{- $_ := set $keys . (include "newscrawl.password" (dict "root" $root "secret" (include "newscrawl.airflowSecret" $root) "key" . "fernet" (eq . "fernet-key"))) -}}
{{- end -}}
{{- end -}}
{{- toJson $keys -}}
{{- end -}}

{{/* What the cluster holds in Secrets that the chart does not make, as JSON, {} where it cannot be asked: a changed value
     then changes the digests of what reads it. The chart's own are digested as they are rendered. Takes {root, names};
     empty names count for nothing. */}}
{{- define "newscrawl.foreignSecrets" -}}
{{- $root := .root -}}
{{- $own := list -}}
{{- range $name, $existing := dict "mysql" .root.Values.mysql.existingSecret "redis" .root.Values.redis.existingSecret "airflow" .root.Values.existingSecrets.airflow "urls" .root.Values.existingSecrets.urls -}}
{{- if not $existing -}}{{- $own = append $own (printf "%s-%s" (include "newscrawl.fullname" $root) $name) -}}{{- end -}}
{{- end -}}
{{- $held := dict -}}
{{- range .names | uniq | sortAlpha -}}
{{- if and . (not (has . $own)) -}}
{{- with lookup "v1" "Secret" $root.Release.Namespace . -}}
{{- $_ := set $held .metadata.name (.data | default dict) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- toJson $held -}}
{{- end -}}
