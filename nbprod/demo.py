"""`make demo`: the wine notebook from its tags to a service that answers, and the answer compared with the notebook's own.

Everything goes through the command line, as a user would do it; what it says is in `--json`.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from nbprod.project import shown

PIPELINE = "wine"
TRIALS = 12


def main() -> int:
    """Run the demonstration in the current project and return the exit code."""
    began = time.monotonic()
    print(f"nbprod's demonstration: {PIPELINE}, from notebook to service\n")
    with step("check") as say:
        report = nbprod("check", PIPELINE)[0][0]
        problems = [one for one in report["problems"] if one["severity"] != "info"]
        say(f"{report['notebook']}: {len(report['tasks'])} tasks, {len(problems)} problems")
        for task in report["tasks"]:
            takes = ", ".join(task["inputs"]) or "nothing"
            say(f"  {task['name']}: takes {takes}"[:110])
    with step("run") as say:
        events = nbprod("run", PIPELINE)
        for event in events:
            if event["event"] == "task-finished":
                say(f"  {event['task']}: {event['status']}, {event['seconds']:.2f} s ({event['reason']})"[:110])
        say(f"metrics: {metrics(events[-1]['metrics'])}")
        run = nbprod("show", events[-1]["run"], "--report")[0]
    with step(f"sweep of {TRIALS} trials") as say:
        sweep = nbprod("sweep", PIPELINE, "--trials", str(TRIALS))[-1]
        best = next(one for one in sweep["trials"] if one["number"] == sweep["best"])
        tasks = sum(sum(one["tasks"].values()) for one in sweep["trials"])
        ran = sum(one["tasks"].get("done", 0) for one in sweep["trials"])
        say(f"{len(sweep['trials'])} trials of {tasks} tasks in all, of which {ran} had to run")
        say(f"best: trial {best['number']}, {metrics(best['metrics'])}")
        say(f"      with {metrics({name: best['parameters'][name] for name in sweep['plan']['space']})}")
    with step("promote the best") as say:
        events = nbprod("promote", PIPELINE, "--run", best["run"])
        for event in events[:-1]:
            say(f"  {event['step']}: {event['detail']}"[:110])
        version = events[-1]
        say(f"{version['name']} in {shown(Path(version['path']))}"[:110])
    with step("serve") as say:
        service = nbprod("serve", PIPELINE)[0]
        say(f"{service['model']} answers at {service['url']}")
    try:
        with step("predict") as say:
            answer = nbprod("predict", PIPELINE, "--sample")[0]
            say(f"answer over HTTP: {json.dumps(answer['answer'])}"[:110])
        with step("compare with the notebook in a fresh kernel") as say:
            own = notebooks_own_answer(Path(report["notebook"]), best["parameters"])
            say(f"the notebook's:   {json.dumps(own)}"[:110])
            if own != answer["answer"]:
                print("THEY DIFFER")
                return 1
            say("they are equal")
    finally:
        with step("stop the service"):
            nbprod("serve", PIPELINE, "--stop")
    print(f"\nall of it in {time.monotonic() - began:.1f} s; the run's report: {shown(Path(run['report']))}")
    return 0


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


def metrics(values: dict[str, Any]) -> str:
    return ", ".join(
        f"{name} {value:.4g}" if isinstance(value, float) else f"{name} {value}" for name, value in values.items()
    )


@contextmanager
def step(title: str) -> Iterator[Any]:
    """Print a step with what it says and the time it took."""
    began = time.monotonic()
    lines: list[str] = []
    try:
        yield lines.append
    finally:
        print(f"{title}: {time.monotonic() - began:.1f} s", flush=True)
        for line in lines:
            print(f"    {line}", flush=True)


if __name__ == "__main__":
    raise SystemExit(main())
