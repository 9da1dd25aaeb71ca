"""The command line as a whole: its start, its help, and what an error becomes."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import click
import pytest

from nbprod.cli import app, main
from nbprod.cli.app import COMMANDS, Commands
from nbprod.errors import Location, NbprodError
from nbprod.execution.records import Records
from nbprod.project import Project

HEAVY = {
    "pandas",
    "numpy",
    "papermill",
    "ploomber",
    "bentoml",
    "optuna",
    "sklearn",
    "keras",
    "jax",
    "pyarrow",
    "nbconvert",
}
HEAVY |= {"nbformat", "sqlalchemy", "psycopg", "rich", "pydantic", "jupyter_client", "IPython", "zmq", "asyncio"}
OWN = {"nbprod", "click"}
"""What every command may import, besides the standard library."""
RECORDS = OWN | {"peewee", "playhouse"}
"""What a command that reads the records may import."""


def imported(*arguments: str, cwd: Path | None = None) -> set[str]:
    """Return the top-level modules that are there when the command has ended, well."""
    code = "import sys; from nbprod.cli import main; code = main(sys.argv[1:]); print(chr(10), *sys.modules); sys.exit(code)"
    done = subprocess.run([sys.executable, "-c", code, *arguments], capture_output=True, text=True, check=True, cwd=cwd)
    names = {name.partition(".")[0] for name in done.stdout.splitlines()[-1].split()}
    bare = subprocess.run(
        [sys.executable, "-c", "import sys; print(*sys.modules)"], capture_output=True, text=True, check=True, cwd=cwd
    )
    there = {name.partition(".")[0] for name in bare.stdout.split()}  # what a .pth file brings to every process
    return {name for name in names - there - set(sys.stdlib_module_names) if "cython" not in name} - {"rfc3987_syntax"}


def test_help_imports_the_standard_library_and_click(tmp_path):
    assert imported("--help", cwd=tmp_path) <= OWN


def test_runs_imports_the_standard_library_click_and_peewee(tmp_path):
    """With a list of 0.2 s after Python's own start, nothing that is added here goes unnoticed."""
    Records.open(Project(tmp_path)).start_run("p", "p.ipynb", {})
    assert imported("runs", cwd=tmp_path) <= RECORDS
    assert imported("show", cwd=tmp_path) <= RECORDS

    (tmp_path / "pipelines.yaml").write_text("pipelines: {p: p.ipynb}\n")
    assert imported("runs", cwd=tmp_path) <= RECORDS | {"yaml", "_yaml"}


@pytest.mark.parametrize("listed", [False, True])
def test_plan_and_a_run_that_finds_nothing_to_do_import_nothing_heavy(nbprod, listed):
    nbprod.notebook(("task:a", "x = 1"), ("task:b", "y = x"))
    if listed:
        nbprod.config("pipelines: {a: a.ipynb}")
    else:
        (nbprod.path / "pipelines.yaml").unlink()
    assert nbprod("run", "a.ipynb").code == 0

    for command in ("plan", "run"):
        assert imported(command, "a.ipynb", cwd=nbprod.path) & HEAVY <= ({"pydantic"} if listed else set())


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_says_what_it_does_and_speaks_json(name, capsys):
    assert main([name, "--help"]) == 0

    out = capsys.readouterr().out
    assert "--json" in out
    assert "Usage: nbprod " + name in out


def test_a_command_that_does_not_exist_is_told_with_the_nearest_one(capsys):
    assert main(["chek"]) == 2

    assert "No such command 'chek'. Did you mean 'check'?" in capsys.readouterr().err


def test_python_dash_m_is_the_same_command():
    run = subprocess.run([sys.executable, "-m", "nbprod", "--version"], capture_output=True, text=True, check=True)

    assert run.stdout.startswith("nbprod ")


@pytest.fixture
def failing(monkeypatch, tmp_path):
    """Have `nbprod check` raise this error."""
    monkeypatch.chdir(tmp_path)

    def install(error: BaseException) -> None:
        @click.command(context_settings={"ignore_unknown_options": True})
        @click.argument("_", nargs=-1)
        def command(_):
            raise error

        monkeypatch.setattr(Commands, "get_command", lambda *_: command)

    return install


class Special(NbprodError):
    exit_code = 9


def test_an_expected_error_is_told_without_traceback_with_its_exit_code(failing, capsys):
    failing(Special("it is too big", where=Location(file="a.ipynb", cell=3, line=2), fix="Make it smaller."))

    assert main(["check"]) == 9

    out, err = capsys.readouterr()
    assert out == ""
    assert err == "error: a.ipynb, cell 3, line 2: it is too big\n  Make it smaller.\n"


def test_json_errors_are_one_json_object(failing, capsys):
    failing(Special("it is too big", where=Location(file="a.ipynb", cell=3), fix="Make it smaller."))

    assert main(["check", "--json"]) == 9

    assert json.loads(capsys.readouterr().out) == {
        "error": {
            "kind": "Special",
            "what": "it is too big",
            "where": {"file": "a.ipynb", "cell": 3},
            "fix": "Make it smaller.",
        }
    }


def test_debug_shows_the_traceback_of_an_expected_error(failing, capsys):
    failing(Special("it is too big"))

    assert main(["check", "--debug"]) == 9

    assert "Traceback" in capsys.readouterr().err


def test_an_unexpected_error_is_short_and_its_traceback_kept(failing, capsys, tmp_path):
    failing(ZeroDivisionError("division by zero"))

    assert main(["check", "wine"]) == app.EXIT_UNEXPECTED

    err = capsys.readouterr().err
    (log,) = (tmp_path / ".nbprod" / "errors").iterdir()
    assert (
        err
        == f"error: nbprod itself failed: ZeroDivisionError: division by zero\n  The traceback is in .nbprod/errors/{log.name}\n".replace(
            log.name + "\n", log.name + ".\n"
        )
    )
    text = log.read_text()
    assert "nbprod check wine" in text
    assert "Traceback" in text


@pytest.mark.parametrize("error", [KeyboardInterrupt(), click.Abort()])
def test_an_interrupt_exits_as_the_shell_expects(failing, capsys, error):
    failing(error)

    assert main(["check"]) == 130

    assert capsys.readouterr().err.strip() == "cancelled"


def test_a_closed_pipe_is_no_error():
    """`nbprod schema | head -1` prints one line and nothing else."""
    command = f"{sys.executable} -m nbprod schema | head -1"

    run = subprocess.run(["bash", "-c", command], capture_output=True, text=True, check=True)

    assert (run.stdout, run.stderr) == ("{\n", "")
