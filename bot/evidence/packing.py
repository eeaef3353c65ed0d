"""Packing: files into a zip whose bytes follow from what is in it, with a manifest that `sha256sum -c` reads."""

import dataclasses
import hashlib
import io
import json
import zipfile
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from enum import Enum
from typing import Any

from msgspec import Struct

from bot.identity import Channel, Person

MANIFEST = "MANIFEST"
SIGNATURE = "MANIFEST.sig"
_LEVEL = 6
_READABLE = 0o644 << 16
_UNIX = 3


Sign = Callable[[bytes], bytes]


def packed(files: Mapping[str, bytes], *, folder: str, at: datetime, sign: Sign = lambda _content: b"") -> bytes:
    """Return a zip of these files in a folder, and `MANIFEST` with the SHA-256 of each; every file is dated `at`.

    What `sign` returns for the manifest is its signature; nothing means that there is none.
    """
    lines = (f"{hashlib.sha256(content).hexdigest()}  {name}\n" for name, content in sorted(files.items()))
    manifest = "".join(lines).encode()
    signature = sign(manifest)
    everything = {**files, MANIFEST: manifest, **({SIGNATURE: signature} if signature else {})}
    written = io.BytesIO()
    moment = at.astimezone(UTC)
    date = (moment.year, moment.month, moment.day, moment.hour, moment.minute, moment.second)
    with zipfile.ZipFile(written, "w") as archive:
        for name, content in sorted(everything.items()):
            info = zipfile.ZipInfo(f"{folder}/{name}", date)
            info.compress_type, info.create_system, info.external_attr = zipfile.ZIP_DEFLATED, _UNIX, _READABLE
            archive.writestr(info, content, compresslevel=_LEVEL)
    return written.getvalue()


def document(value: object) -> bytes:
    """Return a value as JSON for people and programs: keys sorted, indented, UTF-8."""
    text = json.dumps(plain(value), sort_keys=True, indent=1, ensure_ascii=False)
    return f"{text}\n".encode("utf-8", "replace")


def plain(value: object) -> Any:  # noqa: ANN401, PLR0911 - any JSON, one return for each kind of value
    """Return a value as plain JSON: people and channels by key, moments in UTC, structs and dataclasses by field."""
    match value:
        case Person() | Channel():
            return value.key
        case datetime():
            return value.astimezone(UTC).isoformat()
        case Enum():
            return value.value
        case Mapping():
            return {str(plain(key)): plain(one) for key, one in value.items()}
        case list() | tuple():
            return [plain(one) for one in value]
        case set() | frozenset():
            return sorted(plain(one) for one in value)
        case Struct():
            return {name: plain(getattr(value, name)) for name in value.__struct_fields__}
        case _ if dataclasses.is_dataclass(value) and not isinstance(value, type):
            return {field.name: plain(getattr(value, field.name)) for field in dataclasses.fields(value)}
        case _:
            return value
