"""The node's key, and files signed with it."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest

from jintu.foundation.operations import signing
from jintu.kernel.errors import InputError, Missing, Unsupported


@pytest.fixture
def node(tmp_path: Path, settings) -> Path:
    settings.NODE = replace(settings.NODE, data=tmp_path / "node", division="990121")
    return tmp_path


def signed(folder: Path, content: bytes = b"content") -> Path:
    path = folder / "a.pdf"
    path.write_bytes(content)
    (folder / "a.pdf.sig.json").write_bytes(signing.sign_bytes(content, "a.pdf", version="v"))
    return path


def test_a_file_is_what_was_signed(node: Path) -> None:
    found = signing.verify_file(signed(node))
    assert found.ok
    assert found.known == "node"
    assert found.statement["node"]["division"] == "990121"
    assert found.statement["version"] == "v"


def test_a_changed_file_is_told(node: Path) -> None:
    path = signed(node)
    path.write_bytes(b"Content")
    found = signing.verify_file(path)
    assert not found.ok
    assert found.wrong == "the file was changed after it was signed"


def test_a_changed_statement_is_told(node: Path) -> None:
    path = signed(node)
    beside = node / "a.pdf.sig.json"
    facts = json.loads(beside.read_text())
    facts["statement"]["version"] = "w"
    beside.write_text(json.dumps(facts))
    assert signing.verify_file(path).wrong == "the signature does not fit what it says"


def test_a_strange_key_is_valid_but_not_known(node: Path, settings) -> None:
    path = signed(node)
    public = (node / "node/keys/node.pub").read_text()
    settings.NODE = replace(settings.NODE, data=node / "other")
    assert (signing.verify_file(path).wrong, signing.verify_file(path).known) == ("", "")
    trusted = node / "other/keys/trusted"
    trusted.mkdir(parents=True)
    (trusted / "county.pub").write_text(public)
    assert signing.verify_file(path).known == "county"


def test_what_is_no_signature_is_refused(node: Path) -> None:
    path = signed(node)
    (node / "a.pdf.sig.json").write_text("[]")
    with pytest.raises(InputError, match="no signature"):
        signing.verify_file(path)
    (node / "a.pdf.sig.json").unlink()
    with pytest.raises(Missing):
        signing.verify_file(path)


def test_another_algorithm_is_not_taken_for_this_one(node: Path) -> None:
    path = signed(node)
    beside = node / "a.pdf.sig.json"
    beside.write_text(beside.read_text().replace("ed25519", "sm2"))
    with pytest.raises(Unsupported):
        signing.verify_file(path)


def test_the_key_is_made_once_and_private(node: Path) -> None:
    with ThreadPoolExecutor(8) as pool:
        keys = {k.public_key for k in pool.map(lambda _: signing.node_signer(), range(16))}
    assert len(keys) == 1
    folder = node / "node/keys"
    assert (folder / "node.ed25519").stat().st_mode & 0o077 == 0
    assert sorted(p.name for p in folder.iterdir()) == ["node.ed25519", "node.pub"]


def test_an_unreadable_key_is_said(node: Path) -> None:
    signing.node_signer()
    (node / "node/keys/node.ed25519").write_text("?")
    with pytest.raises(InputError, match="cannot be read"):
        signing.node_signer()
