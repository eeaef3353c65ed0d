#!/usr/bin/env python3
"""Write what is shipped as a CycloneDX document: `python tools/sbom.py [FILE]`, by default dist/shipmate.cdx.json.

Every package of requirements.txt stands in it with its version, the hashes of all its files and its licence, as the
package itself tells it: so the tools of the gate must be installed, with the same lock. The document is held against
CycloneDX's own schema before it is written, and the same lock gives the same bytes.

Source: https://cyclonedx.org/docs/1.6/json/
"""

import argparse
import importlib.metadata
import re
import sys
import tomllib
import uuid
from pathlib import Path
from typing import NamedTuple

from cyclonedx.contrib.license.factories import LicenseFactory
from cyclonedx.model import HashAlgorithm, HashType, Property
from cyclonedx.model.bom import Bom
from cyclonedx.model.component import Component, ComponentType
from cyclonedx.output import make_outputter
from cyclonedx.schema import OutputFormat, SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
from packageurl import PackageURL

ROOT = Path(__file__).resolve().parent.parent
VERSION = SchemaVersion.V1_6
PIN = re.compile(
    r"^([\w.\-]+)==([^\s;\\]+)(?:\s*;\s*([^\\\n]+?))?\s*\\\n((?:\s+--hash=sha256:[0-9a-f]{64}\s*\\?\n)+)", re.MULTILINE
)
HASH = re.compile(r"sha256:([0-9a-f]{64})")
TOLD_BY_THEIR_FILES = {"promql-parser": "MIT"}
"""Packages whose metadata names no licence: what the file LICENSE in them says."""

_LONGEST_NAME = 60


class Pinned(NamedTuple):
    """One package of the lock. `marker` says where it is installed, "" for everywhere."""

    name: str
    version: str
    marker: str
    hashes: tuple[str, ...]


def pinned(lock: str) -> list[Pinned]:
    """Return the packages of a lock, in its order."""
    return [
        Pinned(name, version, marker or "", tuple(HASH.findall(hashes)))
        for name, version, marker, hashes in PIN.findall(lock)
    ]


def licence_of(name: str) -> str:
    """Return the licence that a package tells: an SPDX expression where it has one, else its name.

    Raises:
        LookupError: it is not installed, or tells none.
    """
    if name in TOLD_BY_THEIR_FILES:
        return TOLD_BY_THEIR_FILES[name]
    try:
        told = importlib.metadata.metadata(name).json
    except importlib.metadata.PackageNotFoundError:
        raise LookupError(f"{name} is not installed, and its licence stands in the package itself") from None
    expression, written = (str(told.get(key, "")).strip() for key in ("license_expression", "license"))
    classified = [one.rpartition(" :: ")[2] for one in told.get("classifier", ()) if one.startswith("License ::")]
    if expression:
        return expression
    if written and len(written) <= _LONGEST_NAME and "\n" not in written and written != "Dual License":
        return written
    if classified:
        return " OR ".join(classified)
    raise LookupError(f"{name} tells no licence: look into its files, and add it to TOLD_BY_THEIR_FILES")


def component(one: Pinned) -> Component:
    """Return a package as a component; each of its files (a wheel for a platform, the source) has a hash."""
    found = Component(
        type=ComponentType.LIBRARY,
        name=one.name,
        version=one.version,
        bom_ref=f"{one.name}=={one.version}",
        purl=PackageURL("pypi", name=one.name, version=one.version),
        hashes=[HashType(alg=HashAlgorithm.SHA_256, content=digest) for digest in one.hashes],
        licenses=[LicenseFactory().make_from_string(licence_of(one.name))],
    )
    if one.marker:
        found.properties.add(Property(name="shipmate:installed-where", value=one.marker))
    return found


def document(lock: str, version: str) -> str:
    """Return the document of a lock for this version of Shipmate.

    Raises:
        LookupError: a package is not installed, or tells no licence.
        ValueError: the document is not right by CycloneDX's schema; says why.
    """
    shipmate = Component(
        type=ComponentType.APPLICATION,
        name="shipmate",
        version=version,
        bom_ref="shipmate",
        purl=PackageURL("pypi", name="shipmate", version=version),
        licenses=[LicenseFactory().make_from_string("Apache-2.0")],
    )
    parts = [component(one) for one in pinned(lock)]
    bom = Bom(components=parts, serial_number=uuid.uuid5(uuid.NAMESPACE_URL, f"shipmate {version} {lock}"))
    bom.metadata.component = shipmate
    bom.metadata.timestamp = None  # type: ignore[assignment]  # the same lock gives the same bytes
    bom.register_dependency(shipmate, parts)
    written = make_outputter(bom, OutputFormat.JSON, VERSION).output_as_string(indent=2) + "\n"
    wrong = JsonStrictValidator(VERSION).validate_str(written)
    if wrong is not None:
        raise ValueError(f"not right by the schema of CycloneDX {VERSION.to_version()}: {wrong}")
    return written


def main() -> None:
    """Read the arguments and write the document."""
    parser = argparse.ArgumentParser(description="Write what is shipped as a CycloneDX document.")
    parser.add_argument("file", nargs="?", type=Path, default=ROOT / "dist" / "shipmate.cdx.json")
    file: Path = parser.parse_args().file
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    try:
        written = document((ROOT / "requirements.txt").read_text("utf-8"), project["version"])
    except (LookupError, ValueError) as error:
        sys.exit(f"tools/sbom.py: {error}. `make sbom` installs what it needs.")
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(written, encoding="utf-8")
    print(f"{file}: {len(pinned((ROOT / 'requirements.txt').read_text('utf-8')))} packages")


if __name__ == "__main__":
    main()
