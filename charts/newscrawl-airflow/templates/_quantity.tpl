{{/* A Kubernetes quantity (512Mi, 2G, 1.5Gi) in whole MiB, to compare sizes and to derive caches from limits. */}}
{{- define "newscrawl.mebibytes" -}}
{{- $text := toString . -}}
{{- $number := regexFind "^[0-9.]+" $text | float64 -}}
{{- $unit := trimPrefix (regexFind "^[0-9.]+" $text) $text -}}
{{- $factors := dict "" 0.00000095367431640625 "k" 0.00095367431640625 "M" 0.95367431640625 "G" 953.67431640625 "T" 953674.31640625 "Ki" 0.0009765625 "Mi" 1.0 "Gi" 1024.0 "Ti" 1048576.0 -}}
{{- if not (hasKey $factors $unit) -}}
{{- fail (printf "%q: a size must end in Ki, Mi, Gi, Ti, k, M, G or T, or be a number of bytes" $text) -}}
{{- end -}}
{{- mulf $number (get $factors $unit) | int64 -}}
{{- end -}}

{{/* A component's memory limit in MiB, from which the sizes of its server follow. Takes {root, key: the component's key in
     values, such as hdfs.nameNode}. */}}
{{- define "newscrawl.memoryLimit" -}}
{{- $values := .root.Values -}}
{{- range splitList "." .key -}}
{{- $values = get $values . -}}
{{- end -}}
{{- $limit := dig "limits" "memory" "" ($values.resources | default dict) -}}
{{- if not $limit -}}
{{- fail (printf "%s.resources.limits.memory: is missing, and the server's own sizes follow from it: set it, for example to 1Gi" .key) -}}
{{- end -}}
{{- include "newscrawl.mebibytes" $limit -}}
{{- end -}}
