from __future__ import annotations

import pytest

from nbprod.notebook.syntax import parse_cell
from tests.notebook.making import errors, graph, pipeline


def test_lines_and_sources_stay_those_of_the_cell():
    parsed = parse_cell(
        "\n\n%matplotlib inline\nx = 1\n!echo a \\\n   b\n%time y = f(x)\nfiles = !ls\ndef f():\n    return 1\n\nos.path?\n"
        "total = 100 \\\n    % 7\na = 1; import os\n@deco\ndef g(): pass"
    )
    assert parsed.error is None
    assert [(line, text) for _, line, text in parsed.statements()] == [
        (3, "%matplotlib inline"), (4, "x = 1"), (5, "!echo a \\\n   b"), (7, "%time y = f(x)"), (8, "files = !ls"),
        (9, "def f():\n    return 1"), (12, "os.path?"), (13, "total = 100 \\\n    % 7"), (15, "a = 1"), (15, "import os"),
        (16, "@deco\ndef g(): pass"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("source", "line"),
    [
        ("x = 1\ny = = 2", 2),
        ("%%time\nx = 1\ny = = 2", 3),
        ("\n\n%%capture out\n\nx =", 5),
        ("!ls\nfor x in\n", 2),
        ("def f(:\n  pass", 1),
    ],
)
def test_a_syntax_error_names_the_line_of_the_cell(source, line):
    made = pipeline("# %% task:a\nok = 1\n# %%\n" + source)
    (problem,) = errors(made)
    assert (problem.code, problem.cell, problem.line) == ("syntax", 2, line)


def test_an_indented_cell_and_pasted_prompts_are_read_as_ipython_reads_them():
    assert parse_cell("    x = 1\n    y = x").error is None
    assert parse_cell(">>> x = 1\n>>> y = 2").error is None
    assert parse_cell("In [1]: x = 1").error is None


def reads(text: str) -> set[str]:
    return set(graph(f"# %% task:a\na = b = c = n = 1\ndef f(*x): return x\n# %% task:t\n{text}").nodes["t"].inputs)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("%time y = f(a)", {"a"}),
        ("%timeit -n 10 -r 2 f(a, b)", {"a", "b"}),
        ("%prun f(c)", {"c"}),
        ("%%time\ny = a + 1", {"a"}),
        ("%%timeit -n 1\nf(b)", {"b"}),
        ("%%capture out\nprint(a)", {"a"}),
        ("!echo {a} $b", {"a", "b"}),
        ("files = !ls {n}", {"n"}),
        ("!echo {a + b}", {"a", "b"}),
        ("%%bash\necho $a", set()),
        ("%%script bash -s {a}\necho $1", {"a"}),
        ("a?", {"a"}),
        ("%%writefile x.txt\na", set()),
        ("for i in range(3):\n    %time f(c)", {"c"}),
        ("x = 10 \\\n    % a", {"a"}),
        ("%some_extension a", {"a"}),
    ],
)
def test_code_in_magics_is_analysed_and_opaque_text_is_not(text, expected):
    assert reads(text) == expected


@pytest.mark.parametrize(
    "line", ["pip install numpy", "ls", "cd data", "whos", "matplotlib inline", "time print(1)", "conda install x -y"]
)
def test_magics_without_a_percent_sign_in_a_cell_of_one_line(line):
    assert [
        d for d in pipeline(f"# %% task:a\nx = 1\n# %%\n{line}\n# %%\nprint(x)").diagnostics if d.severity == "error"
    ] == []
    assert [d.code for d in errors(pipeline(f"# %% task:a\n{line.replace(' ', ' = = ')}\nprint(1)"))] == (
        ["syntax"] if " " in line else []
    )


def test_names_bound_by_magics_are_passed_on():
    made = graph(
        "# %% task:a\n%time y = 1\nfiles = !ls\n# %% task:b\n%%capture out\nprint(1)\n# %% task:s\n%%bash --out text\nls\n# %% task:c\nprint(y, files, out, text)"
    )
    assert made.nodes["c"].inputs == {"y": "a", "files": "a", "out": "b", "text": "s"}


def test_what_timeit_assigns_is_gone():
    made = pipeline("# %% task:a\n%%timeit\nz = 1\n# %% task:b\nprint(z)")
    assert [(d.code, d.cell) for d in errors(made)] == [("undefined-name", 2)]


def test_magics_that_set_up_plots_are_carried_into_the_tasks_that_plot():
    made = graph(
        "# %%\n%matplotlib inline\n%load_ext autoreload\n# %% task:a\nx = 1\n# %% task:b\nimport matplotlib.pyplot as plt\nplt.plot(x)"
    )
    assert [step.source for step in made.nodes["a"].prelude] == ["%load_ext autoreload"]
    assert [getattr(step, "source", "x") for step in made.nodes["b"].prelude] == [
        "%matplotlib inline",
        "%load_ext autoreload",
        "x",
    ]


def test_an_opaque_command_that_may_write_files_comes_before_what_reads_files():
    made = graph(
        "# %% task:a\n!unzip data.zip\n# %% task:b\nimport pandas as pd\ndf = pd.read_csv('data/x.csv')\n# %% task:c\nprint(1)"
    )
    assert made.nodes["b"].after == {"a"}
    assert made.nodes["c"].after == frozenset()
    assert graph("# %% task:a\n!pip install x\n# %% task:b\nopen('y').read()").nodes["b"].after == frozenset()


def test_writefile_comes_before_who_imports_or_reads_it():
    made = graph(
        "# %% task:w\n%%writefile helpers.py\nx = 1\n# %% task:a\nimport helpers\nprint(helpers.x)\n# %% task:b\nopen('helpers.py').read()"
    )
    assert made.nodes["a"].after == {"w"}
    assert made.nodes["b"].after >= {"w"}
