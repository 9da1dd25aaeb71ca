"""The runtime inside a real kernel: cells of ours leave nothing behind, statements are told apart, errors are short."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from jupyter_client.manager import start_new_kernel

import nbprod.runtime

BOOT = str(Path(nbprod.runtime.__file__).with_name("boot.py"))


class Kernel:
    """A kernel in a folder; `run` returns the text that a cell printed, or its traceback."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.manager, self.client = start_new_kernel(cwd=str(folder))

    def run(self, code: str, *, silent: bool = False) -> str:
        texts: list[str] = []

        def take(message: dict[str, Any]) -> None:
            content = message["content"]
            texts.append(content.get("text") or "\n".join(content.get("traceback", ())))

        self.client.execute_interactive(code, silent=silent, output_hook=take, timeout=60)
        return "".join(texts)

    def begin(self, **job: Any) -> None:
        state = self.folder / ".nbprod"
        state.mkdir()
        defaults = {"task": "a", "store": str(state / "artifacts"), "result": str(state / "result.json"), "loads": {}}
        path = state / "job.json"
        path.write_text(json.dumps({**defaults, **job}))
        code = f'exec(compile(open({BOOT!r}).read(), {BOOT!r}, "exec"), {{"__name__": "nbprod_runtime", "JOB": {str(path)!r}}})'
        assert self.run(code, silent=True) == ""

    def result(self) -> dict[str, Any]:
        return dict(json.loads((self.folder / ".nbprod" / "result.json").read_text()))


@pytest.fixture
def kernel(tmp_path: Path) -> Iterator[Kernel]:
    kernel = Kernel(tmp_path)
    yield kernel
    kernel.client.stop_channels()
    kernel.manager.shutdown_kernel(now=True)


def test_a_task_in_a_kernel(kernel: Kernel) -> None:
    (kernel.folder / "data.csv").write_text("a,b\n1,2\n")
    look = (
        "import sys; print(sorted(dir()), [m for m in sys.modules if 'nbprod' in m], sys.path, len(In), sys.meta_path)"
    )
    before = kernel.run(look)
    definitions = "def visit():\n    visit.times += 1\nimport numpy as np"
    kernel.begin(
        outputs=["x", "df", "gone"],
        defined=["visit", "np", "pd", "sys"],
        metrics=["score"],
    )
    assert kernel.run("get_ipython()._nbprod.ready()", silent=True) == ""
    kernel.run(definitions + "\nvisit.times = 0\nvisit()")
    kernel.run("%%time\nimport pandas as pd\ndf = pd.read_csv('data.csv')")
    kernel.run("x = 1\n_ = 5\nimport asyncio\nawait asyncio.sleep(0)\ny = await asyncio.sleep(0, 3)")
    kernel.run(
        "files = !ls\nglobals()['surprise'] = 1\nfrom math import *\nscore = np.float64(0.5)\nnp.random.seed(0)\nsurprise"
    )
    after = kernel.run(look)
    assert kernel.run("get_ipython()._nbprod.finish()", silent=True) == ""
    told = kernel.result()
    assert told["error"] is None, told["error"]
    assert sorted(told["outputs"]) == ["@numpy.random", "df", "surprise", "visit", "x"]
    assert told["missing"] == ["gone"]
    assert told["metrics"] == {"score": 0.5}
    assert told["facts"]["writes"] == ["@numpy.random", "surprise", "visit"]
    assert list(told["files"]["read"]) == [str(kernel.folder / "data.csv")]
    assert told["files"]["written"] == {}
    assert told["packages"].keys() >= {"numpy", "pandas"}
    assert not told["packages"].keys() & {"IPython", "ipykernel", "zmq"}
    assert ("nbprod" in before, "nbprod" in after.replace(str(kernel.folder), "")) == (False, False)


def test_an_error_is_one_line(kernel: Kernel) -> None:
    kernel.begin(outputs=["g"], wanted_by={"g": ["b"]})
    kernel.run("get_ipython()._nbprod.ready()", silent=True)
    kernel.run("g = (i for i in [])")
    text = kernel.run("get_ipython()._nbprod.finish()")
    assert text.startswith("TaskValueError: 'g', a generator, cannot be passed on to task 'b'")
    assert "\n" not in text
    assert kernel.result()["error"]["variable"] == "g"
