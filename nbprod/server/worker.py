"""The process of a job: `python -m nbprod.server.worker FOLDER` runs the command line that the folder's `job.json` names.

It is started, or forked from the project's worker (`nbprod/worker/`), which then has it claim the job first: whoever asked may have given
up waiting and started the job itself.

It outlives the server, so it writes down itself what the server is to know: each line that the command prints in `events.jsonl`, and
how it ended in `ended.json`.
"""

from __future__ import annotations

import importlib
import io
import json
import os
import signal
import sys
import threading
import time
from pathlib import Path
from typing import Any

from nbprod.execution.atomic import write_text
from nbprod.execution.processes import me
from nbprod.server.folder import claim_job

CANCELLED = 130


class Lines(io.TextIOBase):
    """Standard output of the command: a JSON value in any layout becomes one line of the file, other text an `output` event."""

    encoding = "utf-8"
    errors = "backslashreplace"

    def __init__(self, path: Path) -> None:
        self._file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        self._lock = threading.Lock()
        self.count = 0
        self.run: str | None = None
        self.sweep: str | None = None
        self.last: Any = None

    def writable(self) -> bool:
        return True

    def write(self, text: str) -> int:
        """Append what was printed at once."""
        if not isinstance(text, str):
            raise TypeError("this stream takes text")
        if text.strip():
            try:
                value = json.loads(text)
            except ValueError:
                value = {"event": "output", "text": text}
            self.add(value)
        return len(text)

    def add(self, value: Any) -> None:
        """Append one value."""
        if not isinstance(value, dict):
            value = {"event": "output", "value": value}
        line = json.dumps(value, ensure_ascii=False).encode("utf-8", "backslashreplace") + b"\n"
        with self._lock:
            if value.get("event") == "run-started":
                self.run = self.run or value["run"]
            if value.get("event") == "sweep-started":
                self.sweep = value["sweep"]
            self.last = value
            self.count += 1
            while line:
                line = line[os.write(self._file, line) :]


def main(folder: Path, *, claim: bool = False) -> int:
    """Run the command of a job and return its exit code; with `claim`, only if nobody else does."""
    if claim and not claim_job(folder):
        return 0
    # whoever started the server in the background may have had Ctrl-C ignored; a job is always stopped by it
    signal.signal(signal.SIGINT, signal.default_int_handler)
    job = json.loads((folder / "job.json").read_text("utf-8"))
    host, pid, started = me()
    write_text(folder / "process.json", json.dumps({"host": host, "pid": pid, "started": started}))
    lines = Lines(folder / "events.jsonl")
    sys.stdout = lines
    sys.argv = ["nbprod", *job["arguments"]]
    code: object = 0
    try:
        if (folder / "stop.json").exists():
            raise KeyboardInterrupt
        # by its name: the server imports nothing of the command line. Given its arguments, a command is done here, in this
        # process, and comes back; without, it may have a worker do it, or end the process by itself
        code = importlib.import_module("nbprod.cli").main(job["arguments"])
    except SystemExit as error:
        code = error.code
    except KeyboardInterrupt:
        code = CANCELLED
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    number = code if isinstance(code, int) else int(code is not None)
    ended = ended_of(number, lines.last, _tail(folder / "stderr.log"))
    status = ended["status"]
    ended |= {"events": lines.count + 1, "run": lines.run, "sweep": lines.sweep, "finished": time.time()}
    write_text(folder / "ended.json", json.dumps(ended))
    lines.add({"event": "job-ended", "status": status, "code": number})
    return number


def ended_of(code: int, last: Any, stderr: str) -> dict[str, Any]:
    """Return how a command ended: its exit code, and its result or its error, from the last value that it printed."""
    said = last if isinstance(last, dict) else {}
    if code == 0:
        return {"code": code, "status": "done", "result": said or None, "error": None}
    status = "cancelled" if code == CANCELLED else "failed"
    error: dict[str, Any] | None = None
    if isinstance(said.get("error"), dict):
        where = said["error"].get("where") or {}
        error = {"what": said["error"]["what"], "fix": said["error"].get("fix"), **where}
    elif said.get("errors"):
        first = said["errors"][0]
        keys = ("what", "fix", "file", "task", "cell", "line")
        error = {"what": first["message"], **{key: first[key] for key in keys if first.get(key) is not None}}
    elif status == "failed":
        error = {"what": stderr or f"the command ended with exit code {code}"}
    return {"code": code, "status": status, "result": said if "event" in said else None, "error": error}


def _tail(path: Path) -> str:
    """Return the last words that the command said on standard error."""
    text = path.read_text("utf-8", "replace") if path.exists() else ""
    return "\n".join(text.strip().splitlines()[-4:])


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), claim="--claim" in sys.argv[2:]))
