"""The Papermill engine `nbprod`: Papermill's own, but truthful about what happened and careful with the file.

`papermill --engine nbprod in.ipynb out.ipynb` works by itself (`alone.py`). This is the one module that knows Papermill.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import logging
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import nbformat
from nbclient.exceptions import CellExecutionError, CellTimeoutError
from nbformat import NotebookNode, from_dict

from nbprod.execution import loop
from nbprod.execution.alone import desire_of_notebook
from nbprod.execution.atomic import write_text
from nbprod.execution.cancel import Cancel
from nbprod.execution.client import Client, KernelDied
from nbprod.execution.failure import Failure, Watcher
from nbprod.execution.literals import literal
from nbprod.execution.plugins import no_plugins
from nbprod.execution.starting import Share

with no_plugins():
    from papermill.engines import Engine, NotebookExecutionManager, papermill_engines
    from papermill.translators import PythonTranslator, papermill_translators

LANGUAGE = "nbprod-python"  # our name for it, so that Papermill's own translation stays as it is for everybody else

logger = logging.getLogger("papermill")


class Manager(NotebookExecutionManager):  # type: ignore[misc]
    """Keeps the notebook's state, and saves it whole or not at all, at the end and now and then in between.

    Papermill's own saves twice per cell, and marks cells complete that never ran.
    """

    ended = False
    last_save_time: dt.datetime

    def save(self, **_: Any) -> None:
        """Save if it is time to."""
        due = (
            self.autosave_cell_every and (self.now() - self.last_save_time).total_seconds() >= self.autosave_cell_every
        )
        if not (self.output_path and (due or self.ended)):
            return
        if "://" in self.output_path or self.output_path == "-":
            super().save()
        else:
            write_text(self.output_path, nbformat.v4.writes(self.nb))  # without checking all of it by the schema
        self.last_save_time = self.now()

    def notebook_complete(self, **_: Any) -> None:
        """Enter the times and save; what did not run stays pending."""
        self.end_time = self.now()
        state = self.nb.metadata.papermill
        state["end_time"] = self.end_time.isoformat()
        if state.get("start_time"):
            state["duration"] = (self.end_time - self.start_time).total_seconds()
        self.complete_pbar()
        self.cleanup_pbar()
        self.ended = True
        self.save()


class _Silence:
    """Watches nothing; passes printed text to Papermill's files and log when it was asked to."""

    def __init__(self, log_output: bool, stdout_file: Any, stderr_file: Any) -> None:
        self.log_output = log_output
        self.files = {"stdout": stdout_file, "stderr": stderr_file}

    def opened(self, nb: NotebookNode) -> None:
        pass

    def cell_started(self, index: int, cell: NotebookNode) -> None:
        pass

    def cell_finished(self, index: int, cell: NotebookNode) -> None:
        pass

    def printed(self, index: int, stream: str, text: str) -> None:
        file = self.files.get(stream)
        if file is not None:
            file.write(text)
            file.flush()
        if self.log_output:
            logger.log(logging.INFO if stream == "stdout" else logging.WARNING, text)

    def failed(self, failure: Failure) -> None:
        pass


