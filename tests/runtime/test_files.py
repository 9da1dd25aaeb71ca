"""Files that a task reads and writes are seen; those of the system and of ours are not."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from nbprod.runtime.files import file_digest
from tests.runtime.chain import Chain, Ran


def sha(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def inside(chain: Chain, ran: Ran, kind: str) -> dict[str, str | None]:
    return {path.replace(f"{chain.folder}/", ""): digest for path, digest in ran.result["files"][kind].items()}


def test_reads_and_writes_are_hashed_as_they_were(chain: Chain) -> None:
    for name in ("data.csv", "both.csv", "log.txt", "moved.csv", "gone.csv", "copied.csv", "late.csv"):
        (chain.folder / name).write_text(f"a,b\n1,{name}\n")
    source = """
        import os, shutil, pathlib
        import pandas as pd, numpy as np
        df = pd.read_csv("data.csv")
        pd.read_csv("both.csv").assign(c=1).to_csv("both.csv", index=False)
        with open("log.txt", "a") as log: log.write("more")
        os.rename("moved.csv", "target.csv"); os.remove("gone.csv"); shutil.copy("copied.csv", "copy.csv")
        np.save("out.npy", np.arange(3)); np.load("out.npy")
        pathlib.Path("sub").mkdir(); pathlib.Path("sub/x.txt").write_text("x")
        os.chdir("sub"); open("x.txt").read(); open("../late.csv").read()
        try: open("missing.txt")
        except FileNotFoundError: pass
        try: os.remove("never.txt")
        except FileNotFoundError: pass
    """
    a = chain.task("a", source)
    lines = {
        name: sha(f"a,b\n1,{name}\n")
        for name in ("data.csv", "both.csv", "log.txt", "moved.csv", "copied.csv", "late.csv")
    }
    assert inside(chain, a, "read") == {**lines, "sub/missing.txt": None, "sub/never.txt": None}
    written = inside(chain, a, "written")
    assert written.pop("out.npy") is not None
    assert written == {
        "both.csv": sha("a,b,c\n1,both.csv,1\n"), "log.txt": sha("a,b\n1,log.txt\nmore"), "moved.csv": None, "gone.csv": None,
        "target.csv": lines["moved.csv"], "copy.csv": lines["copied.csv"], "sub/x.txt": sha("x"), "sub/": None,
    }  # fmt: skip
    assert a.facts["files_read"] == sorted(a.result["files"]["read"])
    assert a.facts["files_written"] == sorted(a.result["files"]["written"])


def test_the_projects_own_modules_count_as_read(chain: Chain) -> None:
    (chain.folder / "mine").mkdir()
    (chain.folder / "mine" / "__init__.py").write_text("from mine.part import x\n")
    (chain.folder / "mine" / "part.py").write_text("x = 1\n")
    first = chain.task("a", "import mine", known=["mine"])
    assert inside(chain, first, "read") == {
        "mine/__init__.py": sha("from mine.part import x\n"),
        "mine/part.py": sha("x = 1\n"),
    }
    again = chain.task("b", "print(mine.x)", defs="import mine", defined=["mine"])
    assert again.result["files"] == first.result["files"]


def test_a_folder_that_was_listed_counts_by_its_names(chain: Chain) -> None:
    data = chain.folder / "data"
    data.mkdir()
    (data / "a.csv").write_text("1")
    a = chain.task("a", "import glob\nprint([open(p).read() for p in sorted(glob.glob('data/*.csv'))])")
    assert inside(chain, a, "read") == {"data/": sha("a.csv"), "data/a.csv": sha("1")}
    (data / "b.csv").write_text("2")
    assert file_digest(f"{data}/") != a.result["files"]["read"][f"{data}/"]


def test_looking_for_installed_packages_reads_no_folder_of_the_authors(chain: Chain) -> None:
    """`importlib.metadata` lists every folder of `sys.path`, the current one among them."""
    a = chain.task("a", "import importlib.metadata, sys; sys.path.insert(0, ''); importlib.metadata.version('numpy')")

    assert inside(chain, a, "read") == {}


def test_temporary_files_and_the_systems_own_are_left_out(chain: Chain) -> None:
    source = """
        import tempfile, os, zoneinfo, matplotlib.pyplot as plt, subprocess, datetime
        with tempfile.TemporaryDirectory() as folder:
            open(os.path.join(folder, "x"), "w").write("1"); open(os.path.join(folder, "x")).read()
        with tempfile.NamedTemporaryFile() as file: file.write(b"1"); open(file.name).read()
        open("/proc/self/status").read(); open(os.devnull, "w").write("x")
        plt.plot([1]); plt.savefig(os.devnull, format="png"); datetime.datetime.now(zoneinfo.ZoneInfo("Europe/Berlin"))
        import sklearn.datasets; sklearn.datasets.load_wine()
    """
    assert chain.task("a", source).result["files"] == {"read": {}, "written": {}}


def test_a_database_counts_as_read_and_as_written_if_it_changed(chain: Chain) -> None:
    make = "import sqlite3\nwith sqlite3.connect('x.db') as db: db.execute('create table if not exists t (a)'){}\ndb.close()"
    a = chain.task("a", make.format(""))
    assert (list(inside(chain, a, "read")), list(inside(chain, a, "written"))) == ([], ["x.db"])
    b = chain.task("b", make.format("; db.execute('select * from t').fetchall()"))
    assert (inside(chain, b, "read"), inside(chain, b, "written")) == (inside(chain, a, "written"), {})


def test_nothing_is_seen_before_begin_and_after_finish(chain: Chain) -> None:
    (chain.folder / "x.txt").write_text("x")
    a = chain.task("a", "import atexit\natexit.register(lambda: open('later.txt', 'w').write('1'))")
    assert a.result["files"] == {"read": {}, "written": {}}
    assert (chain.folder / "later.txt").exists()


@pytest.mark.parametrize("kind", ["file", "absent", "fifo"])
def test_digest_of_what_is_no_file_is_none(tmp_path: Path, kind: str) -> None:
    import os

    path = tmp_path / "x"
    if kind == "file":
        path.write_text("hello")
    elif kind == "fifo":
        os.mkfifo(path)
    assert file_digest(str(path)) == (sha("hello") if kind == "file" else None)


def test_files_that_a_command_names_may_be_read_and_written(chain: Chain) -> None:
    (chain.folder / "many").mkdir()
    for name in ("in.csv", "out.csv", "other.csv", "many/a.txt", "stay.csv", "text.csv"):
        (chain.folder / name).write_text("1\n2\n")
    a = chain.task(
        "a",
        """
        import os, subprocess, sys
        os.system("sort -r < in.csv > out.csv; echo 3 >> made.csv")
        subprocess.run(["cp", "-r", "many", "copy"], check=True)
        subprocess.run("wc --files0-from=absent.txt; head -n1 --lines=1 stay.csv", shell=True)
        subprocess.run([sys.executable, "-c", "print(open('text.csv').read())"], check=True)
        """,
    )
    same = sha("1\n2\n")
    assert inside(chain, a, "read") == {
        "in.csv": same, "out.csv": same, "stay.csv": same, "text.csv": same, "many/": sha("a.txt"), "many/a.txt": same,
    }  # fmt: skip
    assert inside(chain, a, "written") == {"out.csv": sha("2\n1\n"), "made.csv": sha("3\n")}
