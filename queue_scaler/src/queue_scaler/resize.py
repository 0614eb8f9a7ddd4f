"""The command `queue-scaler-resize`: lets worker volumes grow by a changed value, which Kubernetes alone refuses.

A StatefulSet's claim templates cannot be changed. Before an upgrade this command enlarges the claims that exist and
deletes the StatefulSet while its pods run on (orphaned), so that Helm makes it anew with the larger template and
adopts them. Everything is checked before anything is changed, and a second run goes on where one was cut off.
"""

import argparse
import re
import sys
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

import msgspec
import yaml
from lightkube import ApiError, Client
from lightkube.resources.apps_v1 import StatefulSet
from lightkube.resources.core_v1 import PersistentVolumeClaim
from lightkube.types import CascadeType, PatchType
from lightkube.utils.quantity import parse_quantity

from queue_scaler.kube import FAILURES, explain

GONE_SECONDS = 60.0


class ResizeError(Exception):
    """The resize is refused or failed; the message names the object and what to do."""


class Wanted(msgspec.Struct, frozen=True, forbid_unknown_fields=True, rename="camel"):
    """The configuration file: size by claim template by StatefulSet."""

    namespace: str
    stateful_sets: dict[str, dict[str, str]]


@dataclass(frozen=True, slots=True)
class Claim:
    """A PersistentVolumeClaim, as far as growing it is concerned; sizes as Kubernetes writes them."""

    name: str
    size: str
    bound: bool


@dataclass(frozen=True, slots=True)
class Plan:
    """What one StatefulSet needs: the claims to enlarge with their new size, then whether it must be made anew."""

    stateful_set: str
    grow: tuple[tuple[Claim, str], ...]
    replace: bool

    def __bool__(self) -> bool:
        return bool(self.grow) or self.replace


def plan(
    stateful_set: str,
    templates: Mapping[str, str] | None,
    claims: Iterable[Claim],
    wanted: Mapping[str, str],
    refusal: Callable[[str, str], str | None],
) -> Plan:
    """Plan for one StatefulSet from its live template sizes (None where it does not exist) and the claims there are.

    `refusal` tells why a claim (by its name) cannot have a size, None when it can. Raises ResizeError, and changes
    nothing.
    """
    claims = tuple(claims)
    grow = []
    for template, size in wanted.items():
        live = (templates or {}).get(template)
        if live is not None and _bytes(size) < _bytes(live):
            raise ResizeError(
                f"StatefulSet {stateful_set}: volume {template} is {live} and cannot shrink to {size}: "
                f"set its persistence size back to {live} or more, or delete StatefulSet and claims first"
            )
        ours = re.compile(rf"{re.escape(template)}-{re.escape(stateful_set)}-\d+")
        grow += [(claim, size) for claim in claims if ours.fullmatch(claim.name) and _bytes(claim.size) < _bytes(size)]
    for claim, size in grow:
        if not claim.bound:
            raise ResizeError(
                f"claim {claim.name} of StatefulSet {stateful_set} has no volume yet and cannot grow to {size}: "
                "wait until its pod runs, or delete the claim"
            )
        if why := refusal(claim.name, size):
            raise ResizeError(
                f"claim {claim.name} of StatefulSet {stateful_set} cannot grow from {claim.size} to {size}: {why}; set "
                "allowVolumeExpansion: true in its StorageClass where its driver can grow volumes, or keep the old "
                "persistence size"
            )
    changed = any(_bytes(templates[name]) != _bytes(size) for name, size in wanted.items() if name in (templates or {}))
    return Plan(stateful_set, tuple(grow), changed)


def _bytes(size: str) -> Decimal:
    try:
        return parse_quantity(size)
    except ValueError as error:
        raise ResizeError(f"{size!r} is not a size such as 20Gi") from error


