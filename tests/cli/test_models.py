"""`nbprod models` and its commands, `show`, `diff`, `rollback` and `lineage`, with versions that were really promoted."""

from __future__ import annotations

import json
import shutil

import pytest

from tests.cli.conftest import Folder

SERVE = "def line(x: float) -> float:\n    return weights['slope'] * x\n\n\nline(3.0)"
CELLS = (
    ("parameters", "slope = 2.0"),
    ("task:train", "weights = {'slope': slope}"),
    ("task:evaluate metrics", "score = weights['slope'] / 4"),
    ("serve", SERVE),
)


def config(**promote: object) -> str:
    return f"pipelines:\n  a:\n    notebook: a.ipynb\n    promote: {json.dumps(promote)}\n"


@pytest.fixture
def project(nbprod: Folder):
    nbprod.notebook(*CELLS)
    nbprod.config(config(require={"score": ">= 0.5"}))
    assert nbprod("run", "a").code == 0
    assert nbprod("promote", "a").code == 0
    yield nbprod
    nbprod("serve", "a", "--stop")


def test_the_life_of_two_versions(project):
    project.notebook(("parameters", "slope = 2.0"), ("task:train", "weights = {'slope': slope * 2}"), *CELLS[2:])
    assert project("run", "a", "-p", "slope=3").code == 0
    project.config(config(require={"score": ">= 0.5"}, approval=True))

    rehearsed = project("promote", "a", "--dry-run")
    assert "score >= 0.5 of a/v1: 1.5, met (each as recorded" in rehearsed.out
    assert "no held-out rows: the service takes no rows" in rehearsed.out
    promoted = project("promote", "a")
    assert promoted.code == 0, promoted.err
    assert "a/v2 waits for approval" in promoted.out
    assert [one["name"] for one in project("models", "--stage", "waiting", "--json").json["versions"]] == ["a/v2"]
    assert [one["name"] for one in project("models", "a", "--metric", "score >= 1", "--json").json["versions"]] == [
        "a/v2"
    ]
    assert [one["name"] for one in project("models", "--alias", "champion", "--json").json["versions"]] == ["a/v1"]

    assert project("models", "approve", "a/v2").code == 2, "a reason is asked for"
    approved = project("models", "approve", "a/v2", "--because", "looked at it")
    assert (approved.code, approved.out) == (0, "a/v2 is the champion\n")
    assert project("models", "note", "a@previous", "the old one").code == 0
    assert project("models", "alias", "a/v1", "safe").out == "a/v1 has the alias safe\n"
    shown = project("show", "a@safe").out
    assert shown.startswith("a/v1 (previous, safe): retired, run ")
    assert [line.split()[2] for line in shown.splitlines() if line.startswith("20")] == ["crowned", "note", "alias"]
    assert "the old one" in shown
    assert "looked at it" in project("show", "a/v2").out

    changed = project("diff", "a/v1", "v2")
    assert [line.split() for line in changed.out.splitlines() if line.startswith(("slope", "score"))] == [
        ["slope", "2", "3"],
        ["score", "0.5", "1.5"],
    ]
    assert "+weights = {'slope': slope * 2}" in changed.out
    assert project("diff", "a/v2", "a/v2").out.endswith("nothing differs\n")

    back = project("rollback", "a", "--because", "too steep", "--json").json
    assert (back["name"], back["service"]) == ("a/v1", None)
    assert back["events"][-1]["why"] == "too steep"
    assert "archived" in project("models", "archive", "a/v2").out
    refused = project("rollback", "a", "--to", "2")
    assert (refused.code, "models restore a/v2" in refused.err) == (1, True)


def test_an_answer_leads_back_to_version_run_and_cell(project):
    folder = project.path / ".nbprod" / "deployments" / "a" / "predictions"
    folder.mkdir(parents=True)
    lines = [{"ts": 1.0, "id": "other", "version": 1}, {"ts": 2.0, "id": "abc-1", "version": 1, "route": "predict"}]
    (folder / "predictions-1.jsonl").write_text("\n".join(map(json.dumps, lines)) + '\n{"half')

    told = project("lineage", "abc-1", "--source")

    assert told.code == 0, told.err
    assert "/predict answered by\na/v1: run " in told.out
    assert "weights = {'slope': slope}" in told.out
    assert project("lineage", "a/v1", "--json").json["cells"][0]["task"] == "train"
    missing = project("lineage", "abc")
    assert (missing.code, "no prediction log has the request 'abc'" in missing.err) == (1, True)


def test_a_champion_whose_files_are_gone_or_altered_is_told_and_the_next_promotion_goes_on(project):
    """What the records know is still told; nothing is served, exported or made the champion that is not what was promoted."""
    models = project.path / ".nbprod" / "models" / "a"
    sample = models / "v1" / "src" / "samples.json"
    sample.write_text(sample.read_text() + " ")

    altered = project("serve", "a")
    assert (altered.code, "a/v1 is not what was promoted (changed: src/samples.json)" in altered.err) == (1, True)
    assert "nbprod promote a --run " in altered.err

    shutil.rmtree(models)
    for command in (["serve", "a"], ["export", "container", "a", "--no-build"], ["rollback", "a", "--to", "1"]):
        gone = project(*command)
        assert (gone.code, "the files of a/v1 are gone" in gone.err) == (1, True), gone.err
        assert "Traceback" not in gone.err
    assert "production, its files are gone  champion" in project("models").out
    assert project("show", "a").out.startswith("a/v1 (champion): production")
    assert project("lineage", "a", "--json").json["version"] == "a/v1"

    promoted = project("promote", "a")
    assert promoted.code == 0, promoted.err
    assert "a/v2 is the champion" in promoted.out
    assert "the files of the version are gone" in promoted.out or "as recorded" in promoted.out
    back = project("rollback", "a")
    assert (back.code, "the files of a/v1 are gone" in back.err) == (1, True)
    assert project("show", "a").out.startswith("a/v2 (champion)")


def test_a_forced_promotion_needs_a_reason_and_keeps_it(project):
    assert project("run", "a", "-p", "slope=1").code == 0
    assert project("promote", "a", "--force").code == 2
    assert project("promote", "a", "--because", "x").code == 2

    forced = project("promote", "a", "--force", "--because", "only to see")

    assert forced.code == 0, forced.err
    assert "score >= 0.5: 0.25, not met" in forced.out
    assert "gate: passed over, because only to see" in project("show", "a/v2").out


@pytest.mark.parametrize(
    ("arguments", "message", "code"),
    [
        (["models", "approve", "a/v1", "--because", "x"], "nothing has been promoted", 1),
        (["models", "note", "a/v9", "x"], "nothing has been promoted", 1),
        (["rollback", "a"], "nothing has been promoted", 1),
        (["diff", "a/v1", "a/v2"], "nothing has been promoted", 1),
        (["lineage", "a/v1"], "nothing has been promoted", 1),
        (["show", "a/v1"], "nothing has been promoted", 1),
        (["models", "--stage", "best"], "is none of candidate, waiting", 2),
        (["models", "--metric", "score"], "is no comparison", 2),
    ],
)
def test_what_is_not_there_is_told(nbprod, arguments, message, code):
    nbprod.notebook(*CELLS)
    nbprod.config(config())

    result = nbprod(*arguments)

    assert (result.code, message in result.err) == (code, True), result.err
    assert not (nbprod.path / ".nbprod").exists()
