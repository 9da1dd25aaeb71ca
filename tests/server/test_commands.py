"""What the panel asks for, as the command line understands it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from click.core import ParameterSource

from nbprod.cli.app import nbprod
from nbprod.server import commands
from nbprod.server.models import ExploreOptions, PromoteOptions, RunOptions, ServeOptions, SweepOptions
from nbprod.server.place import Place, place_of


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return place_of(tmp_path.resolve(), "a.ipynb")


def understood(name: str, arguments: list[str]) -> dict[str, Any]:
    """Return the options that a command takes these arguments for; those that were not given are left out."""
    command = nbprod.get_command(nbprod.make_context("nbprod", [name]), name)
    assert command is not None
    context = command.make_context(name, [*arguments, "--json"])
    return {
        key: value
        for key, value in context.params.items()
        if context.get_parameter_source(key) is ParameterSource.COMMANDLINE and key != "as_json"
    }


def test_a_run_has_its_values_tasks_and_workers(place: Place) -> None:
    options = RunOptions(
        path="a.ipynb",
        parameters={"name": " 'a=b' ", "none": None, "sizes": [1, [2.5]], "flag": False},
        only=["--force", "b"],
        start_from=["c"],
        workers=3,
    )
    arguments = commands.run_arguments(place, options) + commands.pool_arguments(options)

    assert understood("run", arguments) == {
        "pipeline": str(place.notebook),
        "values": options.parameters,
        "only": ("--force", "b"),
        "start_from": ("c",),
        "workers": 3,
    }
    assert understood("plan", commands.run_arguments(place, options.model_copy(update={"force": True})))["force"]


def test_a_sweep_has_its_space_and_its_search(place: Place) -> None:
    space = {"depth": {"low": 1, "high": 9, "step": 2}, "kind": ["a", None, [1]]}
    options = SweepOptions(
        path="a.ipynb",
        space=space,
        fixed={"n": 1},
        search="tpe",
        trials=7,
        parallel=2,
        metric="loss",
        direction="minimize",
        seed=0,
    )

    assert understood("sweep", commands.sweep_arguments(place, options)) == {
        "pipeline": str(place.notebook),
        "space": space,
        "values": {"n": 1},
        "search": "tpe",
        "trials": 7,
        "parallel": 2,
        "optimize": "loss:minimize",
        "seed": 0,
    }


@pytest.mark.parametrize(
    ("options", "wanted"),
    [
        ({"resume": "2026-x"}, {"resume": "2026-x"}),
        (
            {"resume": "2026-x", "trials": 9, "retry_failed": True},
            {"resume": "2026-x", "trials": 9, "retry_failed": True},
        ),
        ({"retry_failed": True}, {"resume": "", "retry_failed": True}),
    ],
)
def test_a_sweep_goes_on(place: Place, options: dict[str, Any], wanted: dict[str, Any]) -> None:
    found = understood("sweep", commands.sweep_arguments(place, SweepOptions(path="a.ipynb", **options)))

    assert found == {"pipeline": str(place.notebook), **wanted}


def test_a_promotion_a_service_and_a_look_into_a_task(place: Place) -> None:
    pipeline = str(place.notebook)
    promote = PromoteOptions(path="a.ipynb", run="--allow-pickle")
    assert understood("promote", commands.promote_arguments(place, promote)) == {
        "pipeline": pipeline,
        "run": "--allow-pickle",
    }
    serve = understood("serve", commands.serve_arguments(place, ServeOptions(path="a.ipynb", version=2, port=8080)))
    assert (serve["version"], serve["port"]) == ("2", 8080)
    explore = ExploreOptions(path="a.ipynb", run="r", task="train")
    assert understood("explore", commands.explore_arguments(place, explore)) == {
        "pipeline": pipeline,
        "run": "r",
        "task": "train",
    }
