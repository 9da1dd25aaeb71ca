"""The tables of the records: one SQLite file by default, any database that SQLAlchemy knows by URL.

Times are seconds since 1970. Columns of type JSON hold plain values.
"""

from __future__ import annotations

from nbprod.execution.sql import Column, Kind, Table

JSON, FLOAT, INTEGER, TEXT, STRING = Kind.JSON, Kind.FLOAT, Kind.INTEGER, Kind.TEXT, Kind.STRING

VERSION = 2
"""Of the schema. Records of an older one get the tables that they lack when they are opened."""

schema = Table("schema", Column("version", INTEGER, primary_key=True))

runs = Table(
    "runs",
    Column("id", STRING, 40, primary_key=True),
    Column("pipeline", STRING, 200, nullable=False),
    Column("notebook", TEXT, nullable=False),
    Column("status", STRING, 20, nullable=False),
    Column("parameters", JSON, nullable=False),
    Column("options", JSON, nullable=False),
    Column("metrics", JSON, nullable=False),
    Column("outputs", JSON, nullable=False),
    Column("error", JSON),
    Column("sweep", STRING, 60),
    Column("trial", INTEGER),
    Column("host", STRING, 200, nullable=False),
    Column("pid", INTEGER, nullable=False),
    Column("process_started", FLOAT),
    Column("created", FLOAT, nullable=False),
    Column("finished", FLOAT),
    indexes={"runs_by_pipeline": ("pipeline", "created"), "runs_by_sweep": ("sweep",)},
)

task_runs = Table(
    "task_runs",
    Column("id", INTEGER, primary_key=True),
    Column("run", STRING, 40, to="runs.id", nullable=False),
    Column("task", STRING, 200, nullable=False),
    Column("status", STRING, 20, nullable=False),
    Column("reason", TEXT, nullable=False),
    Column("key", STRING, 64),
    Column("trace", INTEGER),
    Column("cached_from", STRING, 40),
    Column("attempts", INTEGER, nullable=False),
    Column("started", FLOAT),
    Column("finished", FLOAT),
    Column("seconds", FLOAT),
    Column("notebook", TEXT),
    Column("error", JSON),
    unique=("run", "task"),
)

metrics = Table(
    "metrics",
    Column("run", STRING, 40, to="runs.id", primary_key=True),
    Column("name", STRING, 200, primary_key=True),
    Column("task", STRING, 200, nullable=False),
    Column("value", FLOAT, nullable=False),
)

files = Table(
    "files",
    Column("run", STRING, 40, to="runs.id", primary_key=True),
    Column("task", STRING, 200, primary_key=True),
    Column("path", TEXT, primary_key=True),
    Column("mode", STRING, 10, primary_key=True),
    Column("sha", STRING, 64),
)

artifacts = Table(
    "artifacts",
    Column("digest", STRING, 64, primary_key=True),
    Column("format", STRING, 40, nullable=False),
    Column("bytes", INTEGER, nullable=False),
    Column("type", TEXT, nullable=False),
    Column("created", FLOAT, nullable=False),
)

traces = Table(
    "traces",
    Column("id", INTEGER, primary_key=True),
    Column("key", STRING, 64, nullable=False),
    Column("pipeline", STRING, 200, nullable=False),
    Column("task", STRING, 200, nullable=False),
    Column("parts", JSON, nullable=False),
    Column("files", JSON, nullable=False),
    Column("packages", JSON, nullable=False),
    Column("outputs", JSON, nullable=False),
    Column("missing", JSON, nullable=False),
    Column("watched", JSON, nullable=False),
    Column("written", JSON, nullable=False),
    Column("metrics", JSON, nullable=False),
    Column("facts", JSON, nullable=False),
    Column("notebook", STRING, 64),
    Column("run", STRING, 40, nullable=False),
    Column("seconds", FLOAT, nullable=False),
    Column("created", FLOAT, nullable=False),
    indexes={"traces_by_key": ("key",), "traces_by_task": ("pipeline", "task", "id")},
)

