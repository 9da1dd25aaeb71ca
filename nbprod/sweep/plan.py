"""What a sweep is to do: the space, the search, the metric."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from difflib import get_close_matches
from typing import Any

from nbprod.errors import ConfigError
from nbprod.notebook.pipeline import Pipeline
from nbprod.sweep.space import Choices, Range, Space

SEARCHES = ("grid", "random", "tpe")
LOWER_IS_BETTER = ("loss", "error", "mse", "mae", "rmse", "mape", "logloss", "brier", "perplexity")


@dataclass(frozen=True)
class SweepPlan:
    """What a sweep is to do.

    `trials` is `None` for a whole grid; `fixed` are parameters that every trial has; `seed` makes the proposals
    repeatable when one trial runs at a time.
    """

    space: Mapping[str, Space]
    optimize: Mapping[str, str]
    search: str = "tpe"
    trials: int | None = None
    fixed: Mapping[str, Any] = field(default_factory=dict)
    parallel: int = 1
    seed: int | None = 0

    def __post_init__(self) -> None:
        if not self.space:
            raise ConfigError(
                "the sweep has nothing to search",
                fix="give a space, as in -p max_depth=2,4,8, or sweep.space in pipelines.yaml",
            )
        if self.search not in SEARCHES:
            close = get_close_matches(self.search, SEARCHES, 1)
            raise ConfigError(
                f"there is no search {self.search!r}",
                fix=f"did you mean {close[0]!r}?" if close else f"choose one of {', '.join(SEARCHES)}",
            )
        if self.trials is not None and self.trials < 1:
            raise ConfigError(f"a sweep of {self.trials} trials does nothing", fix="give --trials a number above 0")
        if self.search == "grid":
            for name, space in self.space.items():
                space.grid(name)

    @property
    def size(self) -> int:
        """How many trials there will be."""
        if self.search != "grid":
            return self.trials or 20
        size = 1
        for name, space in self.space.items():
            size *= len(space.grid(name))
        return min(size, self.trials or size)

    def to_json(self) -> dict[str, Any]:
        """Return plain JSON values; `from_json` reads them back."""
        return {
            "space": {
                name: list(space.values) if isinstance(space, Choices) else asdict(space)
                for name, space in self.space.items()
            },
            "optimize": dict(self.optimize),
            "search": self.search,
            "trials": self.trials,
            "fixed": dict(self.fixed),
            "parallel": self.parallel,
            "seed": self.seed,
        }

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> SweepPlan:
        """Read what `to_json` wrote."""
        spaces = {
            name: Choices(tuple(space)) if isinstance(space, list) else Range(**space)
            for name, space in value["space"].items()
        }
        return cls(**{**value, "space": spaces})


def choose_metric(pipeline: Pipeline, optimize: Mapping[str, str] | None) -> dict[str, str]:
    """Return the metrics to optimise with their directions, checked against the pipeline's.

    Without `optimize` it is the pipeline's first metric, minimised when its name says that less is better.
    Raises `ConfigError` for a pipeline without metrics, an unknown metric or direction.
    """
    if not pipeline.metrics:
        raise ConfigError(
            f"{pipeline.notebook.path.name} has no metric to optimise",
            fix="tag the cell that assigns the score with `metrics`",
        )
    if not optimize:
        name = pipeline.metrics[0]
        lower = any(part in LOWER_IS_BETTER for part in name.lower().split("_"))
        return {name: "minimize" if lower else "maximize"}
    for name, direction in optimize.items():
        if name not in pipeline.metrics:
            close = get_close_matches(name, pipeline.metrics, 1)
            raise ConfigError(
                f"there is no metric {name!r} to optimise",
                fix=f"did you mean {close[0]!r}?"
                if close
                else f"the notebook's metrics are {', '.join(pipeline.metrics)}",
            )
        if direction not in ("maximize", "minimize"):
            raise ConfigError(f"{name}: {direction!r} is no direction", fix="write maximize or minimize")
    return dict(optimize)
