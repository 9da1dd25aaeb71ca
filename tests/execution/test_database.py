"""The records on SQLite and on PostgreSQL."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from nbprod.errors import RunError
from nbprod.execution import orm, pages, tables
from nbprod.execution.database import Database, Taken
from nbprod.execution.events import Status
from nbprod.execution.orm import fn, hold
from nbprod.execution.records import Records, TaskResults, TaskRun
from nbprod.execution.tables import Artifacts, ModelAliases, Runs, Traces


@pytest.fixture
def db(records_url: str) -> Iterator[Database]:
    made = Database(records_url)
    yield made
    made.close()


def test_a_run_is_written_found_and_listed(db: Database) -> None:
    records = Records(db)
    run = records.start_run("p", "p.ipynb", {"text": "a", "depth": 3})
    records.save_task(run.id, TaskRun("load", Status.RUNNING, "never ran"))
    results = TaskResults({"rows": 7.0}, {"/a": "s"}, {"/b": None})
    records.save_task(run.id, TaskRun("load", Status.DONE, "never ran", error={"what": "x"}), results)
    records.save_task(run.id, TaskRun("load", Status.DONE, "never ran", error={"what": "x"}), results)
    records.finish_run(run.id, Status.DONE, metrics={"rows": 7.0}, outputs={"df": "d"})

    found = records.run(run.id[-4:])

    assert list(found.parameters.items()) == [("text", "a"), ("depth", 3)], "in their order"
    assert found.error is None
    assert [(task.task, task.status, task.error) for task in found.tasks] == [("load", Status.DONE, {"what": "x"})]
    assert records.files(run.id) == {"read": {"/a": "s"}, "written": {"/b": None}}
    assert [one.id for one in records.runs("p", status=Status.DONE)] == [run.id]
    assert records.runs("q") == []


def test_pages_are_filtered_and_sorted_by_values_in_json(db: Database) -> None:
    records = Records(db)
    for depth in (2, 10, 1):
        values = {"depth": depth, "kind": "tree" if depth > 1 else "a_b%", "flag": depth == 2, "mixed": depth}
        run = records.start_run("p", "p.ipynb", values)
        records.finish_run(run.id, Status.DONE, metrics={"accuracy": depth / 10})
    none = records.start_run("p", "p.ipynb", {"mixed": "text"})

    def found(**asked: object) -> list[object]:
        return [one.parameters.get("depth") for one in pages.page(records, "p", **asked)[1]]  # type: ignore[arg-type]

    assert found(sort="parameter:depth", descending=False) == [1, 2, 10, None]
    assert found(sort="parameter:depth") == [10, 2, 1, None]
    assert found(sort="parameter:mixed", descending=False) == [1, 2, 10, None], "numbers come before texts"
    assert pages.page(records, "p", sort="metric:accuracy")[1][-1].id == none.id
    assert found(where="accuracy >= 0.2, kind = tree", sort="metric:accuracy", limit=1) == [10]
    assert pages.page(records, "p", where="accuracy >= 0.2, kind = tree", limit=1)[0] == 2
    assert found(where="flag = true") == [2]
    assert found(where="mixed > 1", sort="parameter:depth")[:2] == [10, 2], "a text beside them is no error"
    total, none_here = pages.page(records, where="kind = a_b%", limit=5, offset=1)
    assert (total, none_here) == (1, [])


def test_statements_give_what_they_say(db: Database) -> None:
    with db.write() as connection:
        for n in range(4):
            Artifacts.add(connection, digest=f"d_{n}", format="pickle", bytes=n << 40, type="", created=1.5)
        Artifacts.put(connection, digest="d_2", type="small", bytes=0, format="pickle", created=1.5)
        Artifacts.update(type="big").where(Artifacts.bytes > 1 << 40).execute(connection)
        Artifacts.delete().where(Artifacts.digest.in_(["d_0", "none"])).execute(connection)
    with db.read() as connection:
        assert Artifacts.select().count(connection) == 3
        assert Artifacts.select(fn.max(Artifacts.bytes)).scalar(connection) == 3 << 40
        assert list(Artifacts.select().where(Artifacts.digest.in_([])).execute(connection)) == []
        assert list(Artifacts.select().where(Artifacts.digest.startswith("d%")).execute(connection)) == []
        assert {row.digest: row.type for row in Artifacts.select().execute(connection)} == {
            "d_1": "",
            "d_2": "small",
            "d_3": "big",
        }


def test_a_new_row_is_given_a_number_and_json_comes_back_as_it_was(db: Database) -> None:
    plan = {"b": [1, 2.5, None, True, "é"], "5": {}, "a": 1}
    values: dict[str, object] = dict.fromkeys(("parts", "files", "packages", "written", "metrics", "facts"), plan)
    values |= {"outputs": 5, "missing": "12", "watched": []}
    row = {"key": "k", "pipeline": "p", "task": "t", "run": "r", "seconds": 1, "created": 2, **values}
    with db.write() as connection:
        numbers = [Traces.add(connection, **row) for _ in range(2)]
    with db.read() as connection:
        found = list(Traces.select().order_by(Traces.id.desc()).execute(connection))
    assert numbers == [1, 2]
    assert [one.id for one in found] == [2, 1]
    assert (found[0].parts, list(found[0].parts)) == (plan, list(plan))
    assert (found[0].outputs, found[0].missing) == (5, "12")


def test_what_is_written_before_an_error_is_not_kept(db: Database) -> None:
    def twice() -> None:
        with db.write() as connection:
            for _ in range(2):
                ModelAliases.add(connection, model="m", name="champion", version=1, updated=1.0)

    with pytest.raises(Taken):
        twice()
    with db.read() as connection:
        assert ModelAliases.select().count(connection) == 0


def test_what_reads_sees_one_state(db: Database) -> None:
    with db.read() as connection:
        assert ModelAliases.select().count(connection) == 0
        other = threading.Thread(target=_alias, args=(db,))
        other.start()
        other.join()
        assert ModelAliases.select().count(connection) == 0
    with db.read() as connection:
        assert ModelAliases.select().count(connection) == 1


def _alias(db: Database) -> None:
    with db.write() as connection:
        ModelAliases.put(connection, model="m", name="champion", version=1, updated=1.0)


FORK = """
import os, sys
from nbprod.execution.database import Database
from nbprod.execution.records import Records
records = Records(Database(sys.argv[1]))
for number in range(3):
    records.start_run("p", "p", {})
    pid = os.fork()
    if pid == 0:
        records.start_run("p", "p", {})
        sys.exit()
    assert os.waitpid(pid, 0)[1] == 0
