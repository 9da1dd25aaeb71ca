"""Sweeps: a search over parameter values whose trials share the tasks that their parameters do not reach."""

from nbprod.sweep.plan import SEARCHES, SweepPlan, choose_metric
from nbprod.sweep.runner import resume_sweep, run_sweep
from nbprod.sweep.space import Choices, Range, Space, parse_space, space_from
from nbprod.sweep.trials import Sweep, Sweeps, Trial

__all__ = [
    "SEARCHES",
    "Choices",
    "Range",
    "Space",
    "Sweep",
    "SweepPlan",
    "Sweeps",
    "Trial",
    "choose_metric",
    "parse_space",
    "resume_sweep",
    "run_sweep",
    "space_from",
]
