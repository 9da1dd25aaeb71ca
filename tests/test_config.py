"""`pipelines.yaml`: what is accepted, and what each mistake is told."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from nbprod.config import PipelineConfig, ProjectConfig, Range, Requirement, json_schema, read_config
from nbprod.errors import ConfigError

FULL = """\
pipelines:
  wine:
    notebook: notebooks/wine_classification.ipynb
    parameters: {max_depth: 6}
    inputs: [data/*.csv]
    resources: {train: {retries: 1, timeout: 600}}
    sweep:
      search: tpe
      trials: 40
      parallel: 2
      optimize: {accuracy: maximize}
      space:
        max_depth: [2, 4, 8]
        learning_rate: {low: 1e-3, high: 0.3, log: true}
    promote:
      require: {accuracy: ">= 0.9"}
    service: {name: wine, workers: 1}
"""


def read(tmp_path: Path, text: str) -> ProjectConfig:
    path = tmp_path / "pipelines.yaml"
    path.write_text(text)
    return read_config(path, "pipelines.yaml")


def fails(tmp_path: Path, text: str) -> ConfigError:
    with pytest.raises(ConfigError) as caught:
        read(tmp_path, text)
    return caught.value


def test_everything_of_the_design_is_read(tmp_path):
    wine = read(tmp_path, FULL).pipelines["wine"]

    assert wine.parameters == {"max_depth": 6}
    assert wine.inputs == ["data/*.csv"]
    assert (wine.resources["train"].retries, wine.resources["train"].timeout) == (1, 600)
    assert wine.sweep.space["max_depth"] == [2, 4, 8]
    assert wine.sweep.space["learning_rate"] == Range(low=0.001, high=0.3, log=True)
    assert wine.promote.require["accuracy"].bound == 0.9
    assert wine.service.name == "wine"


@pytest.mark.parametrize("line", ["wine: {notebook: a.ipynb}", "wine: a.ipynb"])
def test_a_pipeline_of_one_line_works(tmp_path, line):
    wine = read(tmp_path, f"pipelines:\n  {line}\n").pipelines["wine"]

    assert wine.notebook == "a.ipynb"
    assert wine.sweep.parallel == 1


@pytest.mark.parametrize("text", ["", "# nothing yet\n", "pipelines: {}\n"])
def test_a_file_without_pipelines_is_a_project_without_pipelines(tmp_path, text):
    assert read(tmp_path, text).pipelines == {}


# text, line, parts of the message
WRONG_KEYS = [
    (
        "pipelines:\n  a:\n    notebok: x.ipynb\n",
        3,
        ["unknown key 'notebok' in pipelines.a", "Did you mean 'notebook'?"],
    ),
    ("pipeline:\n  a: x.ipynb\n", 1, ["unknown key 'pipeline'", "Did you mean 'pipelines'?"]),
    ("pipelines:\n  a:\n    notebook: x\n    sweep:\n      trails: 3\n", 5, ["'trails'", "Did you mean 'trials'?"]),
    ("pipelines:\n  a:\n    notebook: x\n    trials: 3\n", 4, ["'trials' belongs under 'sweep'", "indentation"]),
    (
        "pipelines:\n  a:\n    notebook: x\n    sweep:\n      space:\n        d: {low: 1, hihg: 2}\n",
        6,
        ["'hihg'", "'high'"],
    ),
    ("pipelines:\n  a:\n    notebook: x\n    resources:\n      t: {retry: 2}\n", 5, ["'retry'", "'retries'"]),
    (
        "pipelines:\n  a:\n    notebook: x\n    colour: red\n",
        4,
        ["unknown key 'colour'", "Valid here: notebook, parameters"],
    ),
    ("pipelines:\n  a: {parameters: {x: 1}}\n", 2, ["the key 'notebook' is missing in pipelines.a", "Add it"]),
    ("pipelines:\n  my pipeline: x.ipynb\n", 2, ["'my pipeline' is no name", "starts with a letter"]),
]


@pytest.mark.parametrize(("text", "line", "parts"), WRONG_KEYS)
def test_a_wrong_key_is_told_with_its_line_and_the_nearest_valid_one(tmp_path, text, line, parts):
    error = fails(tmp_path, text)

    assert str(error).startswith(f"pipelines.yaml:{line}: ")
    for part in parts:
        assert part in str(error)
    assert "also" not in str(error), "one mistake is one problem"


WRONG_VALUES = [
    ("sweep: {trials: many}", "'trials' in pipelines.a.sweep should be a valid integer, not 'many'"),
    ('sweep: {trials: "40"}', "Take the quotes away."),
    ("sweep: {trials: true}", "should be a valid integer, not True"),
    ("sweep: {trials: 0}", "should be greater than or equal to 1, not 0"),
    ("sweep: {search: tp}", "Did you mean 'tpe'?"),
    ("sweep: {optimize: {loss: minimise}}", "Did you mean 'minimize'?"),
    ("sweep: {space: {d: []}}", "should have at least 1 item"),
    ("sweep: {space: {d: {low: 3, high: 1}}}", "low (3) must be below high (1)"),
    ("sweep: {space: {d: {low: 0, high: 1, log: true}}}", "must start above 0, not at 0"),
    ("sweep: {space: {d: {low: 1, high: 9, log: true, step: 2}}}", "either log or step, not both"),
    ("sweep: {space: {d: {low: 1, high: 9, log: yes}}}", "Write true or false"),
    ("sweep: 40", "'sweep' in pipelines.a should be a mapping of keys to values, not 40"),
    ("sweep:", "Indent its keys below it"),
    ("inputs: data.csv", "should be a valid list, not 'data.csv'"),
    ("notebook: 3", "should be a valid string, not 3"),
    ("promote: {require: {accuracy: 0.9}}", 'should be a comparison in quotes such as ">= 0.9", not 0.9'),
    ("promote: {require: {accuracy: '=> 0.9'}}", "not '=> 0.9'"),
    ("promote: {require: {accuracy: '>= high'}}", "not '>= high'"),
    ("service: {port: 99999}", "should be less than or equal to 65535"),
    ("resources: {t: {timeout: 0}}", "should be greater than 0"),
]


@pytest.mark.parametrize(("line", "message"), WRONG_VALUES)
def test_a_wrong_value_is_told_with_its_line_and_what_would_be_right(tmp_path, line, message):
    head = "pipelines:\n  a:\n" + ("" if line.startswith("notebook") else "    notebook: x.ipynb\n")

    error = fails(tmp_path, f"{head}    {line}\n")

    assert error.where.line == (head.count("\n") + 1)
    assert message in str(error)


WRONG_YAML = [
    ("pipelines:\n\twine: a.ipynb\n", 2, "indented with a tab"),
    (
        "pipelines:\n  wine:\n    notebook: a\n   sweep: {}\n",
        4,
        "indentation does not fit the block that starts on line",
    ),
    ("pipelines:\n  wine: a\n    notebook: b\n", 3, "'key: value' stands where none can be"),
    ("pipelines:\n  wine: {notebook: a\n", 3, "opens on line 2 is not closed"),
    ("pipelines:\n  wine: 'a\n", 3, "not closed"),
    ("pipelines:\n  a: x\n  b: y\n  a: z\n", 4, "the key 'a' is given twice (first on line 2)"),
    ("pipelines:\n  a: *nowhere\n", 2, "undefined alias"),
    ("pipelines:\n  a: !!python/object:os.system x\n", 2, "stands for no plain value"),
    ("pipelines: &p\n  a: *p\n", 1, "alias stands inside"),
    ("pipelines:\n  ? [1, 2]\n  : x\n", 2, "a key must be text"),
    ("- a\n- b\n", 1, "the file should be a mapping"),
]


@pytest.mark.parametrize(("text", "line", "message"), WRONG_YAML)
def test_bad_yaml_is_told_with_its_line(tmp_path, text, line, message):
    error = fails(tmp_path, text)

    assert message in str(error)
    assert error.where.line == line
    assert error.fix


def test_all_problems_are_told_at_once(tmp_path):
    error = fails(tmp_path, "pipelines:\n  a: {notebook: x, colour: red}\n  b: {notebook: 3}\n")

    assert "pipelines.yaml:2:" in str(error)
    assert "also line 3: 'notebook' in pipelines.b should be a valid string, not 3" in str(error)


def test_text_that_yaml_1_1_takes_for_something_else_stays_text(tmp_path):
    """`no` is Norway, `on` is a key, `12:30` a time and `1e-3` a number."""
    text = "pipelines:\n  a:\n    notebook: x\n    parameters: {country: no, on: y, at: 12:30, lr: 1e-3, n: 012, day: 2024-01-01}\n"

    values = read(tmp_path, text).pipelines["a"].parameters

    assert values == {"country": "no", "on": "y", "at": "12:30", "lr": 0.001, "n": 12, "day": "2024-01-01"}


def test_a_file_that_is_not_text_is_told_with_its_line(tmp_path):
    path = tmp_path / "pipelines.yaml"
    path.write_bytes(b"pipelines:\n  caf\xe9: x\n")

    with pytest.raises(ConfigError, match=r"pipelines.yaml:2: is not UTF-8 text"):
        read_config(path, "pipelines.yaml")


@pytest.mark.parametrize(
    ("text", "value", "holds"),
    [
        (">= 0.9", 0.9, True),
        ("> 0.9", 0.9, False),
        ("<=3", 3, True),
        ("< 3", 3.0, False),
        ("== 1", 1, True),
        (">= 0", float("nan"), False),
        ("< 1", float("nan"), False),
    ],
)
def test_a_requirement_holds_or_not(text, value, holds):
    assert Requirement(text).holds(value) is holds


@pytest.mark.parametrize(("collect", "inputs"), [("d/a.parquet", ["x.csv", "d/a.parquet"]), ("d/a.csv", ["x.csv"])])
def test_a_parquet_file_for_labelled_rows_is_an_input_since_no_run_is_seen_to_read_it(collect, inputs):
    told = {"notebook": "a.ipynb", "inputs": ["x.csv"], "watch": {"collect": collect}}

    assert PipelineConfig.model_validate(told).inputs == inputs


def test_the_published_schema_is_the_one_of_the_models():
    """`nbprod schema > docs/pipelines.schema.json` was run since the models changed."""
    published = Path(__file__).parents[1] / "docs" / "pipelines.schema.json"

    assert json.loads(published.read_text()) == json_schema()


@pytest.mark.parametrize("valid", [True, False])
def test_the_schema_judges_as_the_models_do(valid):
    import jsonschema

    space = {"d": [1, 2]} if valid else {"d": []}
    value = {"pipelines": {"a": "x.ipynb", "b": {"notebook": "x", "sweep": {"space": space}}}}

    errors = list(jsonschema.Draft202012Validator(json_schema()).iter_errors(value))

    assert bool(errors) is not valid
