"""What people do in the panel, in a real JupyterLab and a real browser."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable
from pathlib import Path

from playwright.sync_api import expect

from tests.browser.lab import SLOW, Lab, Person, tags, write

Open = Callable[[Path], Person]
FLOWERS = [
    ("md", "# Flowers"),
    (
        "",
        "from sklearn.datasets import load_iris\nfrom sklearn.metrics import accuracy_score\nfrom sklearn.tree import DecisionTreeClassifier",
    ),
    ("", "depth = 1\nseed = 0"),
    ("md", "## Load the data"),
    ("", "X, y = load_iris(return_X_y=True)"),
    ("md", "## Train"),
    ("", "model = DecisionTreeClassifier(max_depth=depth, random_state=seed).fit(X[::2], y[::2])"),
    ("md", "## Evaluate"),
    ("", "accuracy = accuracy_score(y[1::2], model.predict(X[1::2]))\nprint('accuracy', accuracy)"),
    (
        "",
        "def predict(sepal_length: float, sepal_width: float, petal_length: float, petal_width: float) -> int:\n"
        "    return int(model.predict([[sepal_length, sepal_width, petal_length, petal_width]])[0])\n\npredict(5.1, 3.5, 1.4, 0.2)",
    ),
]
TAGGED = [("task:load", "numbers = [1, 2, 3]"), ("task:total", "total = sum(numbers)\nprint('total', total)")]


def slow(seconds: float, mark: str = "began") -> list[tuple[str, str]]:
    return [
        ("task:load", "numbers = [1, 2, 3]\nprint('loaded')"),
        ("task:wait", f"import time\nprint('{mark}', flush=True)\ntime.sleep({seconds})\nlast = numbers[-1]"),
        ("task:end", "print('last', last)"),
    ]


def test_from_an_untagged_notebook_to_a_running_service(lab: Lab, person: Open) -> None:
    """Suggest, run, sweep, promote, serve, try it, stop: nothing but the panel."""
    path = write(lab.root / "journey" / "flowers.ipynb", *FLOWERS)
    me = person(path)

    me.click("Suggest Tasks")
    me.sees("Nothing is changed until you accept")
    assert tags(path) == [[] for _ in tags(path)]
    me.panel.get_by_role("button", name=re.compile(r"^Tag \d+ cells$")).click()
    expect(me.panel.get_by_role("region", name="Suggested tasks")).to_have_count(0)
    me.sees("depth")

    me.run()
    expect(me.task("train")).to_contain_text("done", timeout=SLOW)
    expect(me.task("evaluate")).to_contain_text("done", timeout=SLOW)
    expect(me.panel.get_by_role("log")).to_contain_text("accuracy 0.")
    given = {tag for cell in tags(path) for tag in cell}
    assert {"parameters", "metrics", "serve"} <= given, given
    assert sum(tag.startswith("task:") for tag in given) >= 3

    me.show("sweep")
    depth = me.panel.get_by_role("group", name="depth", exact=True)
    depth.get_by_role("combobox").first.select_option("choices")
    depth.get_by_role("textbox").first.fill("1, 2, 3, 4, 5, 6")
    me.panel.get_by_role("button", name=re.compile("start the sweep", re.IGNORECASE)).first.click()
    me.sees("6 of 6", timeout=3 * SLOW)
    me.panel.get_by_role("button", name=re.compile("promote", re.IGNORECASE)).first.click()

    expect(me.panel.get_by_role("tab", name="Models")).to_have_attribute("aria-selected", "true")
    before = me.panel.get_by_role("region", name="Signature and sample")
    expect(before.get_by_role("table", name="What predict takes")).to_contain_text("petal_width", timeout=2 * SLOW)
    expect(before.get_by_label("Answer to the sample")).to_have_text("0")
    assert not list((path.parent / ".nbprod").glob("models/*")), "nothing is made before one promotes"
    me.panel.get_by_role("button", name=re.compile("^Promote")).last.click()
    me.sees("flowers/v1", timeout=3 * SLOW)
    me.sees("champion", timeout=SLOW)

    me.click("Start flowers/v1")
    me.sees("http://127.0.0.1", timeout=2 * SLOW)
    me.click("Ask it")
    expect(me.panel.get_by_label("Answer", exact=True).first).to_contain_text("0", timeout=SLOW)
    me.click("Stop")
    me.sees("stopped")


def test_a_failed_task_leads_to_its_line_and_what_is_mended_runs_alone(lab: Lab, person: Open) -> None:
    broken = [TAGGED[0], ("task:total", "total = sum(numbers)\ntotal / (total - 6)")]
    path = write(lab.root / "mend" / "mend.ipynb", *broken)
    me = person(path)

    me.run()
    me.sees("ZeroDivisionError: division by zero")
    expect(me.task("total")).to_contain_text("failed")
    me.click("Go to the Cell")
    editor = me.page.locator(".jp-Notebook .jp-Cell").nth(1)
    expect(editor.locator(".cm-line").nth(1)).to_be_in_viewport()
    expect(editor.locator(".cm-line[class*=nbprod]")).to_have_text("total / (total - 6)")

    me.edit(1, "total = sum(numbers)\nprint('mended', total)")
    me.run()
    expect(me.task("total")).to_contain_text("done", timeout=SLOW)
    expect(me.task("load")).to_contain_text("cached")
    me.sees("mended 6")


def test_the_executed_notebook_and_an_exploring_one_open(lab: Lab, person: Open) -> None:
    path = write(
        lab.root / "look" / "look.ipynb", TAGGED[0], ("task:total", "total = sum(numbers)\nraise ValueError(total)")
    )
    me = person(path)
    me.run()
    me.sees("ValueError: 6")

    me.panel.get_by_role("button", name="Open the Executed Notebook").first.click()
    expect(me.page.locator(".jp-NotebookPanel:not(.lm-mod-hidden)").get_by_text("ValueError").first).to_be_visible(
        timeout=SLOW
    )
    me.command("application:activate-previous-tab")
    expect(me.panel.get_by_role("button", name=re.compile("^Explore")).first).to_be_visible(timeout=SLOW)
    me.panel.get_by_role("button", name=re.compile("^Explore")).first.click()
    expect(me.page.get_by_role("tab", name=re.compile("look.explore-total.ipynb"))).to_be_visible(timeout=SLOW)
    assert (path.parent / "look.explore-total.ipynb").exists()


def test_a_page_that_is_loaded_again_in_the_middle_of_a_run_goes_on_showing_it(lab: Lab, person: Open) -> None:
    path = write(lab.root / "reload" / "reload.ipynb", *slow(8))
    me = person(path)
    me.run()
    me.sees("began")

    me.page.reload()
    me.ready()
    me.show("run")

    expect(me.task("wait")).to_contain_text("running", timeout=SLOW)
    expect(me.task("end")).to_contain_text("done", timeout=SLOW)
    me.sees("last 3")


def test_a_run_outlives_the_server(lab: Lab, person: Open) -> None:
    path = write(lab.root / "restart" / "restart.ipynb", *slow(8))
    me = person(path)
    me.run()
    me.sees("began")

    lab.stop()
    lab.start()
    me.page.reload()
    me.ready()
    me.show("run")

    expect(me.task("end")).to_contain_text("done", timeout=SLOW)
    me.sees("last 3")


def test_a_run_is_stopped(lab: Lab, person: Open) -> None:
    path = write(lab.root / "stop" / "stop.ipynb", *slow(120))
    me = person(path)
    me.run()
    me.sees("began")

    me.click("Stop the Run")

    expect(me.panel.get_by_role("region", name="The run")).to_contain_text("stopped", timeout=SLOW)
    expect(me.task("load")).to_contain_text(re.compile("done|cached"))


def test_two_pages_see_the_same_run(lab: Lab, person: Open) -> None:
    path = write(lab.root / "two" / "two.ipynb", *slow(4))
    me, other = person(path), person(path)
    other.show("run")

    me.run()

    for one in (me, other):
        expect(one.task("end")).to_contain_text("done", timeout=SLOW)
        one.sees("last 3")


def test_a_notebook_of_500_cells_is_marked_and_analysed(lab: Lab, person: Open) -> None:
    cells = [(f"task:t{number // 10}" if number % 10 == 0 else "", f"v{number} = {number}") for number in range(500)]
    me = person(write(lab.root / "big" / "big.ipynb", *cells))
    node = me.panel.get_by_role("button", name=re.compile("^Task t49\\."))
    expect(node).to_be_visible(timeout=SLOW)

    node.click()

    expect(me.page.locator(".jp-Cell.jp-mod-active")).to_contain_text("v490 = 490", timeout=2 * SLOW)


def test_a_broken_pipelines_yaml_is_told_and_forgotten_when_it_is_mended(lab: Lab, person: Open) -> None:
    path = write(lab.root / "yaml" / "nb.ipynb", *TAGGED)
    config = path.parent / "pipelines.yaml"
    config.write_text("pipelines:\n  nb:\n    notebok: nb.ipynb\n")
    me = person(path)
    me.sees("notebok")
    me.sees("pipelines.yaml")

    config.write_text("pipelines:\n  nb:\n    notebook: nb.ipynb\n")
    me.click("Look Again")

    expect(me.panel.get_by_text("notebok")).to_have_count(0, timeout=SLOW)
    me.sees("total")


def test_what_a_notebook_says_is_shown_as_text(lab: Lab, person: Open) -> None:
    script = '<img src=x onerror="window.hacked=1"><script>window.hacked=1</script>'
    cells = [("parameters", f"word = {script!r}"), ("task:a", "print(word)"), ("task:b", "raise ValueError(word)")]
    me = person(write(lab.root / "html" / "html.ipynb", *cells))
    me.run()
    me.sees("ValueError: <img src=x")
    for tab in ("pipeline", "runs", "models"):
        me.show(tab)
        time.sleep(1)

    assert me.page.evaluate("window.hacked") is None
    assert me.panel.locator("img").count() == 0


def test_a_notebook_that_is_not_python_is_told_so(lab: Lab, person: Open) -> None:
    me = person(write(lab.root / "r" / "r.ipynb", ("", "x <- 1"), kernel="ir", language="R"))
    me.page.keyboard.press("Escape")  # JupyterLab asks for another kernel

    me.sees("speaks R")


def test_an_empty_notebook_is_no_error(lab: Lab, person: Open) -> None:
    me = person(write(lab.root / "empty" / "empty.ipynb", ("", "")))

    me.sees("tasks")
    assert me.panel.get_by_role("alert").count() == 0


def test_tags_are_changed_on_cells_and_back(lab: Lab, person: Open) -> None:
    path = write(lab.root / "tag" / "tag.ipynb", ("", "a = 1"), ("slide", "b = a"), ("", "c = b"))
    me = person(path)
    me.page.evaluate(
        "() => { const nb = window.jupyterapp.shell.currentWidget.content; nb.activeCellIndex = 1; nb.mode = 'command'; }"
    )

    me.command("nbprod:tag-with-task", task="second")
    me.command("docmanager:save")
    expect(me.panel.get_by_role("button", name=re.compile("^Task second\\."))).to_be_visible(timeout=SLOW)
    wait_for(lambda: tags(path) == [[], ["slide", "task:second"], []])
    me.command("nbprod:undo-tags")
    me.command("docmanager:save")

    wait_for(lambda: tags(path) == [[], ["slide"], []])


def wait_for(holds: Callable[[], bool], seconds: float = 30) -> None:
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline, "it never came true"
        time.sleep(0.1)


def test_nothing_is_wrong_for_screen_readers(lab: Lab, person: Open) -> None:
    """axe finds no violation in any tab, in the light and the dark theme."""
    axe = Path(__file__).parents[2] / "extension" / "node_modules" / "axe-core" / "axe.min.js"
    me = person(write(lab.root / "axe" / "axe.ipynb", *TAGGED))
    me.run()
    expect(me.task("total")).to_contain_text("done", timeout=SLOW)
    me.page.evaluate(axe.read_text())
    for theme in ("JupyterLab Light", "JupyterLab Dark"):
        me.command("apputils:change-theme", theme=theme)
        time.sleep(1)
        for tab in ("pipeline", "run", "runs", "sweep", "models"):
            me.show(tab)
            time.sleep(0.7)
            found = me.page.evaluate("axe.run('#nbprod-panel', {resultTypes: ['violations']})")
            problems = [(one["id"], [node["html"][:120] for node in one["nodes"]]) for one in found["violations"]]
            assert problems == [], f"{theme}, {tab}: {json.dumps(problems, indent=1)}"