records.start_run("p", "p", {})
"""


def test_a_fork_does_not_use_its_parents_connection(db: Database) -> None:
    subprocess.run([sys.executable, "-c", FORK, db.url], check=True)
    assert len(Records(db).runs()) == 7


WRITER = """
import sys
from nbprod.execution.database import Database
from nbprod.execution.records import Records
from nbprod.execution.events import Status
records = Records(Database(sys.argv[1]))
for number in range(25):
    records.finish_run(records.start_run("p", "p", {}).id, Status.DONE)
"""


def test_processes_that_open_new_records_and_write_at_once_lose_nothing(records_url: str) -> None:
    writers = [subprocess.Popen([sys.executable, "-c", WRITER, records_url]) for _ in range(8)]
    assert [writer.wait(120) for writer in writers] == [0] * 8
    db = Database(records_url)
    assert [run.status for run in Records(db).runs(limit=1000)] == [Status.DONE] * 200
    db.close()


def test_threads_write_at_once(db: Database) -> None:
    records = Records(db)
    threads = [threading.Thread(target=lambda: [records.start_run("p", "p", {}) for _ in range(10)]) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(records.runs(limit=1000)) == 80


def test_no_run_starts_while_a_transaction_holds_the_runs(db: Database) -> None:
    records = Records(db)
    other = threading.Thread(target=records.start_run, args=("p", "p", {}))
    with db.write() as connection:
        hold(connection, Runs)
        other.start()
        other.join(0.5)
        assert other.is_alive()
        assert Runs.select().count(connection) == 0
    other.join(60)
    assert len(records.runs()) == 1


def test_a_file_that_is_no_database_is_told(tmp_path: Path) -> None:
    (tmp_path / "r.db").write_bytes(b"no database" * 1000)
    with pytest.raises(RunError, match="damaged"):
        Database(f"sqlite:///{tmp_path / 'r.db'}")


def test_a_full_disk_is_told_and_what_follows_works(tmp_path: Path) -> None:
    db = Database(f"sqlite:///{tmp_path / 'r.db'}")
    records = Records(db)
    with db.write() as connection:
        size = connection.execute_sql("PRAGMA page_count").fetchone()[0]
        connection.execute_sql(f"PRAGMA max_page_count = {size}")

    def fill() -> None:
        with db.write() as connection:
            Artifacts.add(connection, digest="d", format="", bytes=1, type="x" * 100_000, created=1.0)

    with pytest.raises(RunError, match="full") as told:
        fill()
    assert "free some space" in str(told.value.fix)
    with db.write() as connection:
        connection.execute_sql("PRAGMA max_page_count = 1000000")
    assert records.run(records.start_run("p", "p", {}).id).pipeline == "p"


def test_records_that_another_process_holds_are_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(orm, "BUSY_SECONDS", 0.1)
    db = Database(f"sqlite:///{tmp_path / 'r.db'}")
    with sqlite3.connect(tmp_path / "r.db", isolation_level=None) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(RunError, match="locked") as told, db.write():
            pass
        other.execute("ROLLBACK")
    other.close()
    assert "Another process holds" in str(told.value.fix)


@pytest.mark.parametrize(
    "url",
    ["mysql+pymysql://u:secret@host/db", "sqlite://", "sqlite:///:memory:", "sqlite:///r.db?timeout=5", "here.db"],
)
def test_a_url_that_records_cannot_be_kept_at_is_told_with_what_to_write(url: str) -> None:
    with pytest.raises(RunError, match="cannot be kept there") as told:
        Database(url)
    assert "postgresql://" in str(told.value.fix)
    assert "secret" not in str(told.value)


def test_a_server_that_is_not_there_is_told_without_the_password() -> None:
    with pytest.raises(RunError, match="cannot be used") as told:
        Database("postgresql+psycopg://u:secret@127.0.0.1:1/db")
    assert "secret" not in str(told.value)


def test_a_value_that_a_server_cannot_hold_is_told(postgresql) -> None:
    db = Database(postgresql.new())
    with pytest.raises(RunError, match="cannot hold a value") as told:
        Records(db).start_run("p", "p", {"most": float("inf")})
    db.close()
    assert "no infinity" in str(told.value.fix)


def test_a_server_that_was_started_again_is_used_again(postgresql, tmp_path: Path) -> None:
    db = Database(postgresql.new())
    records = Records(db)
    first = records.start_run("p", "p", {})
    postgresql.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid()")
    assert records.run(first.id) == first
    db.close()


def test_a_urls_driver_may_be_named(db: Database) -> None:
    scheme, _, rest = db.url.partition("://")
    names = {"sqlite": ["sqlite+pysqlite"], "postgresql": ["postgres", "postgresql+psycopg", "postgresql+psycopg2"]}
    run = Records(db).start_run("p", "p", {})
    for name in names[scheme]:
        same = Database(f"{name}://{rest}")
        assert Records(same).run(run.id) == run
        same.close()


def test_sqlite_records_need_no_driver_of_a_server(tmp_path: Path) -> None:
    code = (
        "import sys; from nbprod.execution.database import Database; Database(sys.argv[1]); import psycopg, peewee\n"
        "print(sorted({'psycopg', 'psycopg2', 'pymysql'} & peewee.__dict__.keys() & {k for k, v in vars(peewee).items() if v}))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, f"sqlite:///{tmp_path / 'r.db'}"], check=True, capture_output=True, text=True
    )
    assert done.stdout.strip() == "[]"


def described(path: Path) -> list[object]:
    """Return what SQLite knows of a file's tables, keys and indexes."""
    with sqlite3.connect(path) as raw:
        names = [name for (name,) in raw.execute("SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name")]
        told: list[object] = []
        for name in names:
            for pragma in ("table_info", "foreign_key_list", "index_list"):
                found = raw.execute(f"PRAGMA {pragma}({name})").fetchall()
                told += [(name, pragma, row) for row in sorted(str(row[1:]) for row in found)]
    raw.close()
    return told


def test_records_of_a_released_nbprod_open_unchanged(tmp_path: Path) -> None:
    """`schema2.sql` was written by the release that had version 2 of the schema: it is the contract."""
    released = tmp_path / "released.db"
    with sqlite3.connect(released) as raw:
        raw.executescript((Path(__file__).parent / "schema2.sql").read_text())
    raw.close()
    before = described(released)

    db = Database(f"sqlite:///{released}")
    records = Records(db)
    kept = records.run("2026-11-21T06-41-07-a3f2")
    assert (kept.parameters, kept.metrics, kept.trial) == ({"depth": 3}, {"accuracy": 0.5}, None)
    assert [(task.task, task.status, task.error) for task in kept.tasks] == [("load", Status.DONE, None)]
    records.finish_run(records.start_run("p", "p", {}).id, Status.DONE)

    assert described(released) == before
    new = tmp_path / "new.db"
    Database(f"sqlite:///{new}")
    assert described(new) == before


def test_every_table_is_made(db: Database) -> None:
    with db.read() as connection:
        assert {table._meta.table_name for table in tables.ALL} <= set(connection.get_tables())
        assert Runs.select().count(connection) == 0