class Volumes:
    """The Kubernetes edge of the resize."""

    def __init__(self, client: Client) -> None:
        self._client = client

    def templates(self, name: str) -> dict[str, str] | None:
        """The sizes of a StatefulSet's claim templates; None where it does not exist."""
        live = self._get(StatefulSet, name)
        if live is None:
            return None
        templates = live.spec.volumeClaimTemplates or []
        return {template.metadata.name: template.spec.resources.requests["storage"] for template in templates}

    def claims(self) -> list[Claim]:
        """All claims of the namespace."""
        return [
            Claim(
                name=item.metadata.name,
                size=item.spec.resources.requests["storage"],
                bound=item.status.phase == "Bound",
            )
            for item in self._client.list(PersistentVolumeClaim)
        ]

    def refusal(self, claim: str, size: str) -> str | None:
        """Why the API server would not let the claim grow, None when it would. Nothing is changed."""
        try:
            self._patch(claim, size, dry_run=True)
        except ApiError as error:
            # 403: the StorageClass, or a quota; 422: the claim itself. Anything else says nothing about the claim.
            if error.status.code not in (403, 422):
                raise
            return str(error.status.message)
        return None

    def grow(self, claim: str, size: str) -> None:
        """Ask for a larger volume."""
        self._patch(claim, size, dry_run=False)

    def _patch(self, claim: str, size: str, *, dry_run: bool) -> None:
        patch = {"spec": {"resources": {"requests": {"storage": size}}}}
        self._client.patch(PersistentVolumeClaim, claim, patch, patch_type=PatchType.MERGE, dry_run=dry_run)

    def orphan(self, stateful_set: str) -> None:
        """Delete a StatefulSet, leave its pods running, and wait until it is gone."""
        self._client.delete(StatefulSet, stateful_set, cascade=CascadeType.ORPHAN)
        until = time.monotonic() + GONE_SECONDS
        while self._get(StatefulSet, stateful_set) is not None:
            if time.monotonic() > until:
                raise ResizeError(f"StatefulSet {stateful_set} is still there {GONE_SECONDS:.0f} s after its deletion")
            time.sleep(0.5)

    def _get(self, kind: type, name: str):
        try:
            return self._client.get(kind, name)
        except ApiError as error:
            if error.status.code == 404:
                return None
            raise


def resize(volumes: Volumes, wanted: Mapping[str, Mapping[str, str]], say: Callable[[str], None]) -> None:
    """Plan for all StatefulSets, and only when none refuses, carry the plans out. Raises ResizeError."""
    claims = volumes.claims()
    plans = [
        plan(name, volumes.templates(name), claims, sizes, volumes.refusal) for name, sizes in sorted(wanted.items())
    ]
    due = [entry for entry in plans if entry]
    say(f"{len(plans)} StatefulSets looked at, {len(due)} to resize")
    for entry in due:
        for claim, size in entry.grow:
            say(f"claim {claim.name}: {claim.size} -> {size}")
            volumes.grow(claim.name, size)
        if entry.replace:
            say(f"StatefulSet {entry.stateful_set}: deleted without its pods, to be made anew by the upgrade")
            volumes.orphan(entry.stateful_set)


def load(path: Path) -> Wanted:
    """Read the configuration. Raises ResizeError naming file and key."""
    try:
        return msgspec.convert(yaml.safe_load(path.read_text(encoding="utf-8")), Wanted)
    except (OSError, yaml.YAMLError, msgspec.ValidationError) as error:
        raise ResizeError(f"{path}: {error}") from error


def main() -> None:
    """Entry point; exits 1 with one line when the resize is refused or fails."""
    flags = argparse.ArgumentParser(
        prog="queue-scaler-resize",
        description="Grow the volumes of worker StatefulSets before an upgrade: enlarges their claims and deletes the "
        "StatefulSets without their pods, so that the upgrade makes them anew with the larger claim template.",
    )
    flags.add_argument(
        "--config",
        type=Path,
        required=True,
        metavar="FILE",
        help="YAML: namespace, and statefulSets.<name>.<claim template>: <size>",
    )
    try:
        wanted = load(flags.parse_args().config)
        with Client(namespace=wanted.namespace, field_manager="queue-scaler-resize") as client:
            resize(Volumes(client), wanted.stateful_sets, lambda text: print(text, flush=True))
    except ResizeError as error:
        sys.exit(f"error: {error}")
    except FAILURES as error:
        sys.exit(f"error: the API server: {explain(error)}")


if __name__ == "__main__":
    main()
