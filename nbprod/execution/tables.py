"""The tables of the records, in one SQLite file by default.

Times are seconds since 1970. Columns of type JSON hold plain values.
"""

from __future__ import annotations

from typing import ClassVar

from nbprod.execution.orm import JSONField, Table, peewee

VERSION = 2
"""Of the schema. Records of an older one get the tables that they lack when they are opened."""


class Schema(Table):
    version = peewee.IntegerField(primary_key=True)


class Runs(Table):
    id = peewee.CharField(40, primary_key=True)
    pipeline = peewee.CharField(200)
    notebook = peewee.TextField()
    status = peewee.CharField(20)
    parameters = JSONField()
    options = JSONField()
    metrics = JSONField()
    outputs = JSONField()
    error = JSONField(null=True)
    sweep = peewee.CharField(60, null=True)
    trial = peewee.BigIntegerField(null=True)
    host = peewee.CharField(200)
    pid = peewee.BigIntegerField()
    process_started = peewee.DoubleField(null=True)
    created = peewee.DoubleField()
    finished = peewee.DoubleField(null=True)


Runs.add_index(Runs.pipeline, Runs.created, name="runs_by_pipeline")
Runs.add_index(Runs.sweep, name="runs_by_sweep")


class TaskRuns(Table):
    unique = ("run", "task")

    id = peewee.AutoField()
    run = peewee.ForeignKeyField(Runs, column_name="run", backref="+", on_delete="CASCADE", index=False)
    task = peewee.CharField(200)
    status = peewee.CharField(20)
    reason = peewee.TextField()
    key = peewee.CharField(64, null=True)
    trace = peewee.BigIntegerField(null=True)
    cached_from = peewee.CharField(40, null=True)
    attempts = peewee.BigIntegerField()
    started = peewee.DoubleField(null=True)
    finished = peewee.DoubleField(null=True)
    seconds = peewee.DoubleField(null=True)
    notebook = peewee.TextField(null=True)
    error = JSONField(null=True)

    class Meta:
        constraints: ClassVar = [peewee.SQL('UNIQUE ("run", "task")')]


class Metrics(Table):
    run = peewee.ForeignKeyField(Runs, column_name="run", backref="+", on_delete="CASCADE", index=False)
    name = peewee.CharField(200)
    task = peewee.CharField(200)
    value = peewee.DoubleField()

    class Meta:
        primary_key = peewee.CompositeKey("run", "name")


class Files(Table):
    run = peewee.ForeignKeyField(Runs, column_name="run", backref="+", on_delete="CASCADE", index=False)
    task = peewee.CharField(200)
    path = peewee.TextField()
    mode = peewee.CharField(10)
    sha = peewee.CharField(64, null=True)

    class Meta:
        primary_key = peewee.CompositeKey("run", "task", "path", "mode")


class Artifacts(Table):
    digest = peewee.CharField(64, primary_key=True)
    format = peewee.CharField(40)
    bytes = peewee.BigIntegerField()
    type = peewee.TextField()
    created = peewee.DoubleField()


class Traces(Table):
    id = peewee.AutoField()
    key = peewee.CharField(64)
    pipeline = peewee.CharField(200)
    task = peewee.CharField(200)
    parts = JSONField()
    files = JSONField()
    packages = JSONField()
    outputs = JSONField()
    missing = JSONField()
    watched = JSONField()
    written = JSONField()
    metrics = JSONField()
    facts = JSONField()
    notebook = peewee.CharField(64, null=True)
    run = peewee.CharField(40)
    seconds = peewee.DoubleField()
    created = peewee.DoubleField()


Traces.add_index(Traces.key, name="traces_by_key")
Traces.add_index(Traces.pipeline, Traces.task, Traces.id, name="traces_by_task")


class Facts(Table):
    notebook = peewee.TextField()
    task = peewee.CharField(200)
    code = peewee.CharField(64)
    facts = JSONField()
    updated = peewee.DoubleField()

    class Meta:
        primary_key = peewee.CompositeKey("notebook", "task", "code")


class Hashes(Table):
    path = peewee.TextField(primary_key=True)
    size = peewee.BigIntegerField()
    mtime_ns = peewee.BigIntegerField()
    inode = peewee.BigIntegerField()
    sha = peewee.CharField(64)


class Sweeps(Table):
    id = peewee.CharField(60, primary_key=True)
    pipeline = peewee.CharField(200)
    status = peewee.CharField(20)
    plan = JSONField()
    host = peewee.CharField(200)
    pid = peewee.BigIntegerField()
    process_started = peewee.DoubleField(null=True)
    created = peewee.DoubleField()
    finished = peewee.DoubleField(null=True)


Sweeps.add_index(Sweeps.pipeline, Sweeps.created, name="sweeps_by_pipeline")


class Trials(Table):
    sweep = peewee.ForeignKeyField(Sweeps, column_name="sweep", backref="+", on_delete="CASCADE", index=False)
    number = peewee.IntegerField()
    status = peewee.CharField(20)
    parameters = JSONField()
    run = peewee.CharField(40, null=True)
    metrics = JSONField()
    tasks = JSONField()
    error = peewee.TextField(null=True)
    started = peewee.DoubleField(null=True)
    seconds = peewee.DoubleField(null=True)

    class Meta:
        primary_key = peewee.CompositeKey("sweep", "number")


class ModelVersions(Table):
    model = peewee.CharField(200)
    version = peewee.IntegerField()
    pipeline = peewee.CharField(200)
    run = peewee.CharField(40)
    status = peewee.CharField(20)
    path = peewee.TextField()
    metrics = JSONField()
    lineage = JSONField()
    files = JSONField()
    error = peewee.TextField(null=True)
    host = peewee.CharField(200)
    pid = peewee.BigIntegerField()
    process_started = peewee.DoubleField(null=True)
    created = peewee.DoubleField()

    class Meta:
        primary_key = peewee.CompositeKey("model", "version")


class ModelAliases(Table):
    model = peewee.CharField(200)
    name = peewee.CharField(40, column_name="alias")
    version = peewee.BigIntegerField()
    updated = peewee.DoubleField()

    class Meta:
        primary_key = peewee.CompositeKey("model", "name")


class Services(Table):
    name = peewee.CharField(200, primary_key=True)
    model = peewee.CharField(200)
    version = peewee.BigIntegerField()
    status = peewee.CharField(20)
    url = peewee.TextField(null=True)
    host = peewee.CharField(200, null=True)
    pid = peewee.BigIntegerField(null=True)
    process_started = peewee.DoubleField(null=True)
    data = JSONField()
    started = peewee.DoubleField(null=True)
    updated = peewee.DoubleField()


class Models(Table):
    """A row for each model; who changes its versions or aliases holds it, so that one at a time does."""

    name = peewee.CharField(200, primary_key=True)
    updated = peewee.DoubleField()


class ModelEvents(Table):
    id = peewee.AutoField()
    model = peewee.CharField(200)
    version = peewee.BigIntegerField()
    kind = peewee.CharField(20)
    who = peewee.CharField(200)
    why = peewee.TextField()
    data = JSONField()
    created = peewee.DoubleField()


ModelEvents.add_index(ModelEvents.model, ModelEvents.version, ModelEvents.id, name="model_events_by_version")


ALL: tuple[type[Table], ...] = (
    Schema,
    Runs,
    TaskRuns,
    Metrics,
    Files,
    Artifacts,
    Traces,
    Facts,
    Hashes,
    Sweeps,
    Trials,
    ModelVersions,
    ModelAliases,
    Services,
    Models,
    ModelEvents,
)
"""All tables; one that refers to another comes after it."""
