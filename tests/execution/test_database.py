"""The same statements by Python's own SQLite driver and by SQLAlchemy, which other databases go through."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy

from nbprod.errors import RunError
from nbprod.execution import pages, tables
from nbprod.execution.database import Database, Taken
from nbprod.execution.events import Status
from nbprod.execution.records import Records, TaskResults, TaskRun
from nbprod.execution.sql import delete, func, insert, select, update


@pytest.fixture(params=["sqlite", "sqlite+pysqlite", "server"])
def db(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    """The records; those of a server, an empty database, where NBPROD_TEST_DATABASE has its URL."""
    if request.param != "server":
        made = Database(f"{request.param}:///{tmp_path / 'records.db'}")
        assert (made.path is None) == (request.param != "sqlite")
        yield made
        made.close()
        return
    url = os.environ.get("NBPROD_TEST_DATABASE")
    if url is None:
        pytest.skip("no NBPROD_TEST_DATABASE")
    engine = sqlalchemy.create_engine(url)
    found = sqlalchemy.MetaData()
    found.reflect(engine)
    assert found.tables.keys() <= {table.name for table in tables.ALL}, "the tests need a database of their own"
    found.drop_all(engine)
    engine.dispose()
    made = Database(url)
    yield made
    made.close()


def test_a_run_is_written_found_and_listed(db: Database) -> None:
    records = Records(db)
    run = records.start_run("p", "p.ipynb", {"depth": 3, "text": "a"})
    records.save_task(run.id, TaskRun("load", Status.RUNNING, "never ran"))
    results = TaskResults({"rows": 7.0}, {"/a": "s"}, {"/b": None})
    records.save_task(run.id, TaskRun("load", Status.DONE, "never ran", error={"what": "x"}), results)
    records.finish_run(run.id, Status.DONE, metrics={"rows": 7.0}, outputs={"df": "d"})

    found = records.run(run.id[-4:])

    assert found.parameters == {"depth": 3, "text": "a"}
    assert found.error is None
    assert [(task.task, task.status, task.error) for task in found.tasks] == [("load", Status.DONE, {"what": "x"})]
    assert records.files(run.id) == {"read": {"/a": "s"}, "written": {"/b": None}}
    assert [one.id for one in records.runs("p", status=Status.DONE)] == [run.id]
    assert records.runs("q") == []


def test_pages_are_filtered_and_sorted_by_values_in_json(db: Database) -> None:
    records = Records(db)
    for depth in (2, 10, 1):
        run = records.start_run("p", "p.ipynb", {"depth": depth, "kind": "tree" if depth > 1 else "a_b%"})
        records.finish_run(run.id, Status.DONE, metrics={"accuracy": depth / 10})
    none = records.start_run("p", "p.ipynb", {})

    total, found = pages.page(records, "p", sort="parameter:depth", descending=False)
    assert total == 4
    if db.url.startswith("sqlite"):  # others have no type for what can be of any
        assert [one.parameters.get("depth") for one in found] == [1, 2, 10, None]
    assert found[-1].id == none.id

    total, found = pages.page(records, "p", where="accuracy >= 0.2, kind = tree", sort="metric:accuracy", limit=1)
    assert (total, [one.parameters["depth"] for one in found]) == (2, [10])
    total, found = pages.page(records, where="kind = a_b%", limit=5, offset=1)
    assert (total, found) == (1, [])


def test_statements_give_what_they_say(db: Database) -> None:
    table = tables.artifacts.c
    rows = [{"digest": f"d_{n}", "format": "pickle", "bytes": n << 40, "type": "", "created": 1.5} for n in range(4)]
    with db.write() as connection:
        connection.execute(insert(tables.artifacts), rows)
        connection.execute(update(tables.artifacts).where(table.bytes > 1 << 40).values(type="big"))
        connection.execute(delete(tables.artifacts).where(table.digest.in_(["d_0", "none"])))
    with db.read() as connection:
        assert connection.execute(select(func.count()).select_from(tables.artifacts)).scalar() == 3
        assert connection.execute(select(func.max(table.bytes))).scalar() == 3 << 40
        assert connection.execute(select(table.digest).where(table.digest.in_([]))).all() == []
        assert list(connection.execute(select(table.digest).where(table.digest.startswith("d%"))).scalars()) == []
        either = (table.type == "big") & ((table.digest == "d_1") | table.digest.endswith("_3"))
        assert [row.digest for row in connection.execute(select(tables.artifacts).where(either))] == ["d_3"]
        assert connection.execute(select(tables.artifacts).where(table.digest == "d_9")).first() is None


def test_a_new_row_is_given_a_number_and_json_comes_back_as_it_was(db: Database) -> None:
    plan = {"a": [1, 2.5, None, True, "é"], "5": {}}
    values = dict.fromkeys(("parts", "files", "packages", "written", "metrics", "facts"), plan)
    values |= {"outputs": 5, "missing": "12", "watched": []}
    row = insert(tables.traces).values(key="k", pipeline="p", task="t", run="r", seconds=1, created=2, **values)
    with db.write() as connection:
        numbers = [connection.execute(row).inserted for _ in range(2)]
    with db.read() as connection:
        found = connection.execute(select(tables.traces).order_by(tables.traces.c.id.desc())).mappings().all()
    assert numbers == [1, 2]
    assert [one["id"] for one in found] == [2, 1]
    assert (found[0]["parts"], found[0]["outputs"], found[0]["missing"]) == (plan, 5, "12")


def test_what_is_written_before_an_error_is_not_kept(db: Database) -> None:
    row = insert(tables.model_aliases).values(model="m", alias="champion", version=1, updated=1.0)

    def twice() -> None:
        with db.write() as connection:
            connection.execute(row)
            connection.execute(row)

    with pytest.raises(Taken):
        twice()
    with db.read() as connection:
        assert connection.execute(select(tables.model_aliases)).all() == []


def test_both_make_the_same_tables(tmp_path: Path) -> None:
    def described(url: str) -> list[object]:
        made = Database(url)
        path = made.url.split("///")[1]
        made.close()
        import sqlite3

        with sqlite3.connect(path) as raw:
            names = sorted(name for (name,) in raw.execute("SELECT name FROM sqlite_master WHERE type = 'table'"))
            told: list[object] = []
            for name in names:
                for pragma in ("table_info", "foreign_key_list", "index_list"):
                    found = raw.execute(f"PRAGMA {pragma}({name})").fetchall()
                    told.append((name, pragma, sorted(str(row[1:]) for row in found)))
        raw.close()
        return told

    ours = described(f"sqlite:///{tmp_path / 'a.db'}")
    theirs = described(f"sqlite+pysqlite:///{tmp_path / 'b.db'}")
    differ = [(a, b) for a, b in zip(ours, theirs, strict=True) if a != b]
    assert [
        (a, b) for a, b in differ if str(a).replace("BIGINT", "INTEGER") != str(b).replace("BIGINT", "INTEGER")
    ] == []


def test_a_file_that_is_no_database_is_told(tmp_path: Path) -> None:
    (tmp_path / "r.db").write_bytes(b"no database" * 1000)
    with pytest.raises(RunError, match="damaged"):
        Database(f"sqlite:///{tmp_path / 'r.db'}")


def test_a_fork_does_not_use_its_parents_connection(tmp_path: Path) -> None:
    db = Database(f"sqlite:///{tmp_path / 'r.db'}")
    code = (
        "import os, sys; from nbprod.execution.database import Database; from nbprod.execution.records import Records\n"
        "db = Database(sys.argv[1]); records = Records(db); records.start_run('p', 'p', {})\n"
        "pid = os.fork()\n"
        "if pid == 0:\n    records.start_run('p', 'p', {}); os._exit(0)\n"
        "os.waitpid(pid, 0); records.start_run('p', 'p', {})"
    )
    subprocess.run([sys.executable, "-c", code, db.url], check=True, env=os.environ)
    assert len(Records(db).runs()) == 3
