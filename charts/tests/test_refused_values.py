"""Values that must not render, and that the message says which key is wrong and what to do."""

from __future__ import annotations

import pytest

REFUSED = {
    "unknown key": (["crawlers={}"], ["crawlers"]),
    "unknown key deep inside": (['workers={"queues":{"a":{"concurency":2}}}'], ["/workers/queues/a", "concurency"]),
    "wrong type": (['workers={"queues":{"a":{"concurrency":"two"}}}'], ["/workers/queues/a/concurrency", "integer"]),
    "negative": (['workers={"defaults":{"autoscaling":{"minReplicaCount":-1}}}'], ["minReplicaCount"]),
    "unknown engine": (['autoscaling={"engine":"hpa"}'], ["/autoscaling/engine", "builtin"]),
    "default queue removed": (['workers={"queues":{"default":null,"a":{}}}'], ["workers.queues", "default_queue"]),
    "default queue not served": (
        ['config={"operators":{"default_queue":"quick"}}'],
        ["workers.queues.quick", "config.operators.default_queue"],
    ),
    "default queue without workers": (
        ['workers={"queues":{"default":{"replicas":0,"autoscaling":{"enabled":false}}}}'],
        ["workers.queues.default.replicas", "autoscaling.enabled=true"],
    ),
    "default queue without workers or engine": (
        ['workers={"defaults":{"replicas":0}}', 'autoscaling={"engine":"none"}'],
        ["workers.queues.default.replicas"],
    ),
    "min above max": (
        ['workers={"queues":{"a":{"autoscaling":{"minReplicaCount":4,"maxReplicaCount":2}}}}'],
        ["workers.queues.a.autoscaling.minReplicaCount", "4", "maxReplicaCount 2"],
    ),
    "time target of zero": (
        ['workers={"queues":{"a":{"autoscaling":{"targetSeconds":0}}}}'],
        ["/workers/queues/a/autoscaling/targetSeconds"],
    ),
    "time target with keda": (
        ['workers={"queues":{"a":{"autoscaling":{"targetSeconds":60}}}}', 'autoscaling={"engine":"keda"}'],
        ["workers.queues.a.autoscaling.targetSeconds", "autoscaling.engine=builtin"],
    ),
    "queue with a comma": (['workers={"queues":{"a,b":{}}}'], ["/workers/queues", "a,b"]),
    "size without sense": (['mysql={"persistence":{"size":"8 GB"}}'], ["/mysql/persistence/size"]),
    "secret in config": (['config={"core":{"fernet_key":"x"}}'], ["config.core.fernet_key", "existingSecrets"]),
    "connection with an unknown key": (['connections={"a":{"hostname":"x"}}'], ["/connections/a", "hostname"]),
    "pool without slots": (['pools={"a":{"description":"x"}}'], ["/pools/a", "slots"]),
    "site with a bad name": (['sites={"My Site":{}}'], ["/sites", "My Site"]),
    "no mysql": (['mysql={"enabled":false}'], ["externalMysql.host"]),
    "two mysqls": (['externalMysql={"host":"db"}'], ["externalMysql", "mysql.enabled=false"]),
    "no redis": (['redis={"enabled":false}'], ["externalRedis.host"]),
    "two redises": (['externalRedis={"host":"db"}'], ["externalRedis", "redis.enabled=false"]),
    "keda without a redis host": (
        ['redis={"enabled":false}', 'externalRedis={"existingSecret":"x"}', 'autoscaling={"engine":"keda"}'],
        ["autoscaling.engine", "externalRedis.host"],
    ),
    "mysql with too little memory": (
        ['mysql={"resources":{"limits":{"memory":"256Mi"}}}'],
        ["mysql.resources.limits.memory", "512Mi"],
    ),
    "mysql without limits": (['mysql={"resources":{"limits":null}}'], ["mysql.resources.limits.memory", "1Gi"]),
    "redis without resources": (['redis={"resources":null}'], ["redis.resources.limits.memory"]),
    "hdfs without a limit": (
        ['hdfs={"enabled":true,"dataNode":{"resources":{"limits":{"memory":null}}}}'],
        ["hdfs.dataNode.resources.limits.memory"],
    ),
    "existing secret that is not there": (
        ['mysql={"existingSecret":"mine"}'],
        ["mysql.existingSecret", '"mine"', "existingSecrets.urls"],
    ),
    "keda without the password of an existing URL": (
        [
            'redis={"enabled":false}',
            'externalRedis={"host":"10.0.0.3"}',
            'autoscaling={"engine":"keda"}',
            'existingSecrets={"urls":"mine"}',
        ],
        ["autoscaling.engine", "existingSecrets.urls", "externalRedis.existingSecret"],
    ),
    "lake without a scheme": (['lake={"url":"namenode:9870/news"}'], ["/lake/url"]),
    "lake with a password": (['lake={"url":"webhdfs://me:secret@namenode:9870/news"}'], ["/lake/url"]),
    "login without a lake": (['lake={"existingSecret":"x"}'], ["lake.existingSecret", "lake.url", "hdfs.enabled"]),
    "more copies than data nodes": (
        ['hdfs={"enabled":true,"replication":3}'],
        ["hdfs.replication", "hdfs.dataNode.replicas is 1"],
    ),
    "user agent empty": (['crawler={"userAgent":""}'], ["/crawler/userAgent"]),
    "grace too short": (
        ['workers={"defaults":{"terminationGracePeriodSeconds":5}}'],
        ["/workers/defaults/terminationGracePeriodSeconds"],
    ),
}


def test_a_cluster_that_is_too_old_is_refused(helm):
    done = helm("--kube-version", "1.26.0")
    assert done.returncode
    assert ">=1.27" in done.stderr


@pytest.mark.parametrize("case", REFUSED)
def test_refused_with_the_key_named(refusal, case):
    settings, words = REFUSED[case]
    message = refusal(*settings)
    assert not [word for word in words if word not in message], message
