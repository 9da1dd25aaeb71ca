"""A real JupyterLab for the tests, and a person's hands in it."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

import nbformat
from playwright.sync_api import Browser, Locator, Page, expect, sync_playwright

CHROMIUM = ("chromium", "chromium-browser", "google-chrome")
FLAGS = [
    "--no-sandbox",  # Chromium refuses to run as root with it
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
SLOW = 60_000
"""Milliseconds that something may take on a busy machine."""
NO_NEWS = {"@jupyterlab/apputils-extension:notification": {"fetchNews": "false", "checkForUpdates": False}}
TOKEN = "browser"


def find_chromium() -> str | None:
    """Return the path of a Chromium, if there is one."""
    named = os.environ.get("NBPROD_CHROMIUM")
    if named:
        return named
    found = next((path for name in CHROMIUM if (path := shutil.which(name))), None)
    if found is None:
        with sync_playwright() as playwright:
            own = playwright.chromium.executable_path
        found = own if Path(own).exists() else None
    return found


class Lab:
    """JupyterLab over the folder `root`, with settings and state of its own. It can be restarted at the same address."""

    def __init__(self, root: Path, home: Path, python: str = sys.executable, **options: str) -> None:
        """`python` is of an environment with JupyterLab and nbprod; `options` are added to the command line (`ServerApp__token`)."""
        self.root = root
        self.home = home
        self.python = python
        self.options = {name.replace("__", "."): value for name, value in options.items()}
        root.mkdir(parents=True, exist_ok=True)
        settings = home / "app" / "settings"
        settings.mkdir(parents=True)
        (settings / "overrides.json").write_text(json.dumps(NO_NEWS))
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port: int = probe.getsockname()[1]
        self.start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        env = {name: value for name, value in os.environ.items() if not name.startswith(("JUPYTER", "PYTEST_XDIST"))}
        if self.python != sys.executable:
            env.pop("PYTHONPATH", None)  # what counts is what is installed there
        env |= {f"JUPYTER_{name}_DIR": str(self.home / name.lower()) for name in ("CONFIG", "DATA", "RUNTIME")}
        env |= {f"JUPYTERLAB_{name}_DIR": str(self.home / name.lower()) for name in ("SETTINGS", "WORKSPACES")}
        options = {
            "ServerApp.port": self.port,
            "ServerApp.port_retries": 0,
            "IdentityProvider.token": TOKEN,
            "ServerApp.root_dir": self.root,
            "LabApp.expose_app_in_browser": True,
            "LabApp.news_url": None,
            **self.options,
        }
        command = [self.python, "-m", "jupyterlab", "--no-browser", "--allow-root"]
        with (self.home / "lab.log").open("ab") as log:
            self.process = subprocess.Popen(
                [*command, *(f"--{name}={value}" for name, value in options.items())], env=env, stdout=log, stderr=log
            )
        deadline = time.monotonic() + 120
        while True:
            try:
                urllib.request.urlopen(f"{self.url}/api?token={TOKEN}", timeout=5).close()
                return
            except OSError:
                assert self.process.poll() is None, (self.home / "lab.log").read_text()[-3000:]
                assert time.monotonic() < deadline, "JupyterLab does not answer"
                time.sleep(0.1)

    def stop(self) -> None:
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


def write(path: Path, *cells: tuple[str, str], kernel: str = "python3", language: str = "python") -> Path:
    """Write a notebook of (tags, source); a cell tagged `md` is Markdown."""
    spec = {"name": kernel, "display_name": kernel, "language": language}
    node = nbformat.v4.new_notebook(metadata={"kernelspec": spec})
    for number, (tags, source) in enumerate(cells, 1):
        make = nbformat.v4.new_markdown_cell if tags == "md" else nbformat.v4.new_code_cell
        cell = make(source, id=f"cell-{number}")
        if tags not in ("", "md"):
            cell.metadata["tags"] = tags.split()
        node.cells.append(cell)
    path.parent.mkdir(parents=True, exist_ok=True)
    nbformat.write(node, path)
    return path


def tags(path: Path) -> list[list[str]]:
    """Return the tags of the code cells of a file."""
    node: Any = nbformat.read(path, as_version=4)
    return [list(cell.metadata.get("tags", ())) for cell in node.cells if cell.cell_type == "code"]


class Person:
    """Someone with one notebook open in a browser and the panel beside it."""

    def __init__(
        self,
        browser: Browser,
        lab: Lab,
        path: str,
        width: int = 1500,
        prepare: Callable[[Page], None] = lambda page: None,
        *,
        panel: bool = True,
    ) -> None:
        self.lab = lab
        self.path = path
        self.page: Page = browser.new_page(viewport={"width": width, "height": 950})
        self.errors: list[str] = []
        self.page.on("pageerror", lambda error: self.errors.append(error.stack or str(error)))
        prepare(self.page)
        self.has_panel = panel
        self.open()

    def open(self) -> None:
        self.page.goto(f"{self.lab.url}/lab/tree/{self.path}?reset&token={TOKEN}")
        self.ready()

    def ready(self) -> None:
        self.page.wait_for_selector(".jp-Notebook .jp-Cell", timeout=SLOW)
        self.page.wait_for_function("window.jupyterapp?.shell.currentWidget?.context?.isReady", timeout=SLOW)
        if not self.has_panel:
            return
        self.page.wait_for_function("window.jupyterapp?.commands.hasCommand('nbprod:open-panel')", timeout=SLOW)
        self.show("pipeline")

    @property
    def panel(self) -> Locator:
        return self.page.get_by_role("region", name="nbprod", exact=True)

    def show(self, tab: str) -> None:
        self.command("nbprod:open-panel", tab=tab)
        expect(self.panel.get_by_role("tab", name=tab.capitalize(), exact=True)).to_have_attribute(
            "aria-selected", "true"
        )

    def command(self, name: str, **arguments: Any) -> None:
        self.page.evaluate("([name, args]) => window.jupyterapp.commands.execute(name, args)", [name, arguments])

    def click(self, name: str, exact: bool = True) -> None:
        button = self.panel.get_by_role("button", name=name, exact=exact).first
        expect(button).to_be_enabled(timeout=SLOW)
        button.click()

    def sees(self, text: str, timeout: int = SLOW) -> None:
        expect(self.panel.get_by_text(text).locator("visible=true").first).to_be_visible(timeout=timeout)

    def task(self, name: str) -> Locator:
        """Return the line of a task in the Run tab."""
        return (
            self.panel.get_by_role("list", name="Tasks")
            .get_by_role("listitem")
            .filter(has=self.page.get_by_role("button", name=name, exact=True))
        )

    def run(self) -> None:
        self.show("run")
        self.click("Run as Pipeline")

    def edit(self, cell: int, source: str) -> None:
        """Replace the source of the cell at this place of the notebook, as typing does, and save."""
        self.page.evaluate(
            """([index, source]) => {
                const panel = window.jupyterapp.shell.currentWidget;
                panel.content.widgets[index].model.sharedModel.setSource(source);
            }""",
            [cell, source],
        )
        self.command("docmanager:save")

    def close(self) -> None:
        self.page.unroute_all(behavior="ignoreErrors")
        self.page.close()
        ours = [error for error in self.errors if "/extensions/nbprod/" in error]  # JupyterLab has errors of its own
        assert ours == []
