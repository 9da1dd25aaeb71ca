"""Finding a project and its pipelines."""

from __future__ import annotations

from pathlib import Path

import pytest

from nbprod.errors import NotFoundError
from nbprod.project import Project


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "notebooks" / "deep").mkdir(parents=True)
    (tmp_path / "notebooks" / "a.ipynb").write_text("{}")
    (tmp_path / "notebooks" / "b.ipynb").write_text("{}")
    (tmp_path / "pipelines.yaml").write_text("pipelines:\n  wine: notebooks/a.ipynb\n")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_the_root_is_the_nearest_folder_above_with_pipelines_yaml(folder):
    assert Project.find(folder / "notebooks" / "deep").root == folder
    assert Project.find().root == folder


def test_without_pipelines_yaml_the_root_is_where_runs_were_kept_before(tmp_path):
    (tmp_path / "deep").mkdir()
    (tmp_path / ".nbprod").mkdir()
    (tmp_path / ".nbprod" / "nbprod.db").touch()

    assert Project.find(tmp_path / "deep").root == tmp_path


def test_pipelines_yaml_above_counts_more_than_runs_kept_below_it(folder):
    (folder / "notebooks" / ".nbprod").mkdir()
    (folder / "notebooks" / ".nbprod" / "nbprod.db").touch()

    assert Project.find(folder / "notebooks").root == folder


def test_without_either_the_root_is_the_folder_itself(tmp_path):
    assert Project.find(tmp_path).root == tmp_path.resolve()


def test_a_pipeline_is_found_by_its_name_and_by_its_notebook(folder, monkeypatch):
    project = Project.find()
    monkeypatch.chdir(folder / "notebooks")

    assert project.pipeline("wine") == project.pipeline("a.ipynb") == project.pipeline()
    assert project.pipeline("wine").notebook == folder / "notebooks" / "a.ipynb"


def test_a_notebook_that_is_not_listed_is_a_pipeline_too(folder):
    entry = Project.find().pipeline("notebooks/b.ipynb")

    assert (entry.name, entry.notebook) == ("notebooks/b", folder / "notebooks" / "b.ipynb")
    assert entry.config.sweep.parallel == 1


def test_notebooks_of_one_name_in_different_folders_are_different_pipelines(folder, monkeypatch):
    (folder / "notebooks" / "deep" / "b.ipynb").write_text("{}")
    (folder / "b.ipynb").write_text("{}")
    project = Project.find()

    found = [project.pipeline(path).name for path in ("b.ipynb", "notebooks/b.ipynb", "notebooks/deep/b.ipynb")]

    assert found == ["b", "notebooks/b", "notebooks/deep/b"]
    monkeypatch.chdir(folder / "notebooks")
    assert [project.pipeline(name).name for name in found] == found, "the name leads to it, wherever one is"


def test_an_unknown_name_is_told_with_the_nearest_one(folder):
    with pytest.raises(NotFoundError) as caught:
        Project.find().pipeline("wien")

    assert "there is no pipeline 'wien' in pipelines.yaml" in str(caught.value)
    assert "Did you mean 'wine'? Pipelines: wine." in str(caught.value)


def test_a_notebook_that_is_not_there_is_told(folder):
    with pytest.raises(NotFoundError, match=r"there is no notebook notebooks/c.ipynb\n  Pipelines: wine."):
        Project.find().pipeline("notebooks/c.ipynb")


def test_without_a_name_there_must_be_one_pipeline(folder):
    (folder / "pipelines.yaml").write_text("pipelines: {wine: a.ipynb, beer: b.ipynb}\n")

    with pytest.raises(NotFoundError, match=r"say which pipeline\n  Pipelines: wine, beer."):
        Project.find().pipeline()


def test_without_pipelines_yaml_a_name_cannot_be_looked_up(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    with pytest.raises(NotFoundError, match=r"There is no pipelines.yaml here or above; give the path of a notebook"):
        Project.find().pipeline("wine")


def test_the_state_folder_keeps_itself_out_of_version_control(tmp_path):
    state = Project(tmp_path).make_state()

    assert state == tmp_path / ".nbprod"
    assert (state / ".gitignore").read_text() == "*\n"
