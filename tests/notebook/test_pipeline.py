from __future__ import annotations

import time

from nbprod.notebook.diagnostics import Severity
from nbprod.notebook.pipeline import pipeline_of, read_pipeline
from nbprod.notebook.reader import notebook_of
from tests.notebook.making import document, errors, graph, pipeline


def test_a_kernel_that_speaks_no_python_is_an_error():
    made = pipeline_of(
        notebook_of(document("# %% task:a\nx <- 1", {"name": "ir", "display_name": "R", "language": "R"}), "n.ipynb")
    )
    (problem,) = made.diagnostics
    assert (problem.code, problem.severity) == ("kernel-language", Severity.ERROR)
    assert "'ir'" in problem.message


def test_an_open_document_is_a_pipeline_without_a_file(tmp_path):
    made = pipeline_of(notebook_of(document("# %% task:a\nx = 1"), tmp_path / "unsaved.ipynb"))
    assert list(made.tasks) == ["a"]
    assert not (tmp_path / "unsaved.ipynb").exists()


def test_the_same_notebook_gives_the_same_graph(tmp_path):
    path = tmp_path / "n.py"
    path.write_text('# %% tags=["task:a"]\nx = [1]\n\n# %% tags=["task:b"]\nx.append(2)\n')
    assert read_pipeline(path).resolve() == read_pipeline(str(path)).resolve()


def test_a_cell_with_a_syntax_error_does_not_hide_the_rest():
    made = pipeline("# %% task:a\nx = 1\n# %% task:b\ny = (\n# %% task:c\nprint(x, z)")
    assert [(d.code, d.cell) for d in errors(made)] == [("syntax", 2), ("undefined-name", 3)]


def test_an_expression_may_be_as_long_as_a_kernel_bears():
    terms = " + ".join(f"x{number % 5}" for number in range(2_900))

    found = graph(f"# %% task:a\nx0 = x1 = x2 = x3 = x4 = [1]\n# %% task:b\ntotal = {terms}\n# %% task:c\nprint(total)")

    assert found.nodes["b"].upstream == {"a"}
    assert found.nodes["c"].upstream == {"b"}


def test_fitted_in_parallel_and_compared():
    made = graph(
        "# %%\nimport numpy as np\nfrom lib import A, B, load\n# %% parameters\nseed = 1\n# %%\nnp.random.seed(seed)\n# %% task:load\nX, y = load()\n"
        "# %% task:a\na = A(random_state=0).fit(X, y)\n# %% task:b\nb = B(random_state=0).fit(X, y)\n# %% task:c\nprint(a.score(X, y), b.score(X, y))"
    )
    assert made.nodes["a"].upstream <= {"setup", "load"}
    assert made.nodes["b"].upstream <= {"setup", "load"}


def test_analysis_takes_time_in_proportion_to_the_notebook():
    def seconds(count: int, salt: int) -> float:
        kinds = [
            "frame_{i} = pd.DataFrame({{'a': [{i}]}})\nframe_{i}['c'] = frame_{i}['a'] * 2",
            "def clean_{i}(frame, limit={i}):\n    frame = frame[frame['a'] < limit]\n    return [v for v in frame['a'] if v]",
            "for j in range(3):\n    print(j, {i})",
        ]
        text = "# %%\nimport pandas as pd\n" + "\n".join(
            f"# %%{f' task:t{i // 10}' if i % 10 == 0 else ''}\n" + kinds[i % 3].format(i=i + salt)
            for i in range(count)
        )
        notebook = notebook_of(document(text), "n.ipynb")
        started = time.process_time()
        pipeline_of(notebook).resolve()
        return time.process_time() - started

    seconds(10, 0)
    small = min(seconds(200, 10_000), seconds(200, 20_000))
    assert seconds(1600, 30_000) < 20 * small  # eight times the cells
