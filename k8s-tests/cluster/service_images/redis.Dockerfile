# Redis from Debian, where no registry can be reached; used as the official image is (binaries on PATH, uid 999).
FROM debian:trixie-slim
RUN groupadd -g 999 redis && useradd -u 999 -g 999 -d /data -M redis \
    && apt-get update \
    && apt-get install -y --no-install-recommends redis-server redis-tools \
    && rm -rf /var/lib/apt/lists/* /var/cache/* /usr/share/doc /usr/share/man \
    && mkdir -p /data && chown 999:999 /data
WORKDIR /data
USER 999:999
CMD ["redis-server", "--protected-mode", "no"]
