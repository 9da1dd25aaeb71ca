"""What keeps work from being started: said at once, with the words of the command that would fail."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nbprod.server.models import RunOptions, SweepOptions
from nbprod.server.place import Place

if TYPE_CHECKING:
    from nbprod.notebook.pipeline import Pipeline


def _pipeline(place: Place) -> Pipeline:
    from nbprod.notebook.pipeline import read_pipeline
    from nbprod.notebook.refusal import refuse

    pipeline = read_pipeline(place.notebook)
    refuse(pipeline)
    return pipeline


def check_run(place: Place, options: RunOptions) -> None:
    """Raise for a notebook that cannot run, a parameter or a task that it does not have."""
    from nbprod.execution.selection import check_tasks
    from nbprod.notebook.parameters import check_parameters, check_value

    pipeline = _pipeline(place)
    check_parameters(pipeline.parameters, options.parameters)
    for name, value in options.parameters.items():
        check_value(pipeline.parameters[name], value)
    check_tasks(pipeline, [*options.only, *options.start_from])


def check_sweep(place: Place, options: SweepOptions) -> None:
    """Raise for a notebook that cannot run, a space or a metric that does not fit it, a sweep that is not there."""
    from nbprod.sweep.making import make_plan
    from nbprod.sweep.trials import Sweeps

    pipeline = _pipeline(place)
    if options.resume is not None or options.retry_failed:
        Sweeps(place.project).get(options.resume or None, place.entry.name)
        return
    make_plan(
        place.entry,
        pipeline,
        space=options.space,
        fixed=options.fixed,
        search=options.search,
        trials=options.trials,
        parallel=options.parallel,
        optimize={options.metric: options.direction} if options.metric is not None else None,
        seed=options.seed,
    )
