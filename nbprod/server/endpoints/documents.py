"""The open notebook: what it is as a pipeline, tags for it, what a run would do."""

from __future__ import annotations

import json

from nbprod.server import commands
from nbprod.server.analysis import analysis_of, notebook_from
from nbprod.server.models import Analysis, Document, Plan, RunOptions, SuggestedTask, Suggestion
from nbprod.server.place import Server


def analyse(server: Server, body: Document) -> Analysis:
    """Say what a document is as a pipeline, saved or not. No code of it runs."""
    place = server.place(body.path)
    found = analysis_of(place, body)
    if found.tagged and place.notebook.is_file():
        server.jobs.expect(place)
    return found


def suggest(server: Server, body: Document) -> Suggestion:
    """Propose tags for a notebook that has none, from its headings and its data flow."""
    from nbprod.notebook.suggest import suggest as suggested

    place = server.place(body.path)
    found = suggested(notebook_from(place, body))
    return Suggestion(
        tasks=[SuggestedTask(name=one.name, cells=list(one.cells), why=one.why) for one in found.tasks],
        tags={cell: list(tags) for cell, tags in found.tags.items()},
        reasons=dict(found.reasons),
    )


def plan(server: Server, body: RunOptions) -> Plan:
    """Say for every task whether a run would compute it, and why."""
    place = server.existing(body.path)
    said = commands.ask(place, ["plan", *commands.run_arguments(place, body)])
    return Plan.model_validate({"tasks": json.loads(said)})