facts = Table(
    "facts",
    Column("notebook", TEXT, primary_key=True),
    Column("task", STRING, 200, primary_key=True),
    Column("code", STRING, 64, primary_key=True),
    Column("facts", JSON, nullable=False),
    Column("updated", FLOAT, nullable=False),
)

hashes = Table(
    "hashes",
    Column("path", TEXT, primary_key=True),
    Column("size", INTEGER, nullable=False),
    Column("mtime_ns", INTEGER, nullable=False),
    Column("inode", INTEGER, nullable=False),
    Column("sha", STRING, 64, nullable=False),
)

sweeps = Table(
    "sweeps",
    Column("id", STRING, 60, primary_key=True),
    Column("pipeline", STRING, 200, nullable=False),
    Column("status", STRING, 20, nullable=False),
    Column("plan", JSON, nullable=False),
    Column("host", STRING, 200, nullable=False),
    Column("pid", INTEGER, nullable=False),
    Column("process_started", FLOAT),
    Column("created", FLOAT, nullable=False),
    Column("finished", FLOAT),
    indexes={"sweeps_by_pipeline": ("pipeline", "created")},
)

trials = Table(
    "trials",
    Column("sweep", STRING, 60, to="sweeps.id", primary_key=True),
    Column("number", INTEGER, primary_key=True),
    Column("status", STRING, 20, nullable=False),
    Column("parameters", JSON, nullable=False),
    Column("run", STRING, 40),
    Column("metrics", JSON, nullable=False),
    Column("tasks", JSON, nullable=False),
    Column("error", TEXT),
    Column("started", FLOAT),
    Column("seconds", FLOAT),
)

model_versions = Table(
    "model_versions",
    Column("model", STRING, 200, primary_key=True),
    Column("version", INTEGER, primary_key=True),
    Column("pipeline", STRING, 200, nullable=False),
    Column("run", STRING, 40, nullable=False),
    Column("status", STRING, 20, nullable=False),
    Column("path", TEXT, nullable=False),
    Column("metrics", JSON, nullable=False),
    Column("lineage", JSON, nullable=False),
    Column("files", JSON, nullable=False),
    Column("error", TEXT),
    Column("host", STRING, 200, nullable=False),
    Column("pid", INTEGER, nullable=False),
    Column("process_started", FLOAT),
    Column("created", FLOAT, nullable=False),
)

model_aliases = Table(
    "model_aliases",
    Column("model", STRING, 200, primary_key=True),
    Column("alias", STRING, 40, primary_key=True),
    Column("version", INTEGER, nullable=False),
    Column("updated", FLOAT, nullable=False),
)

services = Table(
    "services",
    Column("name", STRING, 200, primary_key=True),
    Column("model", STRING, 200, nullable=False),
    Column("version", INTEGER, nullable=False),
    Column("status", STRING, 20, nullable=False),
    Column("url", TEXT),
    Column("host", STRING, 200),
    Column("pid", INTEGER),
    Column("process_started", FLOAT),
    Column("data", JSON, nullable=False),
    Column("started", FLOAT),
    Column("updated", FLOAT, nullable=False),
)

models = Table(
    "models",
    Column("name", STRING, 200, primary_key=True),
    Column("updated", FLOAT, nullable=False),
)
"""A row for each model; who changes its versions or aliases holds it, so that one at a time does."""

model_events = Table(
    "model_events",
    Column("id", INTEGER, primary_key=True),
    Column("model", STRING, 200, nullable=False),
    Column("version", INTEGER, nullable=False),
    Column("kind", STRING, 20, nullable=False),
    Column("who", STRING, 200, nullable=False),
    Column("why", TEXT, nullable=False),
    Column("data", JSON, nullable=False),
    Column("created", FLOAT, nullable=False),
    indexes={"model_events_by_version": ("model", "version", "id")},
)

ALL = (
    schema,
    runs,
    task_runs,
    metrics,
    files,
    artifacts,
    traces,
    facts,
    hashes,
    sweeps,
    trials,
    model_versions,
    model_aliases,
    services,
    models,
    model_events,
)
"""All tables; one that refers to another comes after it."""
