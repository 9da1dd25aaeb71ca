"""The `nbprod` command: its list of commands, and what an error becomes."""

from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Sequence
from pathlib import Path

import click

from nbprod import __version__
from nbprod.errors import NbprodError
from nbprod.execution import libraries
from nbprod.execution.ending import leave

EXIT_UNEXPECTED = 70
"""`EX_SOFTWARE` of sysexits.h: nbprod itself failed."""

BY_WORKER = (["run"], ["sweep"])
"""Commands that a worker does faster, by the imports that they need not make."""

EPILOG = """\b
Exit codes: 0 done, 1 something to put right (its message says what), 2 wrong usage, 3 the gate is not met, 4 the
service does not answer what the run did, 5 drift, 70 nbprod itself failed, 130 cancelled.
"""

# Each command's module is imported when it is called: `nbprod --help` reads this table only.
COMMANDS = {
    "check": ("check:check", "Say what a notebook is as a pipeline, and what is wrong with it."),
    "tag": ("tag:tag", "List, propose, add or remove the tags of cells."),
    "plan": ("run:plan", "Say for every task whether it would run, and why."),
    "run": ("run:run", "Run a pipeline; tasks with nothing changed are not repeated."),
    "sweep": ("sweep:sweep", "Search over parameter values."),
    "runs": ("records:runs", "List runs, newest first."),
    "show": ("records:show", "Show one run, or a model version."),
    "explore": ("explore:explore", "Make a notebook in which a task's inputs are loaded."),
    "promote": ("promote:promote", "Turn a run's model into a checked model version."),
    "models": ("models:models", "List model versions and their services; approve, name or note them."),
    "diff": ("versions:diff", "Say what differs between two model versions."),
    "rollback": ("models:rollback", "Make an earlier model version the champion again."),
    "lineage": ("versions:lineage", "Say where an answer or a model version comes from."),
    "serve": ("service:serve", "Start the service of a model version, or stop it."),
    "predict": ("service:predict", "Ask a running service."),
    "export": ("export:export", "Write a version as an image, manifests, a stack with monitoring, or a model file."),
    "monitor": ("monitor:monitor", "Compare what a service was asked with what its model was made from."),
    "watch": (
        "watch:watch",
        "Train again when data, time, drift or feedback say so, and let the better model take over.",
    ),
    "worker": ("worker:worker", "Keep a process ready, so that runs and sweeps in this project begin at once."),
    "gc": ("records:gc", "Delete what no kept run or model needs."),
    "schema": ("schema:schema", "Print the JSON Schema of pipelines.yaml."),
}


class Commands(click.Group):
    """A group that imports a command's module only when the command is called."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        module, name = COMMANDS[cmd_name][0].split(":")
        command = getattr(importlib.import_module(f"nbprod.cli.{module}"), name)
        assert isinstance(command, click.Command)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, text) for name, (_, text) in COMMANDS.items()])

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        try:
            return super().resolve_command(ctx, args)
        except click.UsageError as error:
            import difflib

            close = difflib.get_close_matches(args[0], COMMANDS, n=1)
            hint = f" Did you mean '{close[0]}'?" if close else " 'nbprod --help' lists the commands."
            raise click.UsageError(f"No such command '{args[0]}'.{hint}", ctx=ctx) from error


@click.group(
    cls=Commands, epilog=EPILOG, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 120}
)
@click.version_option(__version__, prog_name="nbprod", message="%(prog)s %(version)s")
def nbprod() -> None:
    """Takes a tagged Jupyter notebook to production.

    PIPELINE is a name of pipelines.yaml, or the path of a notebook; it may be left out where there is only one.
    """


def main(args: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit code; without `args`, as a process does, it may end that itself."""
    code = _run(args)
    if args is None and "ploomber" in sys.modules:
        leave(code)
    return code


def _run(args: Sequence[str] | None) -> int:
    # jsonschema builds this grammar whenever nbformat is imported, 1.7 s for a format that no notebook has; this process is ours
    sys.modules.setdefault("rfc3987_syntax", None)  # type: ignore[arg-type]
    libraries.alone = True
    try:
        done = _by_worker() if args is None else None
        if done is not None:
            return done
        result = nbprod.main(args, prog_name="nbprod", standalone_mode=False)
    except click.exceptions.Abort:
        click.echo("cancelled", err=True)
        return 130
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except NbprodError as error:
        return _explained(error, list(args) if args is not None else sys.argv[1:])
    except KeyboardInterrupt:
        click.echo("cancelled", err=True)
        return 130
    except BrokenPipeError:
        # the reader (`| head`) has gone; the interpreter must not find out again when it flushes at exit
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except Exception as error:  # noqa: BLE001  (the last one: said in one line, kept in full)
        return _unexpected(error, list(args) if args is not None else sys.argv[1:])
    return result if isinstance(result, int) else 0


def _by_worker() -> int | None:
    """Have the project's worker do the command, if it is one that pays and there is one; return its exit code."""
    if not sys.platform.startswith("linux") or sys.argv[1:2] not in BY_WORKER or {"-h", "--help"} & set(sys.argv):
        return None
    from nbprod.project import Project
    from nbprod.worker.terminal import by_worker

    return by_worker(Project.find().root, sys.argv[1:])


def _explained(error: NbprodError, args: list[str]) -> int:
    if "--debug" in args:
        import traceback

        traceback.print_exception(error)
    if "--json" in args:
        import json

        where = {key: value for key, value in vars(error.where).items() if value is not None}
        value = {"kind": type(error).__name__, "what": error.what, "where": where, "fix": error.fix}
        click.echo(json.dumps({"error": value}))
    else:
        click.echo(f"{click.style('error', fg='red')}: {error}", err=True)
    return error.exit_code


def _unexpected(error: Exception, args: list[str]) -> int:
    import traceback

    if "--debug" in args:
        traceback.print_exception(error)
        return EXIT_UNEXPECTED
    summary = f"{type(error).__name__}: {error}".splitlines()[0].rstrip(": ")
    kept = _keep_traceback(error, args)
    click.echo(f"{click.style('error', fg='red')}: nbprod itself failed: {summary}", err=True)
    click.echo(f"  The traceback is in {kept}." if kept else "  --debug shows the traceback.", err=True)
    return EXIT_UNEXPECTED


def _keep_traceback(error: Exception, args: list[str]) -> Path | None:
    import traceback
    from datetime import UTC, datetime

    from nbprod.project import Project, shown

    try:
        folder = Project.find().make_state() / "errors"
        folder.mkdir(exist_ok=True)
        path = folder / f"{datetime.now(UTC):%Y-%m-%dT%H%M%S}-{os.getpid()}.log"
        text = "".join(traceback.format_exception(error))
        path.write_text(f"nbprod {__version__}, Python {sys.version}\nnbprod {' '.join(args)}\n\n{text}")
    except OSError:
        return None  # a full or read-only disk: the caller points to --debug
    return Path(shown(path))
