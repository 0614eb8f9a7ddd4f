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
