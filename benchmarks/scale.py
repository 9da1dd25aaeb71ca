"""A graph of 1,000 tasks: its plan, and what scheduling costs when the tasks do nothing; Ploomber's and Dask's beside it."""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import Any

from benchmarks.notebooks import NBPROD, PYTHON, Row, fresh, notebook
from benchmarks.timing import Spread, command, in_turn, ratios

COUNT = 1000
SHAPES = ("chain", "wide")


def cells(shape: str, count: int) -> list[tuple[str, str]]:
    """Return the cells of `count` trivial tasks: one after the other, or all but two between a first and a last one."""
    if shape == "chain":
        return [("task:t0", "x0 = 0")] + [(f"task:t{i}", f"x{i} = x{i - 1} + 1") for i in range(1, count)]
    middle = range(count - 2)
    last = f"total = sum([{', '.join(f'y{i}' for i in middle)}])"
    return [
        ("task:first", "x = 0"),
        *((f"task:w{i}", f"y{i} = x + {i}") for i in middle),
        ("task:last", last),
    ]


def bench_scale(root: Path, repeats: int) -> list[Row]:
    """Plan of a notebook that never ran and of one that is all in the cache, and a run of null tasks."""
    rows: list[Row] = []
    for shape in SHAPES:
        rows += _shape(root, shape, repeats)
    return rows


def _shape(root: Path, shape: str, repeats: int) -> list[Row]:
    new, kept = fresh(root, f"{shape}-new", 0), fresh(root, f"{shape}-kept", 0)
    for folder in (new, kept):
        notebook(cells(shape, COUNT), folder / "p.ipynb")
    _side("nbprod", shape, kept)
    spent: dict[str, list[float]] = {"nbprod": [], "render": [], "build": [], "dask": []}

    def side(name: str, turn: int) -> None:
        folder = fresh(root, f"{shape}-{name}", turn)
        if name == "nbprod":
            notebook(cells(shape, COUNT), folder / "p.ipynb")
        for what, seconds in _side(name, shape, folder).items():
            spent[what].append(seconds / COUNT * 1000)

    spread = in_turn(
        {
            "new": lambda _: command([*NBPROD, "plan", "p.ipynb"], new),
            "kept": lambda _: command([*NBPROD, "plan", "p.ipynb"], kept),
            "nbprod": lambda turn: side("nbprod", turn),
            "ploomber": lambda turn: side("ploomber", turn),
            "dask": lambda turn: side("dask", turn),
        },
        repeats,
    )
    ours, render, build, dask = (Spread(tuple(spent[what])) for what in ("nbprod", "render", "build", "dask"))
    theirs = Spread(tuple(a + b for a, b in zip(render.values, build.values, strict=True)))
    what = "a line of" if shape == "chain" else "1, then 998, then 1:"
    return [
        (f"{what} {COUNT} tasks: plan, seconds, whole command", "nbprod plan, nothing ran yet", str(spread["new"])),
        ("", "nbprod plan, all of it in the cache", str(spread["kept"])),
        (
            f"{what} {COUNT} tasks that do nothing: scheduling, milliseconds a task",
            "nbprod: resolve, keys, cache, records, Ploomber's DAG",
            str(ours),
        ),
        ("", "Ploomber: render", str(render)),
        ("", "Ploomber: build, functions, its serial executor in one process", str(build)),
        ("", "Dask: delayed functions, threads, keeps nothing", str(dask)),
        ("", "ratio Ploomber / nbprod", str(ratios(theirs, ours))),
    ]


def _side(name: str, shape: str, folder: Path) -> dict[str, float]:
    """Measure one side in a process of its own, without the imports."""
    root = Path(__file__).parent.parent
    code = f"import sys; sys.path.insert(0, {str(root)!r}); from benchmarks.scale import main; main()"
    command([PYTHON, "-c", code, name, shape], folder)
    found: dict[str, float] = json.loads((folder / "command.log").read_text().splitlines()[-1])
    return found


