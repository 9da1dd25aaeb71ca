"""The artifact store outside the kernel reads what a task wrote, keeps files, and never shows half of anything."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

import pytest

from nbprod.errors import ArtifactError
from nbprod.execution.store import Store
from tests.runtime.chain import Chain


@pytest.fixture
def chain(tmp_path: Path) -> Chain:
    return Chain(tmp_path)


def test_values_that_a_task_saved_load_here(chain: Chain) -> None:
    source = "import numpy as np\nclass A:\n    n = 1\nx = y = [np.arange(9000)]; a = A(); f = lambda v: v + k"
    ran = chain.task("a", source, ["x", "y", "a", "f"], defined=["A"])
    store = Store(chain.store)
    both = store.load(ran.digest("x"), {})
    assert list(both) == ["x", "y"]
    assert both["x"] is both["y"]
    assert both["x"][0].sum() == 9000 * 8999 // 2
    namespace = {"A": type("A", (), {}), "k": 2}
    assert type(store.load(ran.digest("a"), namespace)["a"]) is namespace["A"]
    assert store.load(ran.digest("f"), namespace)["f"](1) == 3
    assert store.size(ran.digest("x")) == ran.outputs["x"]["bytes"] == store.path(ran.digest("x")).stat().st_size


def test_an_artifact_lies_under_the_hash_of_its_bytes_and_cannot_be_written_to(chain: Chain) -> None:
    path = Store(chain.store).path(chain.task("a", "x = 1", ["x"]).digest("x"))
    assert hashlib.sha256(path.read_bytes()).hexdigest() == path.name
    assert path.parent.name == path.name[:2]
    assert path.stat().st_mode & 0o222 == 0


@pytest.mark.parametrize("damage", ["cut", "empty", "changed"])
def test_a_broken_artifact_is_told(chain: Chain, damage: str) -> None:
    store = Store(chain.store)
    digest = chain.task("a", "x = list(range(1000))", ["x"]).digest("x")
    path = store.path(digest)
    path.chmod(0o644)
    whole = path.read_bytes()
    path.write_bytes({"cut": whole[:-5], "empty": b"", "changed": whole[:9] + b"garbage" + whole[16:]}[damage])
    with pytest.raises(ArtifactError, match="cannot be loaded"):
        store.load(digest, {})


def test_what_is_not_there_is_told(tmp_path: Path) -> None:
    store = Store(tmp_path / "artifacts")
    assert not store.exists("ab" * 32)
    for missing in (store.size, lambda d: store.load(d, {}), lambda d: store.restore_file(d, tmp_path / "x")):
        with pytest.raises(ArtifactError, match="is not in"):
            missing("ab" * 32)


def test_a_missing_definition_is_told_by_its_name(chain: Chain) -> None:
    digest = chain.task("a", "class A: pass\na = A()", ["a"], defined=["A"]).digest("a")
    with pytest.raises(ArtifactError, match="the notebook's 'A' is not defined"):
        Store(chain.store).load(digest, {})


def test_files_are_kept_and_put_back(tmp_path: Path) -> None:
    store = Store(tmp_path / "artifacts")
    source = tmp_path / "model.bin"
    source.write_bytes(b"x" * 5_000_000)
    os.chmod(source, 0o640)
    digest = store.put_file(source)
    assert digest == hashlib.sha256(source.read_bytes()).hexdigest() == store.put_file(source)
    target = tmp_path / "deep" / "er" / "model.bin"
    store.restore_file(digest, target)
    assert target.read_bytes() == source.read_bytes()
    target.write_bytes(b"y")
    store.restore_file(digest, target)
    assert target.read_bytes() == source.read_bytes()
    assert [path.name for path in target.parent.iterdir()] == ["model.bin"]


def test_gc_removes_what_nobody_keeps_and_leftovers_of_dead_processes(tmp_path: Path) -> None:
    store = Store(tmp_path / "artifacts")
    digests = []
    for name in "abc":
        (tmp_path / name).write_text(name * 10)
        digests.append(store.put_file(tmp_path / name))
    dead = store.root / "tmp-999999999-1"
    dead.write_bytes(b"12345")
    os.utime(dead, (0, 0))
    alive = store.root / f"tmp-{os.getpid()}-1"
    alive.write_bytes(b"1")
    assert store.gc(digests[:1]) == 25
    assert store.digests() == {digests[0]}
    assert (dead.exists(), alive.exists()) == (False, True)
    assert Store(tmp_path / "none").gc([]) == 0
