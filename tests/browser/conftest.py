"""One Chromium and one JupyterLab for the tests of a module."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

import nbprod

playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")

from playwright.sync_api import Browser, sync_playwright  # noqa: E402

from tests.browser.lab import FLAGS, Lab, Person, find_chromium  # noqa: E402

MISSING = (
    "no Chromium was found, so the panel was not tested in a browser: install it (Debian: apt-get install chromium), "
    "or say where it is (NBPROD_CHROMIUM=/path/to/chromium)"
)
PANEL = Path(nbprod.__file__).parent / "labextension" / "package.json"
NOT_BUILT = (
    "the panel is not built, so it was not tested in a browser: install Node 20 or newer, then `make test` builds it"
)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    # A session's scope would leave Playwright's loop running in the main thread.
    chromium = find_chromium()
    missing = MISSING if chromium is None else None if PANEL.exists() else NOT_BUILT
    if missing is not None:
        if os.environ.get("NBPROD_BROWSER") == "required":
            pytest.fail(missing)
        pytest.skip(missing)
    with sync_playwright() as found:
        browser = found.chromium.launch(executable_path=chromium, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    home = tmp_path_factory.mktemp("lab")
    lab = Lab(home / "work", home)
    yield lab
    lab.stop()


@pytest.fixture
def person(browser: Browser, lab: Lab) -> Iterator[Callable[[Path], Person]]:
    """Return a function that opens a notebook of the lab's folder."""
    people: list[Person] = []

    def open_notebook(path: Path) -> Person:
        people.append(Person(browser, lab, str(path.relative_to(lab.root))))
        return people[-1]

    yield open_notebook
    for one in people:
        one.close()
