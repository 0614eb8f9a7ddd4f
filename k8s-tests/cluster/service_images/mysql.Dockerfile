# MySQL from Debian sid, where no registry can be reached; used as the official image is (binaries on PATH, uid 999).
FROM debian:trixie-slim
RUN groupadd -g 999 mysql && useradd -u 999 -g 999 -d /var/lib/mysql -M mysql
# the sid source is the image's own, with another suite
RUN sed -E 's/^deb (\[[^]]*\] )?/deb [check-valid-until=no] /; s/ trixie / sid /' /etc/apt/sources.list > /etc/apt/sources.list.d/sid.list \
    && apt-get update \
    && DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends mysql-server-core mysql-client \
    && rm -rf /var/lib/apt/lists/* /var/cache/* /usr/share/doc /usr/share/man /etc/mysql/conf.d/* \
    && mkdir -p /var/run/mysqld /var/lib/mysql \
    && chown 999:999 /var/run/mysqld /var/lib/mysql
USER 999:999
CMD ["mysqld"]