def main() -> None:
    """Run one side in the current folder and print its seconds as JSON."""
    print(json.dumps({"nbprod": _ours, "ploomber": _ploomber, "dask": _dask}[sys.argv[1]](sys.argv[2])))


def _ours(shape: str) -> dict[str, float]:
    """Run a pipeline as `nbprod run` does, but for the kernels: a task's work is to enter its trace in the cache."""
    from nbprod.execution import libraries, run, task_run
    from nbprod.execution.cache import Trace
    from nbprod.execution.store import Store
    from nbprod.notebook.facts import Facts
    from nbprod.notebook.pipeline import read_pipeline
    from nbprod.project import Project

    libraries.alone = True
    libraries.dag()
    project = Project(Path.cwd())
    store = Store(project.make_state() / "artifacts")
    entry = {"artifact": store.put_file(Path("p.ipynb")), "format": "pickle", "bytes": 1, "type": "int"}

    class Nothing(task_run.TaskRunner):
        def __call__(self, node: Any, key: Any, loads: Any, watch: Any, limits: Any, cancel: Any) -> Trace:
            return self.cache.add(
                Trace(
                    key=key.digest,
                    pipeline=self.name,
                    task=node.name,
                    parts=dict(key.parts),
                    files={},
                    packages={},
                    outputs=dict.fromkeys(node.outputs, entry),
                    missing=(),
                    watched=watch,
                    written={},
                    metrics={},
                    facts=Facts(),
                    notebook=None,
                    run=self.run,
                    seconds=0.0,
                )
            )

    def without_kernels(*arguments: Any) -> Nothing:
        return Nothing(*arguments[:-1])  # but the pool, the last: it would start some ahead

    vars(run)["TaskRunner"] = without_kernels
    pipeline = read_pipeline("p.ipynb")
    started = time.perf_counter()
    result = run.run_pipeline(pipeline, project, name="p")
    seconds = time.perf_counter() - started
    assert result.status.is_good(), result.error
    assert len(result.tasks) == COUNT
    return {"nbprod": seconds}


def _ploomber(shape: str) -> dict[str, float]:
    from nbprod import telemetry

    telemetry.turn_off()
    from ploomber import DAG
    from ploomber.executors import Serial
    from ploomber.products import File
    from ploomber.tasks import PythonCallable

    dag = DAG(executor=Serial(build_in_subprocess=False))
    tasks: dict[str, Any] = {}
    for name, upstream in _edges(shape).items():
        function = _after if upstream else _first
        tasks[name] = PythonCallable(function, File(f"{name}.txt"), dag, name=name)
        for before in upstream:
            tasks[name].set_upstream(tasks[before])
    started = time.perf_counter()
    dag.render(show_progress=False)
    rendered = time.perf_counter()
    dag.build(show_progress=False)
    return {"render": rendered - started, "build": time.perf_counter() - rendered}


def _first(product: Any) -> None:
    Path(str(product)).touch()


def _after(product: Any, upstream: Any) -> None:
    Path(str(product)).touch()


def _dask(shape: str) -> dict[str, float]:
    import dask

    work = dask.delayed(lambda *_: 0, pure=False)
    edges = _edges(shape)
    started = time.perf_counter()
    made: dict[str, Any] = {}
    for name, upstream in edges.items():
        made[name] = work(*[made[before] for before in upstream])
    dask.compute(list(made.values())[-1], scheduler="threads")
    return {"dask": time.perf_counter() - started}


def _edges(shape: str) -> dict[str, list[str]]:
    """Return for each task those that it comes after."""
    if shape == "chain":
        return {f"t{i}": [f"t{i - 1}"] if i else [] for i in range(COUNT)}
    middle = [f"w{i}" for i in range(COUNT - 2)]
    return {"first": [], **{name: ["first"] for name in middle}, "last": middle}
