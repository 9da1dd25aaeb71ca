"""Kernels that are forked from a prepared process are like any other, and whatever happens to that process, a run is right."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from nbprod.execution import forked, kernels, memory, prepared, provisioner, starting
from nbprod.execution.forked import ForkedKernel
from nbprod.execution.preload import DRAWS, desire_of, explain
from nbprod.execution.prepared import Desire, NotForked
from nbprod.execution.starting import Kernel, Pool, Wish
from nbprod.execution.verdicts import Verdicts
from tests.execution.pipelines import Work

pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="kernels are forked on Linux only")
CHAIN = [("task:a", "x = [1]"), ("task:b", "x.append(2)"), ("task:c", "x.append(3)"), ("task:d", "print(x)")]
LOOK = """
import getpass, os, signal, sys, threading
look = {
    "argv": sys.argv[1:2] + sys.argv[3:], "launcher": sys.argv[0], "path": sys.path, "folder": os.getcwd(), "flags": str(sys.flags),
    "env": {n: v for n, v in os.environ.items() if not n.startswith("JPY_")}, "main": repr(sys.modules["__main__"]),
    "names": sorted(n for n in globals() if n != "look"), "leads": os.getpgid(0) == os.getpid(), "session": os.getsid(0) == os.getpid(),
    "int": str(signal.getsignal(signal.SIGINT)), "child": str(signal.getsignal(signal.SIGCHLD)),
    "limit": sys.getrecursionlimit(), "executable": sys.executable, "hidden": sorted(n for n in sys.modules if "nbprod" in n or "fork" in n),
    "threads": sorted(type(t).__name__ for t in threading.enumerate()), "backend": os.environ.get("MPLBACKEND"),
}
"""
DRAW = "import random, uuid, tempfile, os, numpy; print([random.random(), numpy.random.rand(), str(uuid.uuid4()), tempfile.mktemp(), os.getpid()])"


@pytest.fixture(autouse=True)
def alone(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    """Each test has prepared processes, and verdicts, of its own."""
    prepared.close_all()
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    yield
    prepared.close_all()


def the_one() -> prepared.Prepared:
    (one,) = prepared._all.values()
    return one


def begin(folder: Path, desire: Desire | None = Desire(), **env: str) -> Kernel:  # noqa: B008  # frozen
    return asyncio.run(starting.start(Wish("python3", str(folder), {**os.environ, **env}, desire)))


def ask(kernel: Kernel, code: str) -> Any:
    """Run code in a kernel and return what it prints."""

    async def talk() -> str:
        client = kernel.manager.client()
        client.start_channels()
        try:
            await client.wait_for_ready(timeout=30)
            said: list[str] = []
            reply = await client.execute_interactive(
                code, timeout=30, output_hook=lambda message: said.append(message["content"].get("text", ""))
            )
            assert reply["content"]["status"] == "ok", reply["content"]
            return "".join(said)
        finally:
            client.stop_channels()

    return asyncio.run(talk())


def test_a_forked_kernel_finds_what_an_ordinary_one_finds(tmp_path: Path) -> None:
    ordinary = begin(tmp_path, None)
    forked = begin(tmp_path)
    try:
        assert isinstance(forked.alive.process, ForkedKernel)
        assert not isinstance(ordinary.alive.process, ForkedKernel)
        code = LOOK + "import json; print(json.dumps(look))"

        expected, found = json.loads(ask(ordinary, code)), json.loads(ask(forked, code))

        assert found == expected
        assert found["folder"] == str(tmp_path)
        assert found["hidden"] == []
    finally:
        ordinary.discard()
        forked.discard()


def test_every_forked_kernel_draws_its_own(tmp_path: Path) -> None:
    Verdicts(sys.executable).add({"numpy": "", "tempfile": "", "uuid": ""})
    desire = Desire(frozenset({"numpy", "tempfile", "uuid"}))
    found = [begin(tmp_path, desire) for _ in range(3)]
    try:
        assert "numpy" in the_one().loaded

        drawn = [eval(ask(kernel, DRAW)) for kernel in found]

        for values in zip(*drawn, strict=True):
            assert len(set(values)) == 3, values
    finally:
        for kernel in found:
            kernel.discard()


def test_a_module_in_the_notebooks_folder_is_not_shadowed_by_one_that_was_imported_ahead(tmp_path: Path) -> None:
    (tmp_path / "tornado.py").write_text("here = True")
    kernel = begin(tmp_path)
    try:
        assert not isinstance(kernel.alive.process, ForkedKernel)
        assert "tornado" in kernel.manager.provisioner.reason  # type: ignore[union-attr]
    finally:
        kernel.discard()


def test_an_environment_of_its_own_is_a_prepared_process_of_its_own(tmp_path: Path) -> None:
    one, other = begin(tmp_path, WHICH="one"), begin(tmp_path, WHICH="other")
    try:
        assert [ask(kernel, "import os; print(os.environ['WHICH'], end='')") for kernel in (one, other)] == [
            "one",
            "other",
        ]
        assert len(prepared._all) == 2
    finally:
        one.discard()
        other.discard()


def test_what_is_imported_ahead_for_one_notebook_is_not_for_another(tmp_path: Path) -> None:
    """One that sets the environment, or seeds `random`, must not find what another may."""
    Verdicts(sys.executable).add({"numpy": ""})
    kernels_ = [begin(tmp_path, Desire(frozenset({"numpy"}))), begin(tmp_path, Desire())]
    try:
        found = [ask(kernel, "import sys; print('numpy' in sys.modules, end='')") for kernel in kernels_]

        assert found == ["True", "False"]
    finally:
        for kernel in kernels_:
            kernel.discard()


def test_prepared_processes_that_nobody_uses_any_more_end(tmp_path: Path) -> None:
    for number in range(prepared.KEPT + 3):
        begin(tmp_path, WHICH=str(number)).discard()
    wait_until(lambda: len(prepared._all) <= prepared.KEPT + 1)


def wait_until(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 20
    while not holds():
        assert time.monotonic() < deadline, "it never came true"
        time.sleep(0.02)


def test_how_a_kernel_ended_is_known(tmp_path: Path) -> None:
    kernel = begin(tmp_path)
    os.kill(kernel.alive.process.pid, signal.SIGSEGV)

    assert kernel.alive.process.wait(5) == -signal.SIGSEGV
    kernel.discard()


def test_fifty_at_once(tmp_path: Path) -> None:
    found: list[Kernel] = []
    threads = [threading.Thread(target=lambda: found.append(begin(tmp_path))) for _ in range(50)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    try:
        assert len({kernel.alive.process.pid for kernel in found}) == 50
        assert all(isinstance(kernel.alive.process, ForkedKernel) for kernel in found)
        assert ask(found[-1], "print(6 * 7)") == "42\n"
    finally:
        for kernel in found:
            kernel.discard()


def test_when_the_prepared_process_is_killed_its_kernels_end_and_the_next_ones_start_as_usual(tmp_path: Path) -> None:
    kernel = begin(tmp_path)
    the_one().process.kill()

    assert kernel.alive.process.wait(10) is not None
    after = begin(tmp_path)
    try:
        assert not isinstance(after.alive.process, ForkedKernel)
        assert ask(after, "print(1)") == "1\n"
    finally:
        kernel.discard()
        after.discard()


def test_a_prepared_process_that_hangs_is_given_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(prepared, "FORK_SECONDS", 0.5)
    begin(tmp_path).discard()
    one = the_one()
    one.process.send_signal(signal.SIGSTOP)

    kernel = begin(tmp_path)

    try:
        assert not isinstance(kernel.alive.process, ForkedKernel)
        assert one.failure == "the prepared process did not answer within 0.5 s"
        assert one.process.poll() is not None
    finally:
        kernel.discard()


def test_a_prepared_process_that_is_killed_in_the_middle_of_a_fork(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    provisioner._said.clear()
    begin(tmp_path).discard()
    one = the_one()
    one.process.send_signal(signal.SIGSTOP)  # it has been asked, and has not answered
    killer = threading.Timer(0.3, one.process.kill)
    killer.start()

    kernel = begin(tmp_path)

    try:
        assert not isinstance(kernel.alive.process, ForkedKernel)
        assert ask(kernel, "print(1)") == "1\n"
        assert capfd.readouterr().err == "nbprod: kernels start as usual: the prepared process has ended\n"
    finally:
        kernel.discard()


def test_where_memory_is_low_no_process_is_prepared_and_it_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    provisioner._said.clear()
    monkeypatch.setattr(memory, "available", lambda: 100 << 20)

    found = [begin(tmp_path), begin(tmp_path)]

    try:
        assert not any(isinstance(kernel.alive.process, ForkedKernel) for kernel in found)
        assert capfd.readouterr().err == "nbprod: kernels start as usual: only 100 MiB of memory are left\n", "once"
    finally:
        for kernel in found:
            kernel.discard()


def test_where_dev_shm_is_missing_kernels_are_forked_all_the_same(tmp_path: Path) -> None:
    """Nothing of ours needs it; what a module needs it for when it is imported is found out by its trial."""
    code = f"""
        import asyncio, os, sys
        sys.path[:0] = [{str(Path(__file__).parents[2])!r}]
        from tests.execution.test_prepared import ask, begin, ForkedKernel
        from pathlib import Path
        try:
            open("/dev/shm/x", "w")
        except OSError:
            print("missing")
        kernel = begin(Path({str(tmp_path)!r}))
        print(isinstance(kernel.alive.process, ForkedKernel), ask(kernel, "print(6 * 7)"), end="")
        kernel.discard()
    """
    (tmp_path / "script").write_text(textwrap.dedent(code))
    command = f"mount -t tmpfs -o ro none /dev/shm && exec {sys.executable} {tmp_path / 'script'}"
    done = subprocess.run(["unshare", "-rm", "sh", "-c", command], capture_output=True, text=True, check=False)
    if "unshare" in done.stderr or "mount" in done.stderr:
        pytest.skip(f"no namespace of our own: {done.stderr.strip()}")

    assert done.stdout == "missing\nTrue 42\n", done.stderr


def test_kernels_go_with_the_process_that_wanted_them(tmp_path: Path) -> None:
    code = f"""
        import asyncio, os, time
        from nbprod.execution import prepared, starting
        kernel = asyncio.run(starting.start(starting.Wish("python3", {str(tmp_path)!r}, None, prepared.Desire())))
        print(kernel.alive.process.pid, prepared._all[next(iter(prepared._all))].process.pid, flush=True)
        time.sleep(60)
    """
    with subprocess.Popen([sys.executable, "-c", textwrap.dedent(code)], stdout=subprocess.PIPE, text=True) as owner:
        assert owner.stdout is not None
        pids = [int(pid) for pid in owner.stdout.readline().split()]
        owner.kill()

    deadline = time.monotonic() + 10
    while any(forked.runs(pid) for pid in pids):
        assert time.monotonic() < deadline, "a process was left behind"
        time.sleep(0.02)


def test_a_run_goes_on_when_the_prepared_process_is_killed_in_the_middle(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NBPROD_KERNELS", "forked")
    mark = tmp_path / "began"
    work = Work(
        tmp_path,
        ("task:a", "x = [1]"),
        ("task:b", f"import time, os\nfirst = not os.path.exists({str(mark)!r})\nopen({str(mark)!r}, 'a').write('.')"),
        ("task:b", "time.sleep(30) if first else None\nx.append(2)"),
        ("task:c", "print(x)"),
    )

    def kill() -> None:
        while not mark.exists():
            time.sleep(0.02)
        the_one().process.kill()

    killer = threading.Thread(target=kill)
    killer.start()
    result = work.run()
    killer.join()

    assert result.error is None, str(result.error)
    assert {task.name: task.status for task in result.tasks} == dict.fromkeys("abc", "done")
    assert "[1, 2]" in result.notebook.read_text()


@pytest.mark.parametrize("mode", ["forked", "ordinary"])
def test_a_run_with_either_kind_of_kernels(mode: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NBPROD_KERNELS", mode)

    result = Work(tmp_path, *CHAIN).run()

    assert result.error is None, str(result.error)
    assert "[1, 2, 3]" in result.notebook.read_text()
    assert bool(prepared._all) == (mode == "forked")


def test_where_there_is_no_fork_kernels_start_as_usual(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "darwin")

    with pytest.raises(NotForked, match="on Linux only"):
        prepared.prepare([sys.executable, "-m", "ipykernel_launcher", "-f", "x"], os.environ, Desire())


def test_where_python_has_no_fork_kernels_start_as_usual(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(os, "fork")
    kernel = begin(tmp_path)
    try:
        assert not isinstance(kernel.alive.process, ForkedKernel)
        assert ask(kernel, "print(1)") == "1\n"
    finally:
        kernel.discard()


def test_another_kind_of_kernel_is_left_alone() -> None:
    with pytest.raises(NotForked, match="no IPython kernel"):
        prepared.prepare(["R", "--slave", "-e", "IRkernel::main()", "--args", "x"], os.environ, Desire())


# Which modules are imported ahead

MODULES = {
    "plain": "value = 1",
    "starts_thread": "import threading, time\nthreading.Thread(target=time.sleep, args=(60,), daemon=True).start()",
    "prints": "print('hello')",
    "warns": "import warnings\nwarnings.warn('old')",
    "asks": "from IPython import get_ipython\nshell = get_ipython()",
    "sets_env": "import os\nos.environ['X_AHEAD'] = '1'",
    "changes_folder": "import os\nos.chdir('/')",
    "handles": "import signal\nsignal.signal(signal.SIGTERM, lambda *_: None)",
    "draws": "import random\nrandom.random()",
    "raises": "raise ValueError('broken')",
    "exits": "import os\nos._exit(3)",
    "hangs": "import time\ntime.sleep(60)",
    "opens": "file = open('/etc/hostname')",
    "hangs_when_forked": "import os, time\nos.register_at_fork(after_in_child=lambda: time.sleep(60))",
}
REASONS = {
    "plain": "",
    "starts_thread": "it starts 1 threads",
    "prints": "it prints when it is imported",
    "warns": "it warns: old",
    "asks": "asks asks for the shell when it is imported",
    "sets_env": "it changes the environment",
    "changes_folder": "it changes the current folder",
    "handles": "it changes signal handlers",
    "draws": "it draws from `random` when it is imported",
    "raises": "ValueError: broken",
    "exits": "it ends the process",
    "hangs": "it takes longer than 3 s to import",
    "opens": "it changes what is open",
    "hangs_when_forked": "what is forked after it hangs",
}


def test_a_module_is_imported_ahead_only_where_nothing_can_tell(tmp_path: Path) -> None:
    site = tmp_path / "site"
    site.mkdir()
    for name, source in MODULES.items():
        (site / f"{name}.py").write_text(source)
    runtime = Path(forked.SERVER).parent
    code = f"""
        import sys, json
        sys.path[:0] = [{str(runtime)!r}, {str(site)!r}]
        import forksafe
        real = forksafe.forked
        forksafe.forked = lambda: real(1.0)
        forksafe.where = lambda name: ""
        print(json.dumps(forksafe.judge({sorted(MODULES)!r}, 3)))
    """

    done = subprocess.run([sys.executable, "-c", textwrap.dedent(code)], capture_output=True, text=True, check=True)

    assert json.loads(done.stdout) == REASONS


LOADED = "import sys, os; print([name for name in ('numpy', 'this') if name in sys.modules], os.getppid())"


def test_what_was_never_tried_is_there_for_the_first_kernel_if_the_trial_goes_well(tmp_path: Path) -> None:
    kernel = begin(tmp_path, Desire(frozenset({"numpy"})))
    one = the_one()
    loaded, parent = ask(kernel, LOADED).rsplit(" ", 1)

    assert loaded == "['numpy']"
    assert Verdicts(sys.executable).read() == {"numpy": ""}
    assert int(parent) != one.process.pid, "it is the copy that has imported meanwhile"

    os.kill(one.process.pid, signal.SIGKILL)
    kernel.alive.process.wait(10)
    assert one.failure is not None
    deadline = time.monotonic() + 10
    while forked.runs(int(parent)) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not forked.runs(int(parent))
    kernel.discard()


def test_what_a_trial_refuses_no_kernel_has_and_the_first_one_does_not_wait_for_the_rest(tmp_path: Path) -> None:
    wanted = Desire(frozenset({"numpy", "this"}))  # `this` prints
    first = begin(tmp_path, wanted)
    assert the_one().wait_until_tried()
    second = begin(tmp_path, wanted)

    assert "this" not in ask(first, LOADED)
    assert ask(second, LOADED).startswith("['numpy'] ")
    assert the_one().refused == {"this": "it prints when it is imported"}
    for kernel in (first, second):
        kernel.discard()


def test_a_trial_ends_with_who_wanted_it(tmp_path: Path) -> None:
    one = prepared.prepare([sys.executable, "-m", "ipykernel_launcher"], os.environ, Desire(frozenset({"pandas"})))
    process = one.process
    assert isinstance(process, subprocess.Popen)
    family: set[str] = set()
    deadline = time.monotonic() + 20
    while len(family) < 2 and time.monotonic() < deadline:
        family = set(Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split())
    one.close()

    assert len(family) >= 2
    deadline = time.monotonic() + 20
    while any(forked.runs(int(pid)) for pid in family) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not [pid for pid in family if forked.runs(int(pid))]


def test_a_projects_own_modules_are_never_imported_ahead(tmp_path: Path) -> None:
    (tmp_path / "helper.py").write_text("value = 1")
    runtime = Path(forked.SERVER).parent
    code = f"import sys; sys.path[:0] = [{str(runtime)!r}, {str(tmp_path)!r}]; import forksafe; print(forksafe.where('helper'), '|', forksafe.where('numpy.linalg'))"

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert done.stdout.strip() == "it is no installed distribution |"


@pytest.mark.parametrize(
    ("source", "modules", "may_draw"),
    [
        ("import numpy as np, os.path\nfrom sklearn.tree import X", {"numpy", "os.path", "sklearn.tree"}, True),
        ("def f():\n    import pandas", {"pandas"}, True),
        ("import numpy\nimport random\nrandom.seed(3)", {"numpy", "random"}, False),
        ("import numpy\nnumpy.random.seed(3)", {"numpy"}, True),
        ("import os\nos.environ['OMP_NUM_THREADS'] = '1'\nimport numpy", set(), False),
        ("%env A=1\nimport numpy", set(), False),
        ("import sys, numpy\nprint('numpy' in sys.modules)", set(), False),
    ],
)
def test_what_a_notebook_imports_is_imported_ahead_unless_it_could_tell(
    source: str, modules: set[str], may_draw: bool, tmp_path: Path
) -> None:
    found = desire_of(Work(tmp_path, ("task:a", source)).pipeline)

    assert found == Desire(frozenset(modules), may_draw)


def test_a_plan_says_where_kernels_come_from_and_what_is_imported_ahead(tmp_path: Path) -> None:
    kernel = kernels.find_kernel("python3")
    cells = [
        ("task:a", "import numpy, keras, tomllib\nimport random\nrandom.seed(1)"),
        ("task:b", "1"),
        ("task:c", "2"),
    ]
    Verdicts(kernel.executable).add({"numpy": "", "keras": "it changes the environment", "random": DRAWS})

    assert explain(Work(tmp_path, *cells).pipeline, kernel) == [
        "kernels are forked from a prepared process",
        "imported ahead: numpy",
        "tried during the next run: tomllib",
        "not imported ahead: keras (it changes the environment)",
        "not imported ahead: random (it draws from `random` when it is imported, and the notebook seeds it)",
    ]
    assert explain(Work(tmp_path, *cells[:2]).pipeline, kernel) == [
        "kernels start as usual: 2 tasks are too few for another way to pay"
    ]


def test_what_the_trial_says_is_what_the_plan_knows() -> None:
    assert f'DRAWS = "{DRAWS}"' in (Path(forked.SERVER).parent / "forksafe.py").read_text()


def test_verdicts_are_forgotten_when_a_package_changes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    site = tmp_path / "site"
    site.mkdir()
    monkeypatch.setattr("nbprod.execution.verdicts._site_folders", lambda _: (str(site),))
    Verdicts("python").add({"a": ""})
    before = Verdicts("python").read()
    (site / "a-2.0.dist-info").mkdir()

    assert before == {"a": ""}
    assert Verdicts("python").read() == {}


# Kernels ahead of need


def test_a_pool_starts_no_more_kernels_than_are_wanted(tmp_path: Path) -> None:
    wish = Wish("python3", str(tmp_path), kernels.environment(), Desire())
    pool = Pool(wish, ahead=2)
    pool.expect(3)
    taken = []
    for _ in range(3):
        kernel = pool.take()
        assert kernel is not None
        taken.append(kernel)
    time.sleep(0.3)
    try:
        assert pool.take() is None
    finally:
        pool.close()
        for kernel in taken:
            kernel.discard()


def test_where_memory_is_low_one_kernel_at_most_is_ahead(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "is_low", lambda: True)
    pool = Pool(Wish("python3", str(tmp_path), kernels.environment(), Desire()), ahead=3)
    pool.expect(3)
    while not pool._kernels:
        time.sleep(0.01)
    time.sleep(0.5)
    try:
        assert len(pool._kernels) == 1
        taken = pool.take()
        assert taken is not None
        taken.discard()
    finally:
        pool.close()


def test_a_pool_leaves_nothing_behind(tmp_path: Path) -> None:
    pool = Pool(Wish("python3", str(tmp_path), kernels.environment(), Desire()), ahead=2)
    pool.expect(5)
    while len(pool._kernels) < 2:
        time.sleep(0.01)
    there = list(pool._kernels)

    pool.close()

    for kernel in there:
        kernel.alive.process.wait(5)
        assert not Path(kernel.folder).exists()


def test_a_kernel_that_died_while_it_waited_is_not_handed_out(tmp_path: Path) -> None:
    wish = Wish("python3", str(tmp_path), kernels.environment(), Desire())
    pool = Pool(wish, ahead=1)
    pool.expect(1)
    while not pool._kernels:
        time.sleep(0.01)
    dead = pool._kernels[0]
    os.kill(dead.alive.process.pid, signal.SIGKILL)
    dead.alive.process.wait(5)
    try:
        found = pool.take()
        assert found is None or found is not dead
        if found is not None:
            found.discard()
    finally:
        pool.close()


def test_a_kernel_that_ends_while_its_prepared_process_imports_is_no_sign_that_this_one_hangs(tmp_path: Path) -> None:
    kernel = begin(tmp_path)
    one, process = the_one(), kernel.alive.process
    os.kill(one.process.pid, signal.SIGSTOP)  # it answers nothing, as while it imports
    one._importing, one._importing_since = True, time.monotonic()
    try:
        os.kill(process.pid, signal.SIGKILL)
        time.sleep(0.1)
        assert process.poll() is None
        assert one.failure is None
    finally:
        os.kill(one.process.pid, signal.SIGCONT)

    assert process.wait(10) == -signal.SIGKILL
    kernel.discard()
