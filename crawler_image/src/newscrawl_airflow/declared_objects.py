"""Reads which connections, variables and pools the values declare; secrets come from the environment by name.

The files are written by the chart, but what they say is a person's: whatever is wrong is refused with the file and the
key, before anything in the database is touched.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

FOLDER = Path("/etc/newscrawl-airflow/bootstrap")

Item = dict[str, Any]

_CONNECTION = {"conn_type": str, "host": str, "port": int, "schema": str, "login": str, "description": str}
_SECRETS = {"passwordEnv": "password", "extraEnv": "extra", "uriEnv": "uri", "valueEnv": "value"}
# kind -> key -> the types that its value may have; a secret's key holds the name of an environment variable
KEYS: dict[str, dict[str, type | tuple[type, ...]]] = {
    "connections": {
        **_CONNECTION,
        "password": str,
        "extra": (dict, str),
        "uri": str,
        "passwordEnv": str,
        "extraEnv": str,
        "uriEnv": str,
    },
    "variables": {"value": (str, int, float, bool, list, dict), "valueEnv": str, "description": str},
    "pools": {"slots": int, "description": str, "include_deferred": bool},
}


@dataclass(frozen=True)
class Declared:
    """What the values say, by kind and name; secrets filled in, so it is never printed."""

    connections: Mapping[str, Item] = field(default_factory=dict, repr=False)
    variables: Mapping[str, Item] = field(default_factory=dict, repr=False)
    pools: Mapping[str, Item] = field(default_factory=dict)


def load(environ: Mapping[str, str], folder: Path = FOLDER) -> Declared:
    """Read the three files of `folder`, a missing one as empty; raises ValueError that names file and key."""
    return Declared(**{kind: _load(folder / f"{kind}.json", kind, environ) for kind in KEYS})


def _load(path: Path, kind: str, environ: Mapping[str, str]) -> dict[str, Item]:
    if not path.exists():
        return {}
    try:
        content = json.loads(path.read_text())
    except json.JSONDecodeError as error:
        raise ValueError(f"{path}: not JSON: {error}") from error
    if not isinstance(content, dict):
        raise ValueError(f"{path}: must be a map of {kind} by name")
    return {name: _item(f"{path}: {name}", kind, item, environ) for name, item in content.items()}


def _item(where: str, kind: str, item: Any, environ: Mapping[str, str]) -> Item:
    if not isinstance(item, dict):
        raise ValueError(f"{where}: must be a map with the keys {', '.join(KEYS[kind])}")
    filled: Item = {}
    for key, value in item.items():
        if key not in KEYS[kind]:
            raise ValueError(f"{where}.{key}: unknown key; there are: {', '.join(KEYS[kind])}")
        if value is None:
            continue
        allowed = KEYS[kind][key]
        if not isinstance(value, allowed) or (isinstance(value, bool) and allowed is int):
            names = " or ".join(one.__name__ for one in (allowed if isinstance(allowed, tuple) else (allowed,)))
            raise ValueError(f"{where}.{key}: must be {names}")
        target = _SECRETS.get(key, key)
        if target in filled:
            raise ValueError(f"{where}.{key}: {target} is given twice")
        if key in _SECRETS:
            if value not in environ:
                raise ValueError(f"{where}.{key}: there is no environment variable {value}")
            value = environ[value]
        filled[target] = value
    required = {"connections": ("conn_type", "uri"), "variables": ("value",), "pools": ("slots",)}[kind]
    if not any(key in filled for key in required):
        raise ValueError(f"{where}: {' or '.join(required)} is missing")
    if "uri" in filled and set(filled) - {"uri", "description"}:
        raise ValueError(f"{where}.uri: a connection is either a uri or its parts, not both")
    return filled
