from __future__ import annotations

import pytest

from tests.notebook.making import codes, errors, graph, pipeline


def cells_of(text: str) -> dict[str, list[int]]:
    made = pipeline(text)
    assert not errors(made), errors(made)
    return {name: [cell.number for cell in task.cells] for name, task in made.tasks.items()}


def test_an_untagged_cell_belongs_to_the_task_above_it_and_those_before_the_first_to_setup():
    assert cells_of("# %%\nx = 1\n# %%\nx += 1\n# %% task:a\ny = x\n# %%\nz = y\n# %% task:b\nw = z") == {
        "setup": [1, 2], "a": [3, 4], "b": [5],
    }  # fmt: skip


def test_a_notebook_without_a_task_tag_is_one_task():
    assert cells_of("# %%\nimport os\n# %%\nx = 1") == {"notebook": [1, 2]}


def test_definitions_before_the_first_task_are_carried_and_need_no_task():
    assert cells_of("# %%\nimport os\n# %%\ndef f(): return os\n# %% task:a\nf()") == {"a": [3]}


def test_skipped_cells_are_no_part_of_the_pipeline():
    assert cells_of("# %% task:a\nx = 1\n# %% skip\nx = 2\n# %%\nprint(x)") == {"a": [1, 3]}


def test_the_same_task_again_adds_cells_and_order():
    made = pipeline("# %% task:a\nx=1\n# %% task:b, after:a\ny=1\n# %% task:a2\nz=1\n# %% task:b, after:a2\nprint(y)")
    assert [cell.number for cell in made.tasks["b"].cells] == [2, 4]
    assert made.tasks["b"].after == {"a", "a2"}
    assert made.resolve().nodes["b"].after == {"a", "a2"}


def test_tags_of_kale_are_read():
    made = pipeline(
        "# %% imports\nimport os\n# %% functions\ndef f(x): return os, x\n# %% pipeline-parameters\nn = 3\n"
        "# %% block:load\nx = n\n# %% step:train, prev:load\ny = f(1)\n# %% skip\n1/0\n# %% pipeline-metrics\nacc = 0.5"
    )
    assert not errors(made)
    assert list(made.tasks) == ["load", "train"]
    assert made.tasks["train"].after == {"load"}
    assert list(made.parameters) == ["n"]
    assert made.metrics == ("acc",)


@pytest.mark.parametrize(
    "tag",
    ["hide-input", "raises-exception", "injected-parameters", "nbgrader", "solution", "remove_output", "slideshow",
     "export", "my:tag", "data", "time:3", "test", "x=1", "skip-execution", "nbval-skip"],
)  # fmt: skip
def test_tags_of_other_tools_are_left_alone(tag):
    made = pipeline(f"# %% task:a, {tag}\nx = 1")
    assert made.diagnostics == ()
    assert made.notebook.cells[0].tags == ("task:a", tag)


@pytest.mark.parametrize(
    ("tag", "meant"),
    [("taks:train", "task:train"), ("tsk:a", "task:a"), ("Task:a", "task:a"), ("task: a", "task:a"), ("aftr:a", "after:a"),
     ("paramters", "parameters"), ("parameter", "parameters"), ("Metrics", "metrics"), ("metric", "metrics"), ("import", "imports"),
     ("serv", "serve"), ("task=train", "task:train")],
)  # fmt: skip
def test_a_tag_that_is_nearly_ours_is_an_error_with_a_fix(tag, meant):
    made = pipeline(f"# %% task:a\nx = 1\n# %% {tag}\ny = 2")
    (problem,) = errors(made)
    assert meant in problem.message + (problem.hint or "")
    assert problem.cell == 2
    assert problem.fix is not None
    if "name" not in problem.code:
        assert problem.fix.tags == (meant,)


def test_a_task_name_is_checked():
    (problem,) = errors(pipeline("# %% task:my task!\nx = 1"))
    assert problem.code == "tag-name"
    assert "my-task" in (problem.hint or "")


def test_two_tasks_on_one_cell_are_an_error():
    assert codes(pipeline("# %% task:a, task:b\nx = 1")) == ["tag-two-tasks"]


def test_after_an_unknown_task_is_an_error_that_names_the_nearest():
    (problem,) = errors(pipeline("# %% task:load\nx = 1\n# %% task:b, after:lod\ny = 2"))
    assert problem.code == "after-unknown"
    assert (problem.cell, problem.task) == (2, "b")
    assert "after:load" in (problem.hint or "")
    assert problem.fix is not None
    assert problem.fix.tags == ("task:b", "after:load")


def test_a_cycle_by_after_is_an_error_that_names_the_cells():
    made = pipeline("# %% task:a, after:b\nx = 1\n# %% task:b\nprint(x)")
    (problem,) = errors(made)
    assert problem.code == "after-cycle"
    assert "a -> b" in problem.message or "b -> a" in problem.message
    assert problem.cell == 1
    assert problem.fix is not None
    assert problem.fix.tags == ("task:a",)
    assert made.resolve().nodes["a"].after == frozenset()  # so that nothing waits for ever


def test_a_task_after_itself_is_an_error():
    assert codes(pipeline("# %% task:a, after:a\nx = 1")) == ["after-cycle"]


def test_after_does_not_replace_the_data_edge():
    node = graph("# %% task:a\nvalue = 1\n# %% task:w\nprint('w')\n# %% task:c, after:w\nprint(value)").nodes["c"]
    assert node.upstream == {"a", "w"}
    assert node.after == {"w"}
