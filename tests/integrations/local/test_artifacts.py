"""Artifacts are kept by what they contain, and an archive writes nowhere but into its folder."""

import io
import sys
import tarfile

import pytest

from integrations.local.artifacts import digest_of, find_artifact, keep_artifact, unpack


def archive(path, *members: tuple[str, bytes, str]):
    with tarfile.open(path, "w") as tar:
        for name, kind, target in members:
            member = tarfile.TarInfo(name)
            member.type, member.linkname = kind, target
            member.size = 2 if kind == tarfile.REGTYPE else 0
            tar.addfile(member, io.BytesIO(b"hi"))
    return path


@pytest.fixture
def folder(tmp_path):
    into = tmp_path / "into"
    into.mkdir()
    return into


@pytest.fixture(params=[True, False], ids=["with PEP 706", "without"])
def _filters(request, monkeypatch):
    if not request.param:
        monkeypatch.delattr(tarfile, "data_filter")


@pytest.mark.usefixtures("_filters")
@pytest.mark.skipif(sys.version_info >= (3, 14), reason="every such Python has PEP 706")
def test_a_good_archive_is_unpacked(tmp_path, folder):
    unpack(archive(tmp_path / "a.tar", ("sub/x", tarfile.REGTYPE, "")), folder)
    assert (folder / "sub" / "x").read_bytes() == b"hi"


@pytest.mark.usefixtures("_filters")
@pytest.mark.parametrize(
    "member",
    [
        ("../escaped", tarfile.REGTYPE, ""),
        ("link", tarfile.SYMTYPE, "/etc/passwd"),
        ("link", tarfile.SYMTYPE, "../../escaped"),
        ("device", tarfile.CHRTYPE, ""),
    ],
)
def test_an_archive_that_would_write_elsewhere_is_refused(tmp_path, folder, member):
    with pytest.raises(ValueError, match="no safe archive"):
        unpack(archive(tmp_path / "a.tar", member), folder)
    assert not (tmp_path / "escaped").exists()


def test_a_broken_archive_is_refused(tmp_path, folder):
    whole = archive(tmp_path / "a.tar", ("x", tarfile.REGTYPE, ""), ("y", tarfile.REGTYPE, "")).read_bytes()
    (tmp_path / "a.tar").write_bytes(whole[:513])
    with pytest.raises(ValueError, match="no good"):
        unpack(tmp_path / "a.tar", folder)


def test_what_is_no_archive_is_copied(tmp_path, folder):
    (tmp_path / "tool").write_bytes(b"#!/bin/sh\n")
    unpack(tmp_path / "tool", folder)
    assert (folder / "tool").read_bytes() == b"#!/bin/sh\n"


def test_an_artifact_is_found_by_its_digest(tmp_path):
    file = tmp_path / "web.tar"
    file.write_bytes(b"content")
    digest = keep_artifact(tmp_path / "store", file)
    assert keep_artifact(tmp_path / "store", file) == digest
    found = find_artifact(tmp_path / "store", digest)
    assert found is not None
    assert (found.name, digest_of(found)) == ("web.tar", digest)


@pytest.mark.parametrize("digest", ["", "sha256:", "sha256:../..", "md5:abc", "sha256:" + "0" * 64])
def test_a_digest_of_nothing_finds_nothing(tmp_path, digest):
    assert find_artifact(tmp_path, digest) is None
