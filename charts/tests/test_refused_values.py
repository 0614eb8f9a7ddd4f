"""Values that must not render, and that the message says which key is wrong and what to do."""

from __future__ import annotations

import base64

import pytest
from api_server import api_server

SECRET_SETTINGS = (
    "core.fernet_key",
    "api.secret_key",
    "api_auth.jwt_secret",
    "database.sql_alchemy_conn",
    "database.sql_alchemy_conn_async",
    "celery.broker_url",
    "celery.result_backend",
    "celery.flower_basic_auth",
)
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
    **{
        f"queue with a key of the workers: {name}": (
            [f'workers={{"queues":{{"{name}":{{}}}}}}'],
            [f"workers.queues.{name}:"],
        )
        for name in ("unacked:a", "unacked_index:a", "work:a", "_kombu.binding.a")
    },
    "queue with a comma": (['workers={"queues":{"a,b":{}}}'], ["/workers/queues", "a,b"]),
    "queues whose StatefulSets would have one name": (
        ['workers={"queues":{"Harbor_English":{},"harbor-english-374f3f":{}}}'],
        ["workers.queues.harbor-english-374f3f", "newscrawl-worker-harbor-english-374f3f", "queue Harbor_English"],
    ),
    "size without sense": (['mysql={"persistence":{"size":"8 GB"}}'], ["/mysql/persistence/size"]),
    "size in a unit that is none": (
        ['hdfs={"dataNode":{"persistence":{"size":"8GB"}}}'],
        ["/hdfs/dataNode/persistence/size", "8GB", "Ki|Mi|Gi"],
    ),
    "memory in a unit that is none": (
        ['redis={"resources":{"limits":{"memory":"512MB"}}}'],
        ["/redis/resources/limits/memory", "512MB", "Ki|Mi|Gi"],
    ),
    "connection with an unknown key": (['connections={"a":{"hostname":"x"}}'], ["/connections/a", "hostname"]),
    "connection without a type": (['connections={"a":{"host":"x"}}'], ["connections.a.conn_type", "uriFrom"]),
    "connection with two passwords": (
        [
            'connections={"a":{"conn_type":"http","password":"x",'
            '"passwordFrom":{"secretKeyRef":{"name":"s","key":"k"}}}}'
        ],
        ["connections.a.password", "passwordFrom"],
    ),
    "connection of a uri and parts": (
        ['connections={"a":{"host":"x","uriFrom":{"secretKeyRef":{"name":"s","key":"k"}}}}'],
        ["connections.a.host", "uri"],
    ),
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


@pytest.mark.parametrize("setting", SECRET_SETTINGS)
def test_a_secret_is_refused_where_all_can_read_it(refusal, setting):
    section, key = setting.split(".")
    message = refusal(f'config={{"{section}":{{"{key}":"hunter2"}}}}')
    assert f"config.{setting}: is secret" in message
    assert "existingSecrets" in message
    assert "hunter2" not in message


@pytest.mark.parametrize(
    ("part", "held", "missing"),
    [
        ("mysql", ["root-password", "airflow-password", "results-password"], "newscrawl-password"),
        ("redis", ["passwort"], "password"),
    ],
)
def test_an_existing_secret_that_lacks_a_key_is_refused(helm, part, held, missing):
    secret = {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": "mine", "namespace": "news"},
        "data": {key: base64.b64encode(b"x").decode() for key in held},
    }
    with api_server({"/api/v1/namespaces/news/secrets/mine": secret}) as url:
        done = helm("--set", f"{part}.existingSecret=mine", "--dry-run=server", "--kube-apiserver", url)
    assert done.returncode
    assert f'{part}.existingSecret: Secret "mine" has no key "{missing}"' in done.stderr


@pytest.mark.parametrize("case", REFUSED)
def test_refused_with_the_key_named(refusal, case):
    settings, words = REFUSED[case]
    message = refusal(*settings)
    assert not [word for word in words if word not in message], message
