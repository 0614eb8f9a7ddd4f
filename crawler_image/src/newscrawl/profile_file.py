"""A site profile as a YAML file whose every error says file, key and line.

The file is checked against the schema that editors use as well, and for keys that stand twice, of which YAML itself
would silently take the last.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

import jsonschema
import yaml

Key = tuple[str, ...]


class _Loader(yaml.CSafeLoader):
    """YAML whose dates stay texts, so that a wrong one is an error with a line."""


_Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag != "tag:yaml.org,2002:timestamp"]
    for first, resolvers in yaml.CSafeLoader.yaml_implicit_resolvers.items()
}


class ProfileError(Exception):
    """A profile that cannot be used: `key` is the dotted path in the YAML, `line` counts from 1 (None: unknown).

    `others` are the file's further mistakes, as far as they can be known beside this one.
    """

    others: tuple[ProfileError, ...] = ()

    def __init__(self, file: Path, key: str, line: int | None, message: str):
        place = f"{file}:{line}" if line else str(file)
        super().__init__(f"{place}: {key}: {message}" if key else f"{place}: {message}")
        self.file = file
        self.key = key
        self.line = line
        self.message = message


class ProfileFile:
    """A file's `content`, valid by the schema, with the lines of its keys. Raises ProfileError."""

    def __init__(self, path: Path):
        self.path = path
        try:
            text = path.read_text("utf-8")
            node = yaml.compose(text, _Loader)
            self.content: Any = yaml.load(text, _Loader)
            self._lines = lines(node)
            self._refuse_repeated(node)
            self._validate()
        except (OSError, UnicodeDecodeError) as error:
            raise ProfileError(path, "", None, f"cannot be read: {error}") from error
        except yaml.YAMLError as error:
            mark = getattr(error, "problem_mark", None)
            problem = getattr(error, "problem", None) or error
            raise ProfileError(path, "", mark and mark.line + 1, f"is not YAML: {problem}") from error
        except RecursionError as error:
            raise ProfileError(path, "", None, "an alias (*name) leads back to itself") from error

    def error(self, key: Key, message: str) -> ProfileError:
        """An error at a key, with the line of the nearest key above it that is there."""
        return ProfileError(self.path, ".".join(key), nearest(self._lines, key), message)

    def _refuse_repeated(self, node: yaml.Node | None, key: Key = ()) -> None:
        if isinstance(node, yaml.MappingNode):
            seen = set()
            for name, _ in node.value:
                if name.value in seen:
                    line = name.start_mark.line + 1
                    raise ProfileError(self.path, ".".join((*key, name.value)), line, "stands here a second time")
                seen.add(name.value)
        for name, child, _ in _children(node):
            self._refuse_repeated(child, (*key, name))

    def _validate(self) -> None:
        if self.content is None:
            raise self.error((), "is empty: a profile has at least site, name, timezone and hosts")
        # the schema complains of each missing key anew
        found = {str(one): one for error in _validator().iter_errors(_as_json(self.content)) for one in self._of(error)}
        if found:
            first, *others = sorted(found.values(), key=lambda one: (one.line or 0, one.key))
            first.others = tuple(others)
            raise first

    def _of(self, error: jsonschema.ValidationError) -> Iterator[ProfileError]:
        """What the schema complains of, by file, key and line."""
        key = tuple(map(str, error.absolute_path))
        if error.validator == "additionalProperties":
            known = sorted(error.schema["properties"])
            for unknown in sorted(set(error.instance) - set(known)):
                close = get_close_matches(unknown, known, 1)
                meant = f"did you mean {close[0]}? " if close else ""
                yield self.error((*key, unknown), f"unknown key; {meant}known here: {', '.join(known)}")
        elif error.validator == "required":
            unknown = set(error.instance) - set(error.schema["properties"])
            for name in error.validator_value:
                # a slip of the pen is told once, where it is
                if name not in error.instance and not get_close_matches(name, unknown):
                    yield self.error((*key, name), "is missing")
        else:
            meaning = error.schema.get("description") if isinstance(error.schema, dict) else None
            if meaning and error.validator == "pattern":
                # the pattern itself says less than what it is for
                yield self.error(key, f"{error.instance!r} does not fit: {meaning}")
            else:
                yield self.error(key, error.message + (f" ({meaning})" if meaning else ""))


def lines(node: yaml.Node | None, key: Key = ()) -> dict[Key, int]:
    """The line, from 1, of each key and list item below a YAML node."""
    found = {} if node is None else {key: node.start_mark.line + 1}
    for name, child, line in _children(node):
        found |= lines(child, (*key, name)) | {(*key, name): line}
    return found


def nearest(known: Mapping[Key, int], key: Key) -> int | None:
    """The line of the key, or of the nearest above it."""
    while key and key not in known:
        key = key[:-1]
    return known.get(key)


def _children(node: yaml.Node | None) -> Iterator[tuple[str, yaml.Node, int]]:
    if isinstance(node, yaml.MappingNode):
        yield from ((str(key.value), value, key.start_mark.line + 1) for key, value in node.value)
    elif isinstance(node, yaml.SequenceNode):
        yield from ((str(number), value, value.start_mark.line + 1) for number, value in enumerate(node.value))


@cache
def _validator() -> jsonschema.protocols.Validator:
    schema = json.loads(files("newscrawl").joinpath("profile.schema.json").read_text("utf-8"))
    return jsonschema.Draft202012Validator(schema)


def _as_json(value: Any) -> Any:
    """YAML's values as JSON's: keys as text."""
    if isinstance(value, dict):
        return {str(key): _as_json(one) for key, one in value.items()}
    return [_as_json(one) for one in value] if isinstance(value, list) else value
