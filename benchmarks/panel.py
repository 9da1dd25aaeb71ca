"""The panel in a real JupyterLab and Chromium: an edit in the graph, a run's progress in the page, scrolling a notebook with chips on its cells."""

from __future__ import annotations

import json
import statistics
from collections.abc import Sequence
from pathlib import Path

from benchmarks.notebooks import Row, fresh
from benchmarks.timing import Spread

EDITS = 10
"""Edits in each round."""
FRAMES = 40
"""Frames of scrolling in each round."""
SETTLE = 2000
"""Milliseconds until a page that came to the front is measured."""
SIDES = {
    "nbprod, its panel open": "nbprod:open-panel",
    "nbprod, the table of contents open": "toc:show-panel",
    "JupyterLab alone, the table of contents open": "toc:show-panel",
}
"""What scrolls, and the command that opens its sidebar."""

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

DRAWN = "window.jupyterapp.shell.currentWidget.content.widgets.every(cell => !cell.isPlaceholder())"

HEAR = """() => {
    window.heard = [];
    window.jupyterapp.serviceManager.events.stream.connect((_, event) => {
        if (event.data?.at) window.heard.push([event.data.event, performance.timeOrigin + performance.now() - 1000 * event.data.at]);
    });
}"""


def bench_panel(root: Path, repeats: int) -> list[Row]:
    """Milliseconds from an edit to the graph that shows it, of an event to the page, of a frame while scrolling with nbprod and without."""
    from playwright.sync_api import sync_playwright

    from tests.browser.lab import FLAGS, find_chromium

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=find_chromium(), args=FLAGS)
        try:
            edits = _edits(browser, fresh(root, "edit", 0), repeats)
            events = _events(browser, fresh(root, "events", 0), repeats)
            frames = _frames(browser, root, repeats)
        finally:
            browser.close()
    median, late = Spread(tuple(map(statistics.median, events))), Spread(tuple(map(_late, events)))
    return [
        (
            "from an edit to the drawn graph, 200 cells in 20 tasks, milliseconds",
            "60 ms of it: waiting for the next key",
            str(edits),
        ),
        (
            "from what happens in a run's process to the page that hears of it, milliseconds",
            "median of a run",
            str(median),
        ),
        ("", "95th percentile of a run", str(late)),
        *(
            (what if at == 0 else "", side, str(Spread(tuple(one[kind] for one in found))))
            for kind, what in enumerate(
                (
                    "a frame while scrolling 1,000 cells, milliseconds, median of a round",
                    "the same, mean processor time of the page's main thread",
                    "of that, for styles",
                )
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


def _events(browser, folder: Path, repeats: int) -> list[list[float]]:
    """Run 20 tasks of 3 cells in the panel; return how late the page heard each event of each run. Both read one clock."""
    from tests.browser.lab import SLOW, Lab, Person, write

    lab = Lab(folder / "work", folder / "home")
    try:
        me = Person(browser, lab, write(lab.root / "nb.ipynb", *_pipeline(20, 3)).name)
        me.page.evaluate(HEAR)
        found = []
        for turn in range(repeats + 1):
            me.page.evaluate("() => { window.heard.length = 0; }")
            me.command("nbprod:run-everything-anew")
            me.page.wait_for_function("window.heard.some(one => one[0] === 'run-finished')", timeout=2 * SLOW)
            times = [late for _, late in me.page.evaluate("window.heard")]
            assert len(times) > 100, f"only {len(times)} events were heard"
            if turn:
                found.append(times)
            me.page.wait_for_timeout(SETTLE)
        return found
    finally:
        lab.stop()


def _late(times: Sequence[float]) -> float:
    return statistics.quantiles(times, n=20)[-1]


def _frames(browser, root: Path, repeats: int) -> dict[str, list[tuple[float, ...]]]:
    """Scroll the same notebook in three pages in turn; a round is a frame's time, its processor time and that for styles."""
    from tests.browser.lab import SLOW, Lab, Person, write

    found: dict[str, list[tuple[float, ...]]] = {side: [] for side in SIDES}
    labs, pages = [], {}
    try:
        for side, opens in SIDES.items():
            folder = fresh(root, f"scroll-{len(labs)}", 0)
            if side.startswith("JupyterLab"):
                config = folder / "home" / "config" / "labconfig"
                config.mkdir(parents=True)
                (config / "page_config.json").write_text(json.dumps({"disabledExtensions": {"nbprod": True}}))
            labs.append(Lab(folder / "work", folder / "home"))
            path = write(labs[-1].root / "nb.ipynb", *_pipeline(100, 10))
            person = Person(browser, labs[-1], path.name, panel=opens.startswith("nbprod:"))
            person.command(opens)
            # JupyterLab draws the cells when it is idle; until all are there, scrolling is drawing them
            person.page.wait_for_function(DRAWN, timeout=15 * SLOW, polling=500)
            session = person.page.context.new_cdp_session(person.page)
            session.send("Performance.enable", {"timeDomain": "threadTicks"})
            pages[side] = person.page, session
        for turn in range(2 * repeats + 1):
            for side in list(SIDES) if turn % 2 else reversed(SIDES):
                measured = _scroll(*pages[side])
                if turn:  # in the first round cells get their final heights
                    found[side].append(measured)
        return found
    finally:
        for lab in labs:
            lab.stop()


def _scroll(page, session) -> tuple[float, float, float]:
    page.bring_to_front()
    page.wait_for_timeout(SETTLE)
    before = _spent(session)
    times, reached = page.evaluate(SCROLL, FRAMES)
    after = _spent(session)
    assert reached > 50 * FRAMES, f"it does not scroll: {reached}"
    task, style = (1000 * (after[name] - before[name]) / FRAMES for name in ("TaskDuration", "RecalcStyleDuration"))
    return statistics.median(times), task, style


def _spent(session) -> dict[str, float]:
    """Return the seconds of processor time that the page's main thread has used, by purpose."""
    return {one["name"]: one["value"] for one in session.send("Performance.getMetrics")["metrics"]}


def _pipeline(tasks: int, cells: int) -> list[tuple[str, str]]:
    """A chain of tasks: each makes `a` and `b` of which the next takes `a`."""
    made = []
    for task in range(tasks):
        taken = f"a_{task - 1}" if task else "range(10)"
        made.append((f"task:step_{task}", f"total_{task} = sum({taken})"))
        made += [("", f"value_{task}_{n} = total_{task} * {n}\nprint(value_{task}_{n})") for n in range(cells - 2)]
        made.append(("", f"a_{task} = [total_{task}]\nb_{task} = [value_{task}_0]"))
    return made
