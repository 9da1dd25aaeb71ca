"""Makes the pictures of docs/images: `python -m tests.browser.pictures [FOLDER] [--all]` takes the wine example through the panel."""

from __future__ import annotations

import re
import shutil
import sys
import tempfile
import time
from pathlib import Path

from playwright.sync_api import expect, sync_playwright

from tests.browser.lab import FLAGS, SLOW, Lab, Person, find_chromium

ROOT = Path(__file__).parents[2]
IMAGES = ROOT / "docs" / "images"
DARK = ("run", "runs", "sweep", "models") if "--all" in sys.argv else ()
"""Tabs that are looked at in the dark theme too, with `--all`."""


def main() -> None:
    """Write all pictures."""
    given = [word for word in sys.argv[1:] if not word.startswith("--")]
    out = Path(given[0]) if given else IMAGES
    out.mkdir(parents=True, exist_ok=True)
    home = Path(tempfile.mkdtemp(prefix="nbprod-pictures-"))
    work = home / "work"
    work.mkdir()
    shutil.copytree(ROOT / "notebooks", work / "notebooks", ignore=shutil.ignore_patterns(".*"))
    shutil.copy(ROOT / "pipelines.yaml", work)
    lab = Lab(work, home)
    try:
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=find_chromium(), args=FLAGS)
            _take(Person(browser, lab, "notebooks/wine_classification.ipynb", width=1400), out)
            browser.close()
    finally:
        lab.stop()
        shutil.rmtree(home, ignore_errors=True)


def _take(me: Person, out: Path) -> None:
    def picture(name: str) -> None:
        time.sleep(1.5)
        me.page.screenshot(path=out / f"{name}.png")

    me.page.add_style_tag(content=".Toastify { display: none !important; }")
    splitter = me.page.locator("#jp-main-split-panel > .lm-SplitPanel-handle:not(.lm-mod-hidden)").first
    box = splitter.bounding_box()
    assert box is not None
    me.page.mouse.move(box["x"] + box["width"] / 2, box["y"] + 300)
    me.page.mouse.down()
    me.page.mouse.move(box["x"] + 150, box["y"] + 300, steps=5)
    me.page.mouse.up()

    me.run()
    expect(me.task("evaluate")).to_contain_text("done", timeout=2 * SLOW)
    picture("run")
    me.show("pipeline")
    picture("pipeline")

    me.show("sweep")
    me.panel.get_by_role("button", name=re.compile("start the sweep", re.IGNORECASE)).first.click()
    me.sees("12 of 12", timeout=4 * SLOW)
    picture("sweep")
    me.panel.get_by_role("button", name=re.compile("promote", re.IGNORECASE)).first.click()
    expect(me.panel.get_by_label("Answer to the sample")).to_be_visible(timeout=2 * SLOW)
    picture("promote")
    me.panel.get_by_role("button", name=re.compile("^Promote")).last.click()
    me.sees("wine/v1", timeout=3 * SLOW)
    me.click("Start wine/v1")
    me.sees("http://127.0.0.1", timeout=2 * SLOW)
    me.click("Ask it")
    expect(me.panel.get_by_label("Answer", exact=True).first).to_be_visible(timeout=SLOW)
    picture("models")
    me.show("runs")
    picture("runs")
    me.command("apputils:change-theme", theme="JupyterLab Dark")
    me.show("pipeline")
    picture("dark")
    for tab in DARK:
        me.show(tab)
        picture(f"dark-{tab}")
    me.show("models")
    me.click("Stop")
    me.sees("stopped")


if __name__ == "__main__":
    main()
