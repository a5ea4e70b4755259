"""Plain data between interpreters of different versions: JSON, with bytes and any keys besides."""

import json
from base64 import b64decode, b64encode
from collections.abc import Mapping
from pathlib import PurePath
from typing import Any

_BYTES, _ITEMS = "base64:", "items:"
"""The only keys of what stands for bytes, and for a mapping that JSON does not have."""


def dumped(value: Any) -> bytes:
    """The bytes that stand for a value of mappings, lists, texts, numbers, bytes and paths."""
    return json.dumps(_plain(value)).encode()


def loaded(data: bytes) -> Any:
    """The value again. Tuples are lists now, and paths are texts."""
    return json.loads(data, object_hook=_again)


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        found = {key: _plain(part) for key, part in value.items()}
        if all(isinstance(key, str) for key in found) and not found.keys() & {_BYTES, _ITEMS}:
            return found
        return {_ITEMS: [[_plain(key), part] for key, part in found.items()]}
    if isinstance(value, list | tuple):
        return [_plain(part) for part in value]
    if isinstance(value, bytes | bytearray):
        return {_BYTES: b64encode(value).decode()}
    return str(value) if isinstance(value, PurePath) else value


def _again(found: dict[str, Any]) -> Any:
    if found.keys() == {_BYTES}:
        return b64decode(found[_BYTES])
    if found.keys() == {_ITEMS}:
        return dict(found[_ITEMS])
    return found
