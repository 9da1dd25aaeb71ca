"""The tables of the records: one SQLite file by default, any database that SQLAlchemy knows by URL.

Times are seconds since 1970. Columns of type JSON hold plain values.
"""

from __future__ import annotations

from sqlalchemy import JSON, Column, Float, ForeignKey, Index, Integer, MetaData, String, Table, Text, UniqueConstraint

VERSION = 1

metadata = MetaData()

schema = Table("schema", metadata, Column("version", Integer, primary_key=True))

runs = Table(
    "runs",
    metadata,
    Column("id", String(40), primary_key=True),
    Column("pipeline", String(200), nullable=False),
    Column("notebook", Text, nullable=False),
    Column("status", String(20), nullable=False),
    Column("parameters", JSON, nullable=False),
    Column("options", JSON, nullable=False),
    Column("metrics", JSON, nullable=False),
    Column("outputs", JSON, nullable=False),
    Column("error", JSON),
    Column("sweep", String(60)),
    Column("trial", Integer),
    Column("host", String(200), nullable=False),
    Column("pid", Integer, nullable=False),
    Column("process_started", Float),
    Column("created", Float, nullable=False),
    Column("finished", Float),
    Index("runs_by_pipeline", "pipeline", "created"),
    Index("runs_by_sweep", "sweep"),
)

task_runs = Table(
    "task_runs",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("run", String(40), ForeignKey("runs.id", ondelete="CASCADE"), nullable=False),
    Column("task", String(200), nullable=False),
    Column("status", String(20), nullable=False),
    Column("reason", Text, nullable=False),
    Column("key", String(64)),
    Column("trace", Integer),
    Column("cached_from", String(40)),
    Column("attempts", Integer, nullable=False),
    Column("started", Float),
    Column("finished", Float),
    Column("seconds", Float),
    Column("notebook", Text),
    Column("error", JSON),
    UniqueConstraint("run", "task"),
)

metrics = Table(
    "metrics",
    metadata,
    Column("run", String(40), ForeignKey("runs.id", ondelete="CASCADE"), primary_key=True),
    Column("name", String(200), primary_key=True),
    Column("task", String(200), nullable=False),
    Column("value", Float, nullable=False),
)

files = Table(
    "files",
    metadata,
    Column("run", String(40), ForeignKey("runs.id", ondelete="CASCADE"), primary_key=True),
    Column("task", String(200), primary_key=True),
    Column("path", Text, primary_key=True),
    Column("mode", String(10), primary_key=True),
    Column("sha", String(64)),
)

artifacts = Table(
    "artifacts",
    metadata,
    Column("digest", String(64), primary_key=True),
    Column("format", String(40), nullable=False),
    Column("bytes", Integer, nullable=False),
    Column("type", Text, nullable=False),
    Column("created", Float, nullable=False),
)

traces = Table(
    "traces",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("key", String(64), nullable=False),
    Column("pipeline", String(200), nullable=False),
    Column("task", String(200), nullable=False),
    Column("parts", JSON, nullable=False),
    Column("files", JSON, nullable=False),
    Column("packages", JSON, nullable=False),
    Column("outputs", JSON, nullable=False),
    Column("missing", JSON, nullable=False),
    Column("watched", JSON, nullable=False),
    Column("written", JSON, nullable=False),
    Column("metrics", JSON, nullable=False),
    Column("facts", JSON, nullable=False),
    Column("notebook", String(64)),
    Column("run", String(40), nullable=False),
    Column("seconds", Float, nullable=False),
    Column("created", Float, nullable=False),
    Index("traces_by_key", "key"),
    Index("traces_by_task", "pipeline", "task", "id"),
)

facts = Table(
    "facts",
    metadata,
    Column("notebook", Text, primary_key=True),
    Column("task", String(200), primary_key=True),
    Column("code", String(64), primary_key=True),
    Column("facts", JSON, nullable=False),
    Column("updated", Float, nullable=False),
)

hashes = Table(
    "hashes",
    metadata,
    Column("path", Text, primary_key=True),
    Column("size", Integer, nullable=False),
    Column("mtime_ns", Integer, nullable=False),
    Column("inode", Integer, nullable=False),
    Column("sha", String(64), nullable=False),
)

sweeps = Table(
    "sweeps",
    metadata,
    Column("id", String(60), primary_key=True),
    Column("pipeline", String(200), nullable=False),
    Column("status", String(20), nullable=False),
    Column("plan", JSON, nullable=False),
    Column("host", String(200), nullable=False),
    Column("pid", Integer, nullable=False),
    Column("process_started", Float),
    Column("created", Float, nullable=False),
    Column("finished", Float),
    Index("sweeps_by_pipeline", "pipeline", "created"),
)

trials = Table(
    "trials",
    metadata,
    Column("sweep", String(60), ForeignKey("sweeps.id", ondelete="CASCADE"), primary_key=True),
    Column("number", Integer, primary_key=True),
    Column("status", String(20), nullable=False),
    Column("parameters", JSON, nullable=False),
    Column("run", String(40)),
    Column("metrics", JSON, nullable=False),
    Column("tasks", JSON, nullable=False),
    Column("error", Text),
    Column("started", Float),
    Column("seconds", Float),
)

model_versions = Table(
    "model_versions",
    metadata,
    Column("model", String(200), primary_key=True),
    Column("version", Integer, primary_key=True),
    Column("pipeline", String(200), nullable=False),
    Column("run", String(40), nullable=False),
    Column("status", String(20), nullable=False),
    Column("path", Text, nullable=False),
    Column("metrics", JSON, nullable=False),
    Column("lineage", JSON, nullable=False),
    Column("files", JSON, nullable=False),
    Column("error", Text),
    Column("host", String(200), nullable=False),
    Column("pid", Integer, nullable=False),
    Column("process_started", Float),
    Column("created", Float, nullable=False),
)

model_aliases = Table(
    "model_aliases",
    metadata,
    Column("model", String(200), primary_key=True),
    Column("alias", String(40), primary_key=True),
    Column("version", Integer, nullable=False),
    Column("updated", Float, nullable=False),
)

services = Table(
    "services",
    metadata,
    Column("name", String(200), primary_key=True),
    Column("model", String(200), nullable=False),
    Column("version", Integer, nullable=False),
    Column("status", String(20), nullable=False),
    Column("url", Text),
    Column("host", String(200)),
    Column("pid", Integer),
    Column("process_started", Float),
    Column("data", JSON, nullable=False),
    Column("started", Float),
    Column("updated", Float, nullable=False),
)
