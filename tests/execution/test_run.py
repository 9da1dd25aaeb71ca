"""A run computes what is needed, once, tells why, and ends well however it ends."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

import pandas as pd
import pytest

from nbprod.errors import NotebookError, NotFoundError, ParameterError
from nbprod.execution.events import Replanned, Status, TaskCell, TaskFinished, TaskLog
from nbprod.execution.records import Records
from nbprod.execution.run import run_pipeline
from tests.execution.pipelines import Work, printed, reasons, states

CHAIN = (
    ("parameters", "n = 3\nscale = 1"),
    ("task:make", "data = list(range(n))"),
    ("task:total", "total = sum(data) * scale"),
    ("task:show metrics", "score = total + 0.5\nprint('score', score)"),
)


@pytest.fixture(scope="module")
def chain(tmp_path_factory: pytest.TempPathFactory) -> Work:
    """Three tasks that have run once."""
    work = Work(tmp_path_factory.mktemp("chain"), *CHAIN)
    assert work.plan()["make"].reason == "never ran"
    assert work.plan()["total"].action == "unknown"
    first = work.run()
    assert states(first) == {"make": "done", "total": "done", "show": "done"}
    assert first.metrics == {"score": 3.5}
    assert [event.cell for event in work.events if isinstance(event, TaskCell)] == [2, 3, 4]
    assert [event.text for event in work.events if isinstance(event, TaskLog)] == ["score 3.5\n"]
    return work


def test_nothing_is_computed_twice(chain: Work) -> None:
    code = (
        "import sys, json\nfrom pathlib import Path\nfrom nbprod.execution.run import run_pipeline\n"
        "from nbprod.notebook.pipeline import read_pipeline\nfrom nbprod.project import Project\n"
        "folder = Path(sys.argv[1])\n"
        "result = run_pipeline(read_pipeline(folder / 'nb.ipynb'), Project(folder), name='p')\n"
        "heavy = [name for name in ('ploomber', 'papermill', 'pandas') if name in sys.modules]\n"
        "print(json.dumps([[task.status for task in result.tasks], result.metrics, heavy, str(result.notebook)]))"
    )

    done = subprocess.run([sys.executable, "-c", code, str(chain.folder)], capture_output=True, text=True, timeout=60)

    statuses, metrics, heavy, notebook = json.loads(done.stdout)
    assert statuses == ["cached"] * 3
    assert metrics == {"score": 3.5}
    assert heavy == [], "imported although nothing had to run"
    assert "score 3.5" in Path(notebook).read_text(), "the report of a cached run shows what the cells gave"
    assert {plan.action for plan in chain.plan().values()} == {"cached"}


def test_a_parameter_repeats_only_what_it_reaches_and_is_named(chain: Work) -> None:
    assert chain.plan(parameters={"scale": 2})["total"].reason == "parameter scale 1 -> 2"

    result = chain.run(parameters={"scale": 2})

    assert states(result) == {"make": "cached", "total": "done", "show": "done"}
    assert reasons(result)["show"] == "input total changed (from total)"
    assert result.metrics == {"score": 6.5}


def test_equal_content_stops_the_wave(chain: Work) -> None:
    cells = list(CHAIN)
    cells[1] = ("task:make", "data = [i for i in range(n)]")
    chain.write(*cells)

    result = chain.run()
    chain.write(*CHAIN)

    assert states(result) == {"make": "done", "total": "cached", "show": "cached"}
    assert reasons(result)["make"] == "code changed"


def test_comments_and_layout_change_nothing(chain: Work) -> None:
    cells = list(CHAIN)
    cells[1] = ("task:make", "# the data\n\ndata = list( range(n) )  # here")
    chain.write(*cells)

    actions = {plan.action for plan in chain.plan().values()}
    chain.write(*CHAIN)

    assert actions == {"cached"}


def test_only_from_and_force(chain: Work) -> None:
    assert states(chain.run(only=["total"])) == {"make": "cached", "total": "cached"}
    assert states(chain.run(only=["total"], force=True)) == {"make": "cached", "total": "done"}
    assert {n: (p.action, p.reason) for n, p in chain.plan(start_from=["total"]).items()} == {
        "make": ("cached", chain.plan()["make"].reason),
        "total": ("run", "forced"),
        "show": ("run", "forced"),
    }
    assert states(chain.run(start_from=["total"])) == {"make": "cached", "total": "done", "show": "done"}


def test_wrong_options_name_the_nearest(chain: Work) -> None:
    with pytest.raises(NotFoundError, match="Did you mean 'total'"):
        chain.run(only=["totl"])
    with pytest.raises(NotFoundError, match="there is no task 'x'"):
        chain.plan(start_from=["x"])
    with pytest.raises(ParameterError, match="Did you mean 'scale'"):
        chain.run(parameters={"scal": 1})


def test_the_run_is_in_the_records_with_why_and_from_where(chain: Work) -> None:
    result = chain.run()
    run = Records.open(chain.project).run(result.id)

    assert run.status is Status.DONE
    assert run.parameters == {"n": 3, "scale": 1}
    assert {task.task: task.status for task in run.tasks} == {"make": "cached", "total": "cached", "show": "cached"}
    assert all(task.cached_from and task.cached_from != run.id for task in run.tasks)


def test_a_changed_file_or_module_runs_its_readers_again(tmp_path: Path) -> None:
    (tmp_path / "data.txt").write_text("1")
    (tmp_path / "helper.py").write_text("FACTOR = 10\n")
    work = Work(
        tmp_path,
        ("task:read", "number = int(open('data.txt').read())"),
        ("task:scale", "import helper\nresult = helper.FACTOR * 2"),
        ("task:other", "open('out.txt', 'w').write('kept')"),
    )
    work.run()

    (tmp_path / "data.txt").write_text("2")
    assert work.plan()["read"].reason == "file data.txt changed"
    (tmp_path / "helper.py").write_text("FACTOR = 20\n")
    (tmp_path / "out.txt").unlink()
    result = work.run()

    assert states(result) == {"read": "done", "scale": "done", "other": "cached"}
    assert reasons(result)["scale"] == "file helper.py changed"
    assert (tmp_path / "out.txt").read_text() == "kept", "a file that a cached task had written is put back"


def test_a_cell_that_raises_is_named_and_stops_only_what_depends_on_it(tmp_path: Path) -> None:
    work = Work(
        tmp_path,
        ("", "import math"),
        ("task:good", "a = 1"),
        ("task:bad", "b = a\nc = {}['missing']"),
        ("task:after", "d = c"),
        ("task:beside", "e = a + 1\nprint('beside', e)"),
    )

    result = work.run()

    assert states(result) | {"setup": ""} == {
        "setup": "",
        "good": "done",
        "bad": "failed",
        "after": "skipped",
        "beside": "done",
    }
    assert result.status is Status.FAILED
    assert reasons(result)["after"] == "bad failed"
    ends = {event.task: event.status for event in work.events if isinstance(event, TaskFinished)}
    assert ends["after"] is Status.SKIPPED
    assert {task.task: task.status for task in Records.open(work.project).run(result.id).tasks}["after"] == "skipped"
    error = result.error
    assert error is not None
    assert (error.where.task, error.where.cell, error.where.line) == ("bad", 3, 2)
    assert "KeyError: 'missing'" in str(error)
    kept = Path(error.notebook)  # type: ignore[attr-defined]
    assert "KeyError" in kept.read_text()
    assert "beside 2" in printed(result)
    assert Records.open(work.project).run(result.id).error["cell"] == 3  # type: ignore[index]
    assert states(work.run())["good"] == "cached"


def test_a_carried_definition_that_fails_is_found_in_its_own_cell(tmp_path: Path) -> None:
    work = Work(
        tmp_path, ("task:a", "x = 1"), ("task:b", "import math\nimport no_such_module\ny = no_such_module.f(x)")
    )

    error = work.run().error

    assert error is not None
    assert (error.where.cell, error.where.line) == (2, 2)
    assert "no_such_module" in str(error)


def test_independent_tasks_run_at_the_same_time(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(100)

        def answer_when_both_are_there() -> None:
            both = [server.accept()[0] for _ in range(2)]
            for connection in both:
                connection.sendall(b"go")
                connection.close()

        meet = f"import socket\nwith socket.create_connection(('127.0.0.1', {server.getsockname()[1]}), 100) as peer:\n"
        meet += "    assert peer.recv(2) == b'go'\ndone = 1"
        work = Work(tmp_path, ("task:one", meet.replace("peer", "left")), ("task:two", meet.replace("peer", "right")))
        thread = threading.Thread(target=answer_when_both_are_there)
        thread.start()

        assert states(work.run(workers=2)) == {"one": "done", "two": "done"}
        thread.join()


def test_a_task_is_tried_again_and_then_fails(tmp_path: Path) -> None:
    # what a program writes that its command does not name is not undone between attempts, as ours would be
    (tmp_path / "try.sh").write_text("echo >> tries")
    flaky = "import os\n!sh try.sh\nos.mkdir('made')\nassert os.path.getsize('tries') > 2"
    work = Work(tmp_path, ("task:flaky", flaky))

    assert states(work.run(retries=1)) == {"flaky": "failed"}
    (tmp_path / "made").rmdir()
    (tmp_path / "tries").unlink()
    assert states(work.run(resources={"flaky": {"retries": 2}})) == {"flaky": "done"}


def test_time_limits_name_the_cell(tmp_path: Path) -> None:
    work = Work(tmp_path, ("task:slow", "import time"), ("", "x = 1\ntime.sleep(60)"))

    error = work.run(timeout=5).error

    assert error is not None
    assert "longer than its limit of 5 s" in str(error)
    assert (error.where.cell, error.where.line) == (2, 2)


def test_a_name_that_no_analysis_sees_is_learnt_from_its_absence(tmp_path: Path) -> None:
    work = Work(
        tmp_path,
        ("task:a", "secret = 41"),
        ("task:b", "answer = eval('sec' + 'ret') + 1\nprint('answer', answer)"),
    )

    first = work.run()

    assert states(first) == {"a": "done", "b": "done"}, str(first.error)
    assert "answer 42" in printed(first)
    assert {plan.action for plan in work.plan().values()} == {"cached"}, "what was learnt is known to the next plan"


def test_a_task_that_must_begin_again_finds_files_as_they_were(tmp_path: Path) -> None:
    (tmp_path / "log").write_text("before ")
    work = Work(
        tmp_path,
        ("task:a", "secret = 41"),
        ("task:b", "import os\nos.makedirs('x/y')\nopen('x/y/new', 'x').write('1')\nopen('log', 'a').write('once')"),
        ("", "answer = eval('sec' + 'ret')"),
        ("task:c", "print(open('log').read())"),
    )

    result = work.run()

    assert states(result) == {"a": "done", "b": "done", "c": "done"}, str(result.error)
    assert (tmp_path / "log").read_text() == "before once"
    assert "before once" in printed(result)


def test_who_lists_a_folder_waits_for_who_fills_it(tmp_path: Path) -> None:
    (tmp_path / "parts").mkdir()
    work = Work(
        tmp_path,
        ("task:fill", "import time\ntime.sleep(1)\nopen('parts' + '/' + 'one', 'w').write('1')"),
        ("task:list", "import os\nprint('seen', os.listdir('pa' + 'rts'))"),
    )

    result = work.run(workers=2)

    assert "seen ['one']" in printed(result)
    (tmp_path / "parts" / "one").unlink()
    (tmp_path / "parts").rmdir()
    assert states(work.run()) == {"fill": "cached", "list": "cached"}
    assert (tmp_path / "parts" / "one").exists()


def test_a_name_defined_nowhere_fails_once(tmp_path: Path) -> None:
    work = Work(tmp_path, ("task:a", "x = 1"), ("task:b", "y = eval('no' + 'where')"))

    result = work.run()

    assert states(result) == {"a": "done", "b": "failed"}
    assert not [event for event in work.events if isinstance(event, Replanned)]
    assert len([event for event in work.events if isinstance(event, TaskFinished)]) == 2


def test_what_cannot_be_saved_is_named_with_both_tasks(tmp_path: Path) -> None:
    work = Work(tmp_path, ("task:open", "lines = (i for i in range(3))"), ("task:use", "print(list(lines))"))

    result = work.run()

    assert states(result) == {"open": "failed", "use": "skipped"}
    for part in ("'lines'", "generator", "'open'", "'use'"):
        assert part in str(result.error)


def test_a_metric_that_is_no_number_is_named(tmp_path: Path) -> None:
    work = Work(tmp_path, ("task:a metrics", "score = 'high'"))

    error = work.run().error

    assert "the metric 'score' is no number" in str(error)


def test_a_kernel_that_dies_is_told(tmp_path: Path) -> None:
    error = Work(tmp_path, ("task:a", "x = 1\nimport os; os.kill(os.getpid(), 9)")).run().error

    assert error is not None
    assert "most likely for memory" in str(error)
    assert error.where.cell == 1


def test_an_unknown_kernel_is_refused_with_those_there_are(tmp_path: Path) -> None:
    work = Work(tmp_path, ("task:a", "x = 1"), kernel="conda-env-gone-py")

    for act in (work.plan, work.run):
        with pytest.raises(NotebookError, match=r"'conda-env-gone-py' is not installed[\s\S]*python3"):
            act()
    assert Records.open(work.project).runs() == []


def test_two_runs_at_once_compute_once_and_are_both_right(tmp_path: Path) -> None:
    work = Work(
        tmp_path,
        ("task:slow", "import time\ntime.sleep(1)\nopen('log', 'a').write('x')\nx = 7"),
        ("task:b metrics", "y = x"),
    )
    results = []

    def go() -> None:
        results.append(run_pipeline(work.pipeline, work.project, name="p"))

    threads = [threading.Thread(target=go) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert [result.metrics for result in results] == [{"y": 7}] * 2
    assert sorted(states(result)["slow"] for result in results) == ["cached", "done"]
    assert (tmp_path / "log").read_text() == "x"


@pytest.mark.parametrize("kind", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_kernels_and_leaves_a_run_marked_cancelled(tmp_path: Path, kind: signal.Signals) -> None:
    code = f"import os, time, pathlib\npathlib.Path({str(tmp_path / 'pid')!r}).write_text(str(os.getpid()))\ntime.sleep(60)"
    work = Work(tmp_path, ("task:quick", "x = 1"), ("task:long", code))
    script = (
        "import sys\nfrom pathlib import Path\nfrom nbprod.errors import Cancelled\n"
        "from nbprod.execution.run import run_pipeline\nfrom nbprod.notebook.pipeline import read_pipeline\n"
        "from nbprod.project import Project\nfolder = Path(sys.argv[1])\n"
        "try:\n    run_pipeline(read_pipeline(folder / 'nb.ipynb'), Project(folder), name='p')\n"
        "except Cancelled as error:\n    print(error)\n    sys.exit(error.exit_code)"
    )
    process = subprocess.Popen([sys.executable, "-c", script, str(tmp_path)], stdout=subprocess.PIPE, text=True)
    end = time.time() + 60
    while not (tmp_path / "pid").exists() or not (tmp_path / "pid").read_text():
        assert time.time() < end
        time.sleep(0.02)
    process.send_signal(kind)
    out, _ = process.communicate(timeout=100)

    assert process.returncode == 130
    assert "was cancelled" in out
    with pytest.raises(ProcessLookupError):
        os.kill(int((tmp_path / "pid").read_text()), 0)
    (run,) = Records.open(work.project).runs()
    run = Records.open(work.project).run(run.id)
    assert run.status is Status.CANCELLED
    assert {task.task: task.status for task in run.tasks}["long"] is Status.CANCELLED


def test_a_full_disk_is_told_and_leaves_nothing_half_written(tmp_path: Path) -> None:
    small = tmp_path / "small"
    small.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=2m", "none", str(small)], capture_output=True)
    if mounted.returncode:
        pytest.skip("a small disk cannot be mounted here")
    try:
        work = Work(small, ("task:big", "import os\nblob = os.urandom(4_000_000)"), ("task:use", "n = len(blob)"))

        result = work.run()

        assert result.status is Status.FAILED
        assert "space" in str(result.error)
        artifacts = small / ".nbprod" / "artifacts"
        assert [path for path in artifacts.rglob("*") if path.is_file() and path.stat().st_size > 100_000] == []
    finally:
        subprocess.run(["umount", "-l", str(small)], check=True)


def test_a_parquet_file_that_changed_is_read_again_and_one_that_is_written_orders_the_tasks(tmp_path: Path) -> None:
    """pandas reads and writes Parquet in native code, of which Python tells nothing."""
    work = Work(
        tmp_path,
        ("task:read", "import pandas as pd\ntotal = pd.read_parquet('in.parquet')['a'].sum()"),
        ("task:write", "import pandas as pd\npd.DataFrame({'a': [total]}).to_parquet('out.parquet')"),
        ("task:show", "import pandas as pd\nprint(pd.read_parquet('out.parquet')['a'][0])"),
    )
    pd.DataFrame({"a": [1, 2]}).to_parquet(tmp_path / "in.parquet")
    assert printed(work.run()) == "3\n"
    assert set(states(work.run()).values()) == {"cached"}

    pd.DataFrame({"a": [1, 20]}).to_parquet(tmp_path / "in.parquet")
    again = work.run()

    assert printed(again) == "21\n"
    assert "in.parquet" in reasons(again)["read"]


def test_a_file_that_a_command_names_is_read_again_when_it_changed(tmp_path: Path) -> None:
    work = Work(
        tmp_path,
        ("task:line", "count = !wc -l < data.csv\nprint(count[0].strip())"),
        ("task:cell", "%%bash\nhead -n 1 data.csv"),
        ("task:free", "print('free')"),
    )
    (tmp_path / "data.csv").write_text("1\n")
    (tmp_path / "other.csv").write_text("1\n")
    assert sorted(printed(work.run()).split()) == ["1", "1", "free"]
    (tmp_path / "other.csv").write_text("2\n")
    assert set(states(work.run()).values()) == {"cached"}

    (tmp_path / "data.csv").write_text("7\n8\n")
    again = work.run()

    assert sorted(printed(again).split()) == ["2", "7", "free"]
    assert states(again) == {"line": "done", "cell": "done", "free": "cached"}
