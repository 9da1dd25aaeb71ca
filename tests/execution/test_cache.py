"""A trace is reused as long as all that it came from is the same; otherwise the difference is named."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from nbprod.execution.cache import Cache, Key, Trace
from nbprod.execution.database import Database
from nbprod.execution.hashes import Hashes
from nbprod.execution.kernels import KernelSpec
from nbprod.execution.lessons import Lessons
from nbprod.execution.packages import Packages
from nbprod.execution.store import Store
from nbprod.notebook.facts import Facts
from nbprod.notebook.graph import Bind, Load, Node
from tests.execution.pipelines import Work

NODE = Node("train", (), prelude=(Bind(("depth",)), Load("clean", ("df",))), outputs=("model",), code="fit()")


class Place:
    """A cache with one trace, and the key that finds it."""

    def __init__(self, folder: Path, url: str) -> None:
        self.folder = folder
        self.db = Database(url)
        self.kernel = KernelSpec("python3", "/bin/python", "3.11.7 (main)", (str(folder / "site-packages"),))
        (folder / "site-packages" / "pandas-3.1.0.dist-info").mkdir(parents=True)
        self.data, self.out = folder / "data.csv", folder / "out.csv"
        self.data.write_text("a")
        self.out.write_text("b")
        self.cache = self.open()
        artifact = folder / "artifact"
        artifact.write_text("model")
        self.digest = self.cache.store.put_file(artifact)
        self.trace = self.cache.add(
            Trace(
                key=self.key().digest,
                pipeline="p",
                task="train",
                parts=dict(self.key().parts),
                files={str(self.data): self.cache.hashes.of(str(self.data))},
                packages=self.cache.packages.of_modules({"pandas": "3.1.0"}),
                outputs={"model": {"artifact": self.digest, "bytes": 5}},
                missing=("gone",),
                watched=("df",),
                written={str(self.out): self.cache.store.put_file(self.out)},
                metrics={"accuracy": 0.5},
                facts=Facts(writes=frozenset({"df"})),
                notebook=None,
                run="run-1",
                seconds=1.0,
            )
        )

    def open(self) -> Cache:
        return Cache(self.db, Store(self.folder / "artifacts"), self.kernel)

    def key(self, node: Node = NODE, depth: Any = 6, digest: str = "d1", inputs: Any = (), **kernel: Any) -> Key:
        spec = dataclasses.replace(self.kernel, **kernel)
        return Key.of(node, {"depth": depth}, {"clean": {"df": digest}}, spec, self.folder, dict(inputs))

    def look(self, key: Key | None = None, outputs: tuple[str, ...] = ("model",), watch: tuple[str, ...] = ()) -> str:
        found = self.open().look(key or self.key(), "p", "train", outputs, watch)
        return found.reason


@pytest.fixture
def place(tmp_path: Path, records_url: str) -> Iterator[Place]:
    made = Place(tmp_path, records_url)
    yield made
    made.db.close()


def test_the_same_key_is_a_hit_and_gives_back_all(place: Place) -> None:
    found = place.open().look(place.key(), "p", "train", ["model"], ["df"])

    assert found.reason == "cached from run run-1"
    assert found.trace == place.trace


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"depth": 8}, "parameter depth 6 -> 8"),
        ({"depth": 6.0}, "parameter depth 6 -> 6.0"),
        ({"node": dataclasses.replace(NODE, code="fit(2)")}, "code changed"),
        ({"digest": "d2"}, "input df changed (from clean)"),
        ({"inputs": {"x.csv": "1"}}, "file x.csv is new"),
        ({"version": "3.12.1 (main)"}, "Python 3.11.7 -> 3.12.1"),
        ({"name": "other"}, "kernel python3 -> other"),
    ],
)
def test_what_differs_is_named(place: Place, change: dict[str, Any], reason: str) -> None:
    assert place.look(place.key(**change)) == reason


def test_a_task_without_a_trace_never_ran(place: Place) -> None:
    assert place.cache.look(place.key(depth=9), "p", "other", []).reason == "never ran"


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda place: place.data.write_text("changed"), "file data.csv changed"),
        (lambda place: place.data.unlink(), "file data.csv changed"),
        (lambda place: place.cache.store.path(place.digest).unlink(), "the artifact of model is gone"),
        (
            lambda place: os.rename(
                place.folder / "site-packages" / "pandas-3.1.0.dist-info",
                place.folder / "site-packages" / "pandas-3.1.1.dist-info",
            ),
            "pandas 3.1.0 -> 3.1.1",
        ),
    ],
)
def test_what_has_changed_since_is_named(place: Place, change: Callable[[Place], object], reason: str) -> None:
    change(place)

    assert place.look() == reason


def test_more_outputs_than_were_saved_need_a_new_run_and_missing_ones_do_not(place: Place) -> None:
    assert place.look(outputs=("model", "history")) == "output history is newly needed"
    assert place.look(outputs=("model", "gone")).startswith("cached")


def test_an_input_that_was_not_watched_may_have_changed_unseen(place: Place) -> None:
    assert place.look(watch=("df", "y")) == "input y is now used by a later task too"


def test_a_file_that_it_wrote_is_put_back(place: Place) -> None:
    place.out.write_text("overwritten")
    assert place.look().startswith("cached")

    place.cache.restore(place.trace)

    assert place.out.read_text() == "b"
    place.cache.store.path(place.cache.hashes.of(str(place.out)) or "").unlink()
    place.out.unlink()
    assert place.look() == "file out.csv, which it writes, is gone"


def test_a_folder_that_it_made_is_made_again(place: Place) -> None:
    made = place.folder / "made"
    place.cache.restore(dataclasses.replace(place.trace, written={f"{made}/": None}))

    assert made.is_dir()


def test_a_dropped_trace_is_forgotten(place: Place) -> None:
    assert place.trace.id is not None
    place.cache.drop(place.trace.id)

    assert place.look() == "never ran"


def test_a_state_of_the_files_that_was_seen_before_is_found_again(place: Place) -> None:
    place.data.write_text("other")
    second = dataclasses.replace(
        place.trace, id=None, run="run-2", files={str(place.data): Hashes().of(str(place.data))}
    )
    place.cache.add(second)

    assert place.look() == "cached from run run-2"
    place.data.write_text("a")
    assert place.look() == "cached from run run-1"


def test_a_file_is_hashed_again_when_it_changed_within_a_moment(tmp_path: Path) -> None:
    hashes, path = Hashes(), tmp_path / "f"
    path.write_text("1")
    before = hashes.of(str(path))
    state = path.stat()
    path.write_text("2")
    os.utime(path, ns=(state.st_atime_ns, state.st_mtime_ns))

    assert hashes.of(str(path)) != before


def test_a_large_file_is_read_once_by_all_processes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path, url = tmp_path / "large", f"sqlite:///{tmp_path / 'r.db'}"
    path.write_bytes(b"x" * (2 << 20))
    os.utime(path, (1, 1))
    first = Hashes(Database(url)).of(str(path))

    monkeypatch.setattr("nbprod.execution.hashes.file_digest", lambda _: pytest.fail("read again"))

    assert Hashes(Database(url)).of(str(path)) == first


def test_modules_are_found_in_distributions_of_another_name(tmp_path: Path) -> None:
    folder = tmp_path / "Pillow-11.0.0.dist-info"
    folder.mkdir()
    (folder / "RECORD").write_text("PIL/__init__.py,,\nPillow-11.0.0.dist-info/METADATA,,\n")

    assert Packages([str(tmp_path)]).of_modules({"PIL": "11.0.0"}) == {"PIL": ("pillow", "11.0.0")}


def test_lessons_of_a_task_hold_as_long_as_its_cells_are_the_same(tmp_path: Path) -> None:
    work = Work(tmp_path, ("task:a", "x = 1"), ("task:b", "y = x"))
    db = Database(f"sqlite:///{tmp_path / 'r.db'}")
    Lessons(db, work.pipeline).add({"b": Facts(reads=frozenset("p"))})
    Lessons(db, work.pipeline).add({"b": Facts(reads=frozenset("q"))})

    assert Lessons(db, work.pipeline).read() == {"b": Facts(reads=frozenset("pq"))}
    work.write(("task:a", "x = 1"), ("task:b", "y = x + 1"))
    assert Lessons(db, work.pipeline).read() == {}
