"""`make demo`: the wine notebook from its tags to a service that answers, and the answer compared with the notebook's own.

Everything goes through the command line, as a user would do it; what it says is in `--json`.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from nbprod.cli.common import number
from nbprod.project import shown

PIPELINE = "wine"
TRIALS = 12
WIDTH = 120


def main() -> int:
    """Run the demonstration in the current project and return the exit code."""
    began = time.monotonic()
    with step("check") as say:
        report = nbprod("check", PIPELINE)[0][0]
        problems = [one for one in report["problems"] if one["severity"] != "info"]
        names = ", ".join(task["name"] for task in report["tasks"])
        say(f"{report['notebook']}: tasks {names}; {len(problems) or 'no'} problems")
    with step("run") as say:
        events = nbprod("run", PIPELINE)
        ended = [event for event in events if event["event"] == "task-finished"]
        say(", ".join(f"{one['task']} {_took(one)}" for one in ended))
        say(listed(events[-1]["metrics"]))
        run = nbprod("show", events[-1]["run"], "--report")[0]
    with step("sweep") as say:
        sweep = nbprod("sweep", PIPELINE, "--trials", str(TRIALS))[-1]
        best = next(one for one in sweep["trials"] if one["number"] == sweep["best"])
        tasks = sum(sum(one["tasks"].values()) for one in sweep["trials"])
        ran = sum(one["tasks"].get("done", 0) for one in sweep["trials"])
        say(f"{len(sweep['trials'])} trials, {tasks} tasks in all: {ran} had to run, the others were shared")
        values = listed({name: best["parameters"][name] for name in sweep["plan"]["space"]})
        say(f"best, with {values}: {listed(best['metrics'])}")
    with step("promote") as say:
        *steps, version = nbprod("promote", PIPELINE, "--run", best["run"])
        say("; ".join(f"{one['step']}: {one['detail']}" for one in steps if one["step"] in {"gate", "parity"}))
        say(f"{version['name']}, in {shown(Path(version['path']))}")
    try:
        with step("serve") as say:
            service = nbprod("serve", PIPELINE)[0]
            say(f"{service['model']} answers at {service['url']}")
        with step("predict") as say:
            answer = nbprod("predict", PIPELINE, "--sample")[0]["answer"]
            say(f"over HTTP: {json.dumps(answer)}")
        with step("compare") as say:
            own = notebooks_own_answer(Path(report["notebook"]), best["parameters"])
            say(f"notebook:  {json.dumps(own)}")
            say(
                "equal: the service answers what the notebook does in a fresh kernel"
                if own == answer
                else "THEY DIFFER"
            )
    finally:
        with step("stop"):
            nbprod("serve", PIPELINE, "--stop")
    print(f"{'all':<8}{time.monotonic() - began:6.1f} s  the run's report: {shown(Path(run['report']))}")
    return int(own != answer)


def nbprod(*arguments: str) -> list[Any]:
    """Run a command of nbprod and return the JSON values that it printed; end the demonstration if it fails."""
    command = [sys.executable, "-m", "nbprod", *arguments, "--json"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    values = list(_values(done.stdout))
    if done.returncode:
        error = values[-1].get("error") if values and isinstance(values[-1], dict) else None
        message = f"{error['what']}\n  {error['fix']}" if isinstance(error, dict) else done.stdout[-500:] + done.stderr
        raise SystemExit(f"nbprod {' '.join(arguments)} failed with {done.returncode}: {message}")
    return values


def _values(text: str) -> Iterator[Any]:
    decoder = json.JSONDecoder()
    at = 0
    while text[at:].strip():
        at += len(text[at:]) - len(text[at:].lstrip())
        value, at = decoder.raw_decode(text, at)
        yield value


def notebooks_own_answer(notebook: Path, parameters: dict[str, Any]) -> Any:
    """Run the notebook top to bottom in one fresh kernel with these parameters, without nbprod, and return what its
    last expression, the sample call in the `serve` cell, gives.
    """
    import nbformat
    from nbclient import NotebookClient

    nb = nbformat.read(notebook, as_version=4)
    for cell in nb.cells:
        if "parameters" in cell.metadata.get("tags", ()):
            cell.source += "".join(f"\n{name} = {value!r}" for name, value in parameters.items())
    nb.cells.append(nbformat.v4.new_code_cell("print(_.to_json(orient='records'))"))
    quiet = ["--log-level=40"]  # the kernel warns of its own transport
    NotebookClient(nb, extra_arguments=quiet, resources={"metadata": {"path": str(notebook.parent)}}).execute()
    return json.loads(nb.cells[-1].outputs[0].text)


def listed(values: dict[str, Any]) -> str:
    """Return names and values on a line, numbers in four digits."""
    return ", ".join(f"{name} {number(value)}" for name, value in values.items())


def _took(event: dict[str, Any]) -> str:
    return "cached" if event["status"] == "cached" else f"{event['seconds']:.1f} s"


@contextmanager
def step(title: str) -> Iterator[Callable[[str], None]]:
    """Print a step's name, the time it took, and beside it what it says."""
    began = time.monotonic()
    lines: list[str] = []
    yield lines.append
    head = f"{title:<8}{time.monotonic() - began:6.1f} s  "
    for line in lines or [""]:
        print((head + line)[:WIDTH].rstrip(), flush=True)
        head = " " * len(head)


if __name__ == "__main__":
    raise SystemExit(main())
