"""What the panel sends and gets, as JSON. `openapi.py` publishes these models; the panel's TypeScript types are made from them.

Paths of notebooks are those of Jupyter's contents API: relative to the server's root, with `/`. Times are seconds since 1970, durations
seconds. A cell is named by its nbformat id and shown by its number among the code cells, from 1.
"""

from __future__ import annotations

from nbprod.server.models.base import Problem, Role, RunStatus, Severity
from nbprod.server.models.documents import (
    Analysis,
    CellFix,
    CellMark,
    CellSource,
    Diagnostic,
    Document,
    Edge,
    Parameter,
    Serve,
    SuggestedTask,
    Suggestion,
    SweepDefaults,
    TaskNode,
)
from nbprod.server.models.promotion import (
    GateCheck,
    Models,
    ModelVersion,
    Prediction,
    PredictRequest,
    PromoteOptions,
    PromotePreview,
    ServeOptions,
    Service,
    Text,
)
from nbprod.server.models.runs import ArtifactInfo, CodeChange, Comparison, Run, RunDetail, RunPage, TaskRun
from nbprod.server.models.sweeps import Sweep, SweepInfo, SweepOptions, Trial
from nbprod.server.models.work import (
    ExploreOptions,
    Job,
    JobEvent,
    JobEvents,
    JobKind,
    JobStatus,
    Plan,
    RunOptions,
    TaskPlan,
)

__all__ = [
    "Analysis",
    "ArtifactInfo",
    "CellFix",
    "CellMark",
    "CellSource",
    "CodeChange",
    "Comparison",
    "Diagnostic",
    "Document",
    "Edge",
    "ExploreOptions",
    "GateCheck",
    "Job",
    "JobEvent",
    "JobEvents",
    "JobKind",
    "JobStatus",
    "ModelVersion",
    "Models",
    "Parameter",
    "Plan",
    "PredictRequest",
    "Prediction",
    "Problem",
    "PromoteOptions",
    "PromotePreview",
    "Role",
    "Run",
    "RunDetail",
    "RunOptions",
    "RunPage",
    "RunStatus",
    "Serve",
    "ServeOptions",
    "Service",
    "Severity",
    "SuggestedTask",
    "Suggestion",
    "Sweep",
    "SweepDefaults",
    "SweepInfo",
    "SweepOptions",
    "TaskNode",
    "TaskPlan",
    "TaskRun",
    "Text",
    "Trial",
]