class NbprodEngine(Engine):  # type: ignore[misc]
    """Runs a notebook in a kernel of its own that never outlives the run."""

    @classmethod
    def execute_notebook(
        cls,
        nb: NotebookNode,
        kernel_name: str,
        output_path: str | None = None,
        progress_bar: bool = True,
        log_output: bool = False,
        autosave_cell_every: int = 30,
        save_to: Path | None = None,
        **kwargs: Any,
    ) -> NotebookNode:
        """Run the notebook and save it however the run ends: to `save_to`, or where Papermill will save it too."""
        path = str(save_to) if save_to else output_path
        if "parameters" in nb.metadata.papermill:
            # as shown in the saved notebook; a set, say, is no JSON
            nb.metadata.papermill["parameters"] = {
                name: value if isinstance(value, str | int | float | None) else literal(value)
                for name, value in nb.metadata.papermill["parameters"].items()
            }
        manager = Manager(nb, path, log_output, progress_bar, autosave_cell_every)
        manager.notebook_start()
        try:
            cls.execute_managed_notebook(manager, kernel_name, log_output=log_output, **kwargs)
        finally:
            manager.notebook_complete()
        return manager.nb

    @classmethod
    def execute_managed_notebook(
        cls,
        nb_man: Manager,
        kernel_name: str,
        log_output: bool = False,
        stdout_file: Any = None,
        stderr_file: Any = None,
        start_timeout: int = 60,
        execution_timeout: float | None = None,
        watcher: Watcher | None = None,
        task_timeout: float | None = None,
        cancel: Cancel | None = None,
        env: Mapping[str, str] | None = None,
        log_path: Path | None = None,
        pool: Share | None = None,
        resources: dict[str, Any] | None = None,
        **kwargs: Any,
    ) -> None:
        """Run all cells up to the first that fails.

        Raises `KernelDied` (says how), nbclient's `CellTimeoutError`, `Cancelled`; a cell that raises is left to Papermill, which
        raises for it afterwards.
        """
        desire = None if watcher or pool else desire_of_notebook(nb_man.nb)
        watcher = watcher or _Silence(log_output, stdout_file, stderr_file)
        watcher.opened(nb_man.nb)
        # A cell that raises is shown by its outputs, which Papermill reads.
        with tempfile.TemporaryDirectory() as scratch, contextlib.suppress(CellExecutionError):
            client = Client(
                nb_man.nb,
                manager=nb_man,
                watcher=watcher,
                cancel=cancel,
                cell_timeout=execution_timeout or kwargs.get("timeout"),
                task_timeout=task_timeout,
                env=env,
                log_path=log_path or Path(scratch) / "kernel.log",
                pool=pool,
                desire=desire,
                kernel_name=kernel_name,
                startup_timeout=start_timeout,
                resources=resources or {},
                log=logger,
            )
            client.take_kernel()
            loop.run(client.run())


def execute(
    nb: NotebookNode,
    path: Path,
    *,
    kernel: str,
    folder: Path,
    parameters: Mapping[str, Any],
    watcher: Watcher,
    cancel: Cancel | None = None,
    task_timeout: float | None = None,
    cell_timeout: float | None = None,
    env: Mapping[str, str] | None = None,
    log_path: Path | None = None,
    pool: Share | None = None,
) -> bool:
    """Run a notebook through Papermill with `folder` as its working directory and save it as executed at `path`.

    Return whether all cells ran; the watcher has been told why when they did not. Raises `Cancelled`.
    """
    from papermill.parameterize import parameterize_notebook

    told = _Told(watcher)
    nb = _as_loaded(nb)
    if parameters:
        nb = parameterize_notebook(nb, dict(parameters), kernel_name=kernel, language=LANGUAGE, engine_name="nbprod")
    with contextlib.suppress(KernelDied, CellTimeoutError):
        papermill_engines.execute_notebook_with_engine(
            "nbprod",
            nb,
            kernel,
            progress_bar=False,
            resources={"metadata": {"path": str(folder)}},
            save_to=path,
            watcher=told,
            cancel=cancel,
            task_timeout=task_timeout,
            execution_timeout=cell_timeout,
            env=env,
            log_path=log_path,
            pool=pool,
        )
    return not told.has_failed


def _as_loaded(nb: NotebookNode) -> NotebookNode:
    """Return a notebook as Papermill has it when it has read one.

    Its `execute_notebook` writes, reads and checks what it is given by the schema, twice: 10 ms for what we have just made.
    """
    from papermill import __version__

    nb.metadata["papermill"] = from_dict(
        {"default_parameters": {}, "parameters": {}, "environment_variables": {}, "version": __version__}
    )
    for cell in nb.cells:
        cell.metadata.setdefault("tags", [])
        cell.metadata.setdefault("papermill", NotebookNode())
    return nb


class _Told:
    def __init__(self, watcher: Watcher) -> None:
        self.watcher = watcher
        self.has_failed = False

    def failed(self, failure: Failure) -> None:
        self.has_failed = True
        self.watcher.failed(failure)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.watcher, name)


class Translator(PythonTranslator):  # type: ignore[misc]
    """Writes parameter values as Python that gives the same value; Papermill's turns a tuple or a set into text."""

    @classmethod
    def translate(cls, val: Any) -> str:
        """Return the literal for a plain value."""
        return literal(val)

    @classmethod
    def codify(cls, parameters: Mapping[str, Any], comment: str = "Parameters") -> str:
        """Return assignments, as written: nothing reformats them."""
        return "".join(f"{name} = {cls.translate(value)}\n" for name, value in parameters.items())


papermill_translators.register(LANGUAGE, Translator)
papermill_engines.register("nbprod", NbprodEngine)
