{{/* Connection URLs, which carry passwords: they end in Secrets only. */}}

{{- define "newscrawl.percentEncoded" -}}
{{- urlquery . | replace "+" "%20" -}}
{{- end -}}

{{/* Takes {root, database, user, password, host, port}. */}}
{{- define "newscrawl.mysqlUrl" -}}
{{- $options := list "charset=utf8mb4" -}}
{{- if and (not .root.Values.mysql.enabled) .root.Values.externalMysql.tls.enabled -}}
{{- $ca := ternary "/etc/newscrawl-airflow/mysql-tls/ca.crt" "/etc/ssl/certs/ca-certificates.crt" (not (empty .root.Values.externalMysql.tls.caSecret)) -}}
{{- $options = append $options (printf "ssl_ca=%s" $ca) -}}
{{- if not .root.Values.externalMysql.tls.verifyHostname -}}
{{- $options = append $options "ssl_check_hostname=false" -}}
{{- end -}}
{{- end -}}
{{- printf "mysql+pymysql://%s:%s@%s:%d/%s?%s" (include "newscrawl.percentEncoded" .user) (include "newscrawl.percentEncoded" .password) .host (int .port) .database (join "&" $options) -}}
{{- end -}}

{{/* The URLs of the embedded or the described MySQL as JSON, {} where an existing Secret holds them. */}}
{{- define "newscrawl.mysqlUrls" -}}
{{- $root := . -}}
{{- $urls := dict -}}
{{- $own := eq (include "newscrawl.mysqlUrlsSecret" .) (printf "%s-urls" (include "newscrawl.fullname" .)) -}}
{{- if and $own .Values.mysql.enabled -}}
{{- $host := printf "%s-mysql" (include "newscrawl.fullname" .) -}}
{{- range $key, $place := dict "metadata" (list "airflow" "airflow") "results" (list "results" "results") "articles" (list "articles" "newscrawl") -}}
{{- $password := include "newscrawl.mysqlPassword" (dict "root" $root "user" (last $place)) -}}
{{- $_ := set $urls (printf "%s-url" $key) (include "newscrawl.mysqlUrl" (dict "root" $root "database" (first $place) "user" (last $place) "password" $password "host" $host "port" 3306)) -}}
{{- end -}}
{{- else if $own -}}
{{- range $key := list "metadata" "results" "articles" -}}
{{- $place := get $root.Values.externalMysql $key -}}
{{- $_ := set $urls (printf "%s-url" $key) (include "newscrawl.mysqlUrl" (merge (dict "root" $root "host" $root.Values.externalMysql.host "port" $root.Values.externalMysql.port) $place)) -}}
{{- end -}}
{{- end -}}
{{- toJson $urls -}}
{{- end -}}

{{/* The URLs of the embedded or the described Redis as JSON, {} where an existing Secret holds them. */}}
{{- define "newscrawl.redisUrls" -}}
{{- $urls := dict -}}
{{- if eq (include "newscrawl.redisUrlsSecret" .) (printf "%s-urls" (include "newscrawl.fullname" .)) -}}
{{- if .Values.redis.enabled -}}
{{- $base := printf "redis://:%s@%s-redis:6379" (include "newscrawl.percentEncoded" (include "newscrawl.redisPassword" .)) (include "newscrawl.fullname" .) -}}
{{- $_ := set $urls "broker-url" (printf "%s/0" $base) -}}
{{- $_ := set $urls "crawler-redis-url" (printf "%s/1" $base) -}}
{{- else -}}
{{- $redis := .Values.externalRedis -}}
{{- $login := printf "%s:%s@" (include "newscrawl.percentEncoded" $redis.username) (include "newscrawl.percentEncoded" $redis.password) -}}
{{- $base := printf "%s://%s%s:%d" (ternary "rediss" "redis" $redis.tls.enabled) (ternary "" $login (eq $login ":@")) $redis.host (int $redis.port) -}}
{{- $options := "" -}}
{{- if $redis.tls.enabled -}}
{{- $ca := ternary "/etc/newscrawl-airflow/redis-tls/ca.crt" "/etc/ssl/certs/ca-certificates.crt" (not (empty $redis.tls.caSecret)) -}}
{{- $options = printf "?ssl_cert_reqs=required&ssl_ca_certs=%s%s" $ca (ternary "" "&ssl_check_hostname=false" $redis.tls.verifyHostname) -}}
{{- end -}}
{{- $_ := set $urls "broker-url" (printf "%s/%d%s" $base (int $redis.database) $options) -}}
{{- $_ := set $urls "crawler-redis-url" (printf "%s/%d%s" $base (int $redis.crawlerDatabase) $options) -}}
{{- end -}}
{{- end -}}
{{- toJson $urls -}}
{{- end -}}
