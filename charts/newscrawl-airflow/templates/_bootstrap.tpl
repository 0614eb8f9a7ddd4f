{{/* Connections, variables and pools of the values, as the bootstrap Job reads them. Secrets stay out of the files: the
     Job gets them as environment variables, whose names the files hold. */}}

{{/* Name of the variable for one secret. Takes {kind, name, key}. */}}
{{- define "newscrawl.bootstrapEnvName" -}}
{{- printf "SECRET_%s" (printf "%s/%s/%s" .kind .name .key | sha256sum | trunc 12 | upper) -}}
{{- end -}}

{{/* {file: content} as JSON. */}}
{{- define "newscrawl.bootstrapFiles" -}}
{{- $root := . -}}
{{- $connections := dict -}}
{{- range $name, $given := .Values.connections -}}
{{- $item := omit $given "passwordFrom" "uriFrom" "extraFrom" -}}
{{- with $given.host -}}{{- $_ := set $item "host" (tpl . $root) -}}{{- end -}}
{{- with $given.port -}}{{- $_ := set $item "port" (int .) -}}{{- end -}}
{{- range $key := list "password" "uri" "extra" -}}
{{- if hasKey $given (printf "%sFrom" $key) -}}
{{- $_ := set $item (printf "%sEnv" $key) (include "newscrawl.bootstrapEnvName" (dict "kind" "connections" "name" $name "key" $key)) -}}
{{- end -}}
{{- end -}}
{{- $_ := set $connections $name $item -}}
{{- end -}}
{{- $variables := dict -}}
{{- range $name, $given := .Values.variables -}}
{{- $from := false -}}
{{- if kindIs "map" $given -}}{{- $from = hasKey $given "valueFrom" -}}{{- end -}}
{{- if $from -}}
{{- $_ := set $variables $name (dict "valueEnv" (include "newscrawl.bootstrapEnvName" (dict "kind" "variables" "name" $name "key" "value"))) -}}
{{- else -}}
{{- $_ := set $variables $name (dict "value" $given) -}}
{{- end -}}
{{- end -}}
{{- $pools := dict -}}
{{- range $name, $given := include "newscrawl.pools" . | fromJson -}}
{{- $item := dict "slots" (int $given.slots) "description" (default "" $given.description) "include_deferred" (default false $given.includeDeferred) -}}
{{- $_ := set $pools $name $item -}}
{{- end -}}
{{- dict "connections.json" (toJson $connections) "variables.json" (toJson $variables) "pools.json" (toJson $pools) | toJson -}}
{{- end -}}

{{/* What the Secrets hold that connections and variables refer to, as newscrawl.foreignSecrets. */}}
{{- define "newscrawl.bootstrapSecrets" -}}
{{- $root := . -}}
{{- $names := list -}}
{{- range .Values.connections -}}
{{- range list .passwordFrom .uriFrom .extraFrom -}}
{{- if . -}}{{- $names = append $names (tpl .secretKeyRef.name $root) -}}{{- end -}}
{{- end -}}
{{- end -}}
{{- range .Values.variables -}}
{{- if kindIs "map" . -}}
{{- with .valueFrom -}}{{- $names = append $names (tpl .secretKeyRef.name $root) -}}{{- end -}}
{{- end -}}
{{- end -}}
{{- include "newscrawl.foreignSecrets" (dict "root" . "names" $names) -}}
{{- end -}}

{{/* The environment that the files refer to. */}}
{{- define "newscrawl.bootstrapEnv" -}}
{{- $root := . -}}
{{- range $name, $given := .Values.connections }}
{{- range $key := list "password" "uri" "extra" }}
{{- with get $given (printf "%sFrom" $key) }}
{{ include "newscrawl.secretEnv" (dict "name" (include "newscrawl.bootstrapEnvName" (dict "kind" "connections" "name" $name "key" $key)) "secret" (tpl .secretKeyRef.name $root) "key" .secretKeyRef.key) }}
{{- end }}
{{- end }}
{{- end }}
{{- range $name, $given := .Values.variables }}
{{- if kindIs "map" $given }}
{{- with $given.valueFrom }}
{{ include "newscrawl.secretEnv" (dict "name" (include "newscrawl.bootstrapEnvName" (dict "kind" "variables" "name" $name "key" "value")) "secret" (tpl .secretKeyRef.name $root) "key" .secretKeyRef.key) }}
{{- end }}
{{- end }}
{{- end }}
{{- end -}}
