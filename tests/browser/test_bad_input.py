"""Notebooks that are not as one wishes, and what is done with the file while a run goes on: as a person meets it."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Route, expect

from tests.browser.lab import SLOW, Lab, Person, write
from tests.browser.test_panel import TAGGED, slow, wait_for

Open = Callable[[Path], Person]


def notification(me: Person, text: str | re.Pattern[str]):
    return me.page.locator(".Toastify__toast").filter(has_text=text)


@pytest.fixture
def read_only(lab: Lab, browser: Browser):
    """Open a notebook that may not be written, for root too."""
    people = []

    def open_notebook(path: Path) -> Person:
        path.chmod(0o444)

        def answer(route: Route) -> None:  # the system lets root write any file, so Jupyter says that it may
            response = route.fetch()
            body = json.dumps({**response.json(), "writable": False}) if response.ok else response.body()
            route.fulfill(response=response, body=body)

        def prepare(page) -> None:
            if os.geteuid() == 0:
                page.route(re.compile(rf"/api/contents/[^?]*{re.escape(path.name)}(\?|$)"), answer)

        people.append(Person(browser, lab, str(path.relative_to(lab.root)), prepare=prepare))
        return people[-1]

    yield open_notebook
    for one in people:
        one.close()


def test_a_read_only_notebook_runs_and_says_why_it_cannot_be_tagged(lab: Lab, read_only: Open) -> None:
    path = write(lab.root / "ro" / "ro.ipynb", *(("", source) for _, source in TAGGED))
    before = path.read_bytes()
    me = read_only(path)

    me.sees("This notebook is read-only: its tags cannot change.")
    assert not me.page.evaluate("window.jupyterapp.commands.isEnabled('nbprod:tag-with-task')")
    me.panel.get_by_role("button", name="Suggest Tasks").first.click()
    tag = me.panel.get_by_role("button", name=re.compile(r"^Tag \d+ cells?$"))
    expect(tag).to_be_disabled(timeout=SLOW)
    expect(tag).to_have_attribute("title", re.compile("read-only"))

    me.run()
    me.sees("total 6")
    assert path.read_bytes() == before
    assert me.page.locator(".jp-Dialog").count() == 0, "nobody tried to save it"


def test_changes_that_cannot_be_saved_are_seen_in_the_graph_and_not_in_the_run_which_says_so(
    lab: Lab, read_only: Open
) -> None:
    me = read_only(write(lab.root / "ro" / "dirty.ipynb", *TAGGED))
    me.page.evaluate(
        """() => window.jupyterapp.shell.currentWidget.content.widgets[1].model.sharedModel.setSource(
            "mean = sum(numbers) / 3\\nprint('mean', mean, undefined_name)")"""
    )
    me.sees("undefined_name")

    me.run()

    expect(notification(me, "as it was last saved")).to_be_visible(timeout=SLOW)
    me.sees("total 6")


def test_an_unsaved_notebook_is_analysed_as_it_is_in_the_editor_and_saved_before_it_runs(
    lab: Lab, person: Open
) -> None:
    path = write(lab.root / "dirty" / "dirty.ipynb", *TAGGED)
    me = person(path)
    me.page.evaluate(
        """() => window.jupyterapp.shell.currentWidget.content.widgets[1].model.sharedModel.setSource(
            "largest = max(numbers)\\nprint('largest', largest)")"""
    )
    node = me.panel.get_by_role("button", name=re.compile("^Task total\\."))
    expect(node).to_be_visible(timeout=SLOW)
    assert "largest" not in path.read_text(), "it is not saved"

    me.run()

    me.sees("largest 3")
    assert "largest" in path.read_text()


def test_a_notebook_is_renamed_while_it_runs(lab: Lab, person: Open) -> None:
    path = write(lab.root / "rename" / "old.ipynb", *slow(6))
    me = person(path)
    me.run()
    me.sees("began")

    me.page.evaluate("window.jupyterapp.serviceManager.contents.rename('rename/old.ipynb', 'rename/new.ipynb')")

    wait_for(lambda: (path.parent / "new.ipynb").exists())
    expect(me.task("end")).to_contain_text("done", timeout=SLOW)
    me.sees("last 3")
    me.run()  # under its new name
    expect(me.task("wait")).to_contain_text("cached", timeout=SLOW)
    assert me.panel.get_by_role("alert").count() == 0


def test_a_notebook_is_deleted_while_it_runs(lab: Lab, person: Open) -> None:
    path = write(lab.root / "delete" / "gone.ipynb", *slow(6))
    me = person(path)
    me.run()
    me.sees("began")

    me.page.evaluate("window.jupyterapp.serviceManager.contents.delete('delete/gone.ipynb')")

    wait_for(lambda: not path.exists())
    expect(notification(me, re.compile("Run of delete/gone|Run of gone")).first).to_contain_text("done", timeout=SLOW)


def test_show_in_the_notification_of_an_ended_run_leads_to_it(lab: Lab, person: Open) -> None:
    me = person(write(lab.root / "told" / "told.ipynb", TAGGED[0], ("task:total", "raise ValueError('told')")))
    write(lab.root / "told" / "other.ipynb", ("", "1"))
    me.run()
    told = notification(me, "Run of told failed: ValueError: told")
    expect(told).to_be_visible(timeout=SLOW)
    me.command("docmanager:open", path="told/other.ipynb")
    me.show("models")

    told.get_by_role("button", name="Show").click()

    expect(me.panel.get_by_role("tab", name="Run", exact=True)).to_have_attribute("aria-selected", "true")
    expect(me.page.locator(".jp-NotebookPanel:not(.lm-mod-hidden)")).to_contain_text("raise ValueError")
    me.sees("ValueError: told")


def test_a_notebook_is_run_from_the_file_browser_without_being_opened(lab: Lab, person: Open) -> None:
    folder = lab.root / "files"
    me = person(write(folder / "open.ipynb", *TAGGED))
    write(folder / "closed.ipynb", ("task:a", "print('closed')"))
    me.command("filebrowser:open-path", path="files")
    me.command("filebrowser:activate")

    me.page.locator(".jp-DirListing-item").filter(has_text="closed.ipynb").click(button="right")
    me.page.locator(".lm-Menu-item").filter(has_text="Run as Pipeline").click()

    expect(notification(me, re.compile("closed: done"))).to_be_visible(timeout=SLOW)
    assert list((folder / ".nbprod" / "runs").iterdir())


def test_a_notebook_with_0_cells_says_what_to_do(lab: Lab, person: Open) -> None:
    path = write(lab.root / "zero" / "zero.ipynb")
    assert json.loads(path.read_text())["cells"] == []
    me = person(path)

    me.sees("This notebook has no code yet")
    assert me.panel.get_by_role("alert").count() == 0


def test_a_server_without_nbprod_says_so_and_how_to_install_it(tmp_path: Path, browser: Browser) -> None:
    """The panel's files are there, as where JupyterLab and its server are installed apart; the server's side is not."""
    lab = Lab(tmp_path / "work", tmp_path / "home", ServerApp__jpserver_extensions="{'nbprod': False}")
    try:
        me = Person(browser, lab, str(write(lab.root / "a.ipynb", *TAGGED).relative_to(lab.root)))
        for tab in ("pipeline", "run", "runs", "sweep", "models"):
            me.show(tab)
            me.sees("The server runs without nbprod.")
            me.sees("pip install nbprod, then restart JupyterLab")
        me.close()
    finally:
        lab.stop()
