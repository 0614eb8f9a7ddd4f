"""What the scaler is told: one YAML file with KEDA's field names, checked as a whole before any of it is used.

A key that is unknown, of the wrong type or contradicts another is an error that names it, since a misspelt
`maxReplicas` that is silently ignored costs either money or a backlog.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Literal, TypeVar

import msgspec
import yaml

T = TypeVar("T")
Count = Annotated[int, msgspec.Meta(ge=0)]
Positive = Annotated[int, msgspec.Meta(ge=1)]
Seconds = Annotated[float, msgspec.Meta(ge=0)]


class ConfigError(Exception):
    """The file cannot be used; the message names file and key."""


class _Checked(msgspec.Struct, frozen=True, forbid_unknown_fields=True, rename="camel"):
    pass


class Policy(_Checked):
    """At most `value` replicas (Pods) or `value` per cent of them (Percent) in `period_seconds`."""

    type: Literal["Pods", "Percent"]
    value: Positive
    period_seconds: Annotated[int, msgspec.Meta(ge=1, le=1800)]


class Rules(_Checked):
    """One direction of the HPA's `behavior`; without policies the step is not limited."""

    stabilization_window_seconds: Annotated[int, msgspec.Meta(ge=0, le=3600)] | None = None
    select_policy: Literal["Max", "Min", "Disabled"] = "Max"
    policies: tuple[Policy, ...] = ()


class Behavior(_Checked):
    scale_up: Rules = Rules()
    scale_down: Rules = Rules()

    @property
    def up_window(self) -> float:
        """Seconds over which the lowest wish counts before scaling up (the HPA's default: 0)."""
        return self.scale_up.stabilization_window_seconds or 0

    @property
    def down_window(self) -> float:
        """Seconds over which the highest wish counts before scaling down (the HPA's default: 300)."""
        seconds = self.scale_down.stabilization_window_seconds
        return 300 if seconds is None else seconds


class Fallback(_Checked):
    """After `failure_threshold` failed readings in a row, have at least `replicas`; None holds what there is."""

    failure_threshold: Positive
    replicas: Count | None = None


class Queue(_Checked):
    """How one queue scales; counts in replicas, lengths in tasks, times in seconds."""

    stateful_set: Annotated[str, msgspec.Meta(min_length=1)]
    min_replica_count: Count = 0
    max_replica_count: Count = 100
    concurrency: Positive = 1
    list_length: Positive | None = None
    target_seconds: Annotated[float, msgspec.Meta(gt=0)] | None = None
    activation_list_length: Count = 0
    cooldown_period: Seconds = 300
    in_flight_key: str | None = None
    fallback: Fallback | None = None
    behavior: Behavior = Behavior()

    @property
    def target(self) -> int:
        """Tasks per replica that the scaler aims at."""
        return self.list_length or self.concurrency


class Config(_Checked):
    """The whole file; `also_served` are queues whose workers something else scales, or nothing."""

    queues: dict[str, Queue]
    polling_interval: Annotated[float, msgspec.Meta(gt=0)] = 1
    also_served: frozenset[str] = frozenset()
    lease_name: Annotated[str, msgspec.Meta(min_length=1)] = "queue-scaler"


def load(path: Path) -> Config:
    """Read and check `path`. Raises ConfigError with the file and the key in its message."""
    try:
        return parse(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError(f"{path}: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise ConfigError(f"{path}: not UTF-8: {error}") from error
    except ConfigError as error:
        raise ConfigError(f"{path}: {error}") from error


def parse(text: str) -> Config:
    """Check the text of a configuration file. Raises ConfigError naming the key, or the line of a YAML error."""
    try:
        document = _without_nulls(yaml.safe_load(text))
    # a date that is none, and an alias of what it is in
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise ConfigError(f"not YAML: {error}") from error
    queues = document.get("queues") if isinstance(document, dict) else None
    if isinstance(queues, dict):
        # queue by queue, since an error inside a map does not tell which key of the map it is about
        checked = {str(name): _check_queue(str(name), queue) for name, queue in queues.items()}
        _check_unique(checked)
    return _convert(document, Config, "")


def _check_queue(name: str, document: object) -> Queue:
    queue = _convert(document, Queue, f"queues.{name}")
    if queue.min_replica_count > queue.max_replica_count:
        raise ConfigError(
            f"queues.{name}.minReplicaCount: {queue.min_replica_count} is more than maxReplicaCount "
            f"{queue.max_replica_count}: lower it or raise maxReplicaCount"
        )
    return queue


def _check_unique(queues: Mapping[str, Queue]) -> None:
    owners: dict[str, str] = {}
    for name, queue in queues.items():
        other = owners.setdefault(queue.stateful_set, name)
        if other != name:
            raise ConfigError(f"queues.{name}.statefulSet: {queue.stateful_set} already belongs to queue {other}")


def _convert(document: object, to: type[T], where: str) -> T:
    try:
        return msgspec.convert(document, to)
    except msgspec.ValidationError as error:
        reason, _, place = str(error).partition(" - at `")
        key = ".".join(part for part in (where, place.rstrip("`").removeprefix("$").lstrip(".")) if part)
        raise ConfigError(f"{key or 'the whole file'}: {reason}") from error


def _without_nulls(value: object) -> object:
    if isinstance(value, dict):
        return {key: _without_nulls(item) for key, item in value.items() if item is not None}
    if isinstance(value, list):
        return [_without_nulls(item) for item in value]
    return value
