"""The panel in a real JupyterLab and Chromium: from an edit to the drawn graph, and scrolling a notebook with chips on its cells."""

from __future__ import annotations

import json
import statistics
from pathlib import Path

from benchmarks.notebooks import Row, fresh
from benchmarks.timing import Spread

EDITS = 10
"""Edits in each round."""
FRAMES = 40
"""Frames of scrolling in each round."""

EDIT = """async ([index, source, label]) => {
    const cell = window.jupyterapp.shell.currentWidget.content.widgets[index];
    const graph = document.querySelector('#nbprod-panel .nbprod-Graph');
    const began = performance.now();
    cell.model.sharedModel.setSource(source);
    const told = performance.now();
    while (!graph.textContent.includes(label)) {
        if (performance.now() - began > 10000) throw new Error(`no ${label} in the graph`);
        await new Promise(done => requestAnimationFrame(done));
    }
    await new Promise(done => requestAnimationFrame(() => setTimeout(done)));  // painted
    return performance.now() - began;
}"""

SCROLL = """async frames => {
    const panel = window.jupyterapp.shell.currentWidget.content;
    const scroller = panel.outerNode ?? panel.node;
    scroller.scrollTop = 0;
    await new Promise(done => setTimeout(done, 500));
    const times = [];
    let last = await new Promise(done => requestAnimationFrame(done));
    for (let at = 0; at < frames; at += 1) {
        scroller.scrollTop += 120;
        const now = await new Promise(done => requestAnimationFrame(done));
        times.push(now - last);
        last = now;
    }
    return [times, scroller.scrollTop];
}"""


def bench_panel(root: Path, repeats: int) -> list[Row]:
    """Milliseconds from an edit to the graph that shows it; milliseconds of a frame while scrolling, with nbprod and without."""
    from playwright.sync_api import sync_playwright

    from tests.browser.lab import FLAGS, find_chromium

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=find_chromium(), args=FLAGS)
        try:
            edits = _edits(browser, fresh(root, "edit", 0), repeats)
            frames = _frames(browser, root, repeats)
        finally:
            browser.close()
    return [
        (
            "from an edit to the drawn graph, 200 cells in 20 tasks, milliseconds",
            "60 ms of it: waiting for the next key",
            str(edits),
        ),
        *(
            (what if at == 0 else "", side, str(Spread(tuple(pick(one) for one in found))))
            for what, pick in (
                ("a frame while scrolling 1,000 cells, milliseconds, median of a round", statistics.median),
                ("the same, 95th percentile of a round", lambda one: statistics.quantiles(one, n=20)[-1]),
            )
            for at, (side, found) in enumerate(frames.items())
        ),
    ]


def _edits(browser, folder: Path, repeats: int) -> Spread:
    from tests.browser.lab import Lab, Person, write

    lab = Lab(folder / "work", folder / "home")
    try:
        me = Person(browser, lab, str(write(lab.root / "nb.ipynb", *_pipeline(20, 10)).relative_to(lab.root)))
        me.panel.locator(".nbprod-Graph").wait_for()
        me.page.wait_for_timeout(3000)  # what a newly opened notebook is asked about
        times = []
        for turn in range(repeats * EDITS):
            task, side = 1 + turn % 19, "b" if (turn // 19) % 2 == 0 else "a"
            label = f"{side}_{task - 1}"
            times.append(me.page.evaluate(EDIT, [task * 10, f"total_{task} = sum({label})", label]))
            me.page.wait_for_timeout(900)  # the plan is asked for as well
        return Spread(tuple(times))
    finally:
        lab.stop()


def _frames(browser, root: Path, repeats: int) -> dict[str, list[list[float]]]:
    from tests.browser.lab import Lab, Person, write

    found: dict[str, list[list[float]]] = {"with nbprod": [], "JupyterLab alone": []}
    labs, people = [], {}
    try:
        for side in found:
            folder = fresh(root, side.split(maxsplit=1)[0], 0)
            if side != "with nbprod":
                config = folder / "home" / "config" / "labconfig"
                config.mkdir(parents=True)
                (config / "page_config.json").write_text(json.dumps({"disabledExtensions": {"nbprod": True}}))
            labs.append(Lab(folder / "work", folder / "home"))
            path = write(labs[-1].root / "nb.ipynb", *_pipeline(100, 10))
            person = Person(browser, labs[-1], path.name, panel=side == "with nbprod")
            people[side] = person.page
            person.page.wait_for_timeout(5000)  # cells are drawn when JupyterLab is idle
        for _ in range(repeats):
            for side, page in people.items():
                page.bring_to_front()
                times, reached = page.evaluate(SCROLL, FRAMES)
                assert reached > 50 * FRAMES, f"it does not scroll: {reached}"
                found[side].append(times)
        return found
    finally:
        for lab in labs:
            lab.stop()


def _pipeline(tasks: int, cells: int) -> list[tuple[str, str]]:
    """A chain of tasks: each makes `a` and `b` of which the next takes `a`."""
    made = []
    for task in range(tasks):
        taken = f"a_{task - 1}" if task else "range(10)"
        made.append((f"task:step_{task}", f"total_{task} = sum({taken})"))
        made += [("", f"value_{task}_{n} = total_{task} * {n}\nprint(value_{task}_{n})") for n in range(cells - 2)]
        made.append(("", f"a_{task} = [total_{task}]\nb_{task} = [value_{task}_0]"))
    return made
