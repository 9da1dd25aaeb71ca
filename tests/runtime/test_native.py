"""Files that libraries open in native code are seen like those that Python opens."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from pyarrow import feather

from nbprod.runtime.files import file_digest
from tests.runtime.chain import Chain, Ran

FRAME = pd.DataFrame({"a": [1, 2], "b": ["x", "y"]})


def names(chain: Chain, ran: Ran, kind: str) -> set[str]:
    return {path.replace(f"{chain.folder}/", "") for path in ran.result["files"][kind]}


def test_what_pandas_reads_and_writes_as_parquet_is_seen(chain: Chain) -> None:
    FRAME.to_parquet(chain.folder / "in.parquet")
    before = file_digest(str(chain.folder / "in.parquet"))
    ran = chain.task(
        "a",
        """
        import pandas as pd, pathlib
        df = pd.read_parquet("in.parquet")
        df.to_parquet(pathlib.Path("out.parquet"))
        pd.read_parquet("in.parquet").assign(c=1).to_parquet("in.parquet")
        """,
    )
    assert ran.result["files"]["read"] == {str(chain.folder / "in.parquet"): before}
    assert names(chain, ran, "written") == {"in.parquet", "out.parquet"}


@pytest.mark.parametrize(
    ("source", "read", "written"),
    [
        ("import pyarrow.parquet as pq\npq.read_table('one.parquet')", {"one.parquet"}, set()),
        ("from pyarrow.parquet import ParquetFile as P\nP('one.parquet').read()", {"one.parquet"}, set()),
        ("import pyarrow.parquet as pq\npq.read_metadata('one.parquet')", {"one.parquet"}, set()),
        ("import pyarrow.parquet as pq, pyarrow as pa\npq.write_table(pa.table({'a': [1]}), 'new.parquet')", set(), {"new.parquet"}),
        ("import pyarrow.dataset as ds\nds.dataset('many').to_table()", {"many/", "many/p.parquet"}, set()),
        ("import pandas as pd\npd.read_parquet('many')", {"many/", "many/p.parquet"}, set()),
        ("import pyarrow.csv as c\nc.read_csv('t.csv')", {"t.csv"}, set()),
        ("import pyarrow.feather as f\nf.read_table('t.feather')", {"t.feather"}, set()),
        ("import pyarrow as pa\nwith pa.memory_map('t.csv') as m: m.read()", {"t.csv"}, set()),
        ("import pyarrow as pa\nwith pa.OSFile('new.bin', 'wb') as f: f.write(b'x')\nassert isinstance(f, pa.OSFile)", set(), {"new.bin"}),
        ("import pyarrow as pa\nwith pa.OSFile('t.csv') as f: f.read()", {"t.csv"}, set()),
        ("import h5py\nwith h5py.File('t.h5', 'w') as f: f['x'] = 1\nwith h5py.File('t.h5') as f: f['x'][()]", set(), {"t.h5"}),
        ("import pyarrow.parquet as pq\nimport io, pathlib\npq.read_table(io.BytesIO(pathlib.Path('one.parquet').read_bytes()))", {"one.parquet"}, set()),
    ],
)  # fmt: skip
def test_what_other_libraries_open_is_seen(chain: Chain, source: str, read: set[str], written: set[str]) -> None:
    if "h5py" in source:
        pytest.importorskip("h5py")
    (chain.folder / "many").mkdir()
    for name in ("one.parquet", "many/p.parquet"):
        FRAME.to_parquet(chain.folder / name)
    (chain.folder / "t.csv").write_text("a,b\n1,2\n")
    feather.write_feather(pa.table({"a": [1]}), str(chain.folder / "t.feather"))

    ran = chain.task("a", source)

    assert ran.result["error"] is None
    assert (names(chain, ran, "read"), names(chain, ran, "written")) == (read, written)


def test_files_that_a_library_names_itself_are_seen_when_they_are_there(chain: Chain) -> None:
    ran = chain.task(
        "a",
        """
        import pyarrow as pa, pyarrow.parquet as pq
        pq.write_to_dataset(pa.table({"k": ["u", "v"], "x": [1, 2]}), "parts", partition_cols=["k"])
        """,
    )
    assert {name.split("/")[1] for name in names(chain, ran, "written") if name.endswith(".parquet")} == {"k=u", "k=v"}


def test_other_file_systems_and_addresses_are_none_of_the_projects_files(chain: Chain) -> None:
    table = pa.table({"a": [1]})
    pq.write_table(table, chain.folder / "t.parquet")
    ran = chain.task(
        "a",
        """
        import pyarrow.parquet as pq, pyarrow.fs as fs
        class Other(fs.FileSystemHandler): pass
        kind = fs._MockFileSystem()
        try: pq.ParquetDataset("t.parquet", filesystem=kind)
        except Exception: pass
        try: pq.ParquetDataset("s3://bucket/t.parquet", filesystem=kind)
        except Exception: pass
        """,
    )
    assert names(chain, ran, "read") == set()


STANDS = """
import sys
if sys.argv[1] == "ahead": import pyarrow.parquet
from nbprod.runtime import native
native.start()
import importlib.util
importlib.util.find_spec("pyarrow.parquet.core")
import pyarrow as pa, pyarrow.csv, pyarrow.parquet as pq, pickle, inspect
assert pa.OSFile.__name__ == "OSFile" and issubclass(pa.OSFile, pa.NativeFile) and issubclass(pa.lib.OSFile, pa.OSFile)
assert pickle.loads(pickle.dumps(pa.OSFile)) is pa.OSFile
assert pickle.loads(pickle.dumps(pq.read_schema)) is pq.read_schema is pq.core.read_schema
assert hasattr(pq.read_schema, "__wrapped__")
assert pickle.loads(pickle.dumps(pq.ParquetFile)) is pq.ParquetFile
assert pickle.loads(pickle.dumps(pyarrow.csv.read_csv)) is pyarrow.csv.read_csv
assert list(inspect.signature(pq.ParquetFile).parameters)[0] == "source"
try: pq.ParquetFile("absent.parquet")
except FileNotFoundError: print("fine")
"""


@pytest.mark.parametrize("when", ["ahead", "later"])
def test_what_tells_behaves_as_before(when: str, tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", STANDS, when], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert (done.stdout.strip(), done.stderr) == ("fine", "")
