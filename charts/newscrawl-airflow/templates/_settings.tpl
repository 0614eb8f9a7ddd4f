{{/* The text of each setting of a configuration file, {key: text} as JSON, without those that are null. Whole numbers come
     as floats from YAML, and a large one would be written with an exponent. Takes {settings, yes, no: the file's words
     for booleans}. */}}
{{- define "newscrawl.settings" -}}
{{- $texts := dict -}}
{{- range $key, $value := .settings -}}
{{- if kindIs "bool" $value -}}
{{- $_ := set $texts $key (ternary $.yes $.no $value) -}}
{{- else if and (kindIs "float64" $value) (eq $value (floor $value)) -}}
{{- $_ := set $texts $key (int64 $value | toString) -}}
{{- else if not (kindIs "invalid" $value) -}}
{{- $_ := set $texts $key (toString $value | trim) -}}
{{- end -}}
{{- end -}}
{{- toJson $texts -}}
{{- end -}}
