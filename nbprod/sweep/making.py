"""Makes the plan of a sweep from what is asked, what `pipelines.yaml` says and what the notebook has."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from pydantic import TypeAdapter, ValidationError

from nbprod.config import Range as RangeConfig
from nbprod.config import Space as SpaceConfig
from nbprod.errors import ConfigError
from nbprod.notebook.parameters import Parameter, check_parameters, check_value, parse_value
from nbprod.notebook.pipeline import Pipeline
from nbprod.sweep.plan import SweepPlan, choose_metric
from nbprod.sweep.space import Choices, Space, parse_space, space_from

if TYPE_CHECKING:
    from nbprod.project import Entry


def make_plan(
    entry: Entry,
    pipeline: Pipeline,
    given: Mapping[str, str] | None = None,
    *,
    space: Mapping[str, Any] | None = None,
    fixed: Mapping[str, Any] | None = None,
    search: str | None = None,
    trials: int | None = None,
    parallel: int | None = None,
    optimize: str | Mapping[str, str] | None = None,
    seed: int | None = None,
) -> SweepPlan:
    """Return the plan of a new sweep: what is given, else what pipelines.yaml says, else what fits.

    Args:
        entry: The pipeline.
        pipeline: Its notebook.
        given: Spaces and values in the command line's form.
        space: Spaces in the form of pipelines.yaml.
        fixed: Values that every trial has.
        search: How values are proposed.
        trials: How many.
        parallel: How many at a time.
        optimize: The metric that decides, `METRIC[:DIRECTION]` or with its direction.
        seed: Seeds the search.

    Raises:
        ConfigError: A space, the metric or the search does not fit.
        ParameterError: A parameter does not exist, or a value has the wrong type.
    """
    config = entry.config.sweep
    given, asked, values = dict(given or {}), _checked(space or {}), dict(fixed or {})
    named = {**dict.fromkeys(given), **dict.fromkeys(asked), **values}
    check_parameters(pipeline.parameters, {**named, **dict.fromkeys(config.space), **entry.config.parameters})
    constant = {name: value for name, value in entry.config.parameters.items() if name not in named}
    constant |= {name: check_value(pipeline.parameters[name], value) for name, value in values.items()}
    spaces = {name: _space(value, pipeline.parameters[name]) for name, value in asked.items()}
    for name, text in given.items():
        found = parse_space(text, pipeline.parameters[name])
        if found is None:
            constant[name] = parse_value(pipeline.parameters[name], text)
        else:
            spaces[name] = found
    if not spaces:
        spaces = {
            name: _space(value, pipeline.parameters[name]) for name, value in config.space.items() if name not in named
        }
    constant = {name: value for name, value in constant.items() if name not in spaces}
    search = search or config.search
    trials = trials or config.trials
    if search is None:
        size = 1
        for one in spaces.values():
            size *= len(one.values) if isinstance(one, Choices) else sys.maxsize
        # so few that proposing at random would only repeat some of them
        search = "grid" if size <= (trials or 20) else "tpe"
    if isinstance(optimize, str):
        optimize = dict([_direction(optimize, pipeline)])
    return SweepPlan(
        spaces,
        choose_metric(pipeline, optimize or config.optimize),
        search,
        trials,
        constant,
        parallel or config.parallel,
        config.seed if seed is None else seed,
    )


def _checked(spaces: Mapping[str, Any]) -> dict[str, SpaceConfig]:
    found: dict[str, SpaceConfig] = {}
    for name, value in spaces.items():
        try:
            found[name] = TypeAdapter(SpaceConfig).validate_python(value)
        except ValidationError as error:
            first = error.errors(include_url=False, include_context=False)[0]
            place = ".".join(str(part) for part in first["loc"][1:])
            raise ConfigError(
                f"the space of {name} is not right: {f'{place}: ' if place else ''}{first['msg']}",
                fix="Give a list of values, or low and high, with log or step.",
            ) from None
    return found


def _space(value: SpaceConfig, parameter: Parameter) -> Space:
    return space_from(value.model_dump(exclude_none=True) if isinstance(value, RangeConfig) else value, parameter)


def _direction(text: str, pipeline: Pipeline) -> tuple[str, str]:
    name, _, direction = text.partition(":")
    if not direction:
        choose_metric(pipeline, {name: "maximize"})  # tells an unknown metric before its name is looked at
        lower = choose_metric(replace(pipeline, metrics=(name,)), None)
        return name, lower[name]
    return name, direction
