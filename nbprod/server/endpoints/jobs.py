"""Jobs: which there are, what they have said, stopping them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from nbprod.server.followed import Followed
from nbprod.server.models import Job, JobEvent, JobEvents
from nbprod.server.place import Place, Server, shown
from nbprod.server.problems import problem_from
from nbprod.server.queries import After, MaybeAt


def list_jobs(server: Server, query: MaybeAt) -> list[Job]:
    """List the jobs of a notebook, newest first: those that run, and those that ended in the last day."""
    place = server.place(query.path) if query.path is not None else None
    return [job_of(server, job, place) for job in server.jobs.of(place)]


def show_job(server: Server, job: str, query: After) -> JobEvents:
    """Give a job and its events from number `after` on, 10,000 at most; of a long log only the end."""
    found = server.jobs.get(job)
    shown = job_of(server, found)  # first: what it is told to have ended with is among the events then
    events = [JobEvent.model_construct(**event) for event in found.since(query.after, query.log * 1024)]
    said = max(shown.events, *(event.number + 1 for event in events[-1:]), query.after)
    return JobEvents(job=shown.model_copy(update={"events": said}), events=events)


def stop_job(server: Server, job: str) -> Job:
    """Stop a job as Ctrl-C does; it is killed if it has not ended after 10 s."""
    return job_of(server, server.jobs.stop(job))


def job_of(server: Server, job: Followed, place: Place | None = None) -> Job:
    """Return a job as the panel gets it."""
    order = job.order
    ended = job.ended or job.folder.ended() or {}
    return Job.model_validate(
        {
            "id": order.id,
            "kind": order.kind,
            "path": place.path if place else job.path,
            "pipeline": order.pipeline,
            "status": ended.get("status", "running"),
            "created": order.created,
            "finished": ended.get("finished"),
            "events": ended.get("events", job.count),
            "run": job.run or ended.get("run"),
            "sweep": job.sweep or ended.get("sweep"),
            "error": problem_from(ended.get("error"), server.root),
            "result": _located(ended.get("result"), server.root),
        }
    )


def _located(result: Any, root: Path) -> Any:
    """Return a result; the path of a notebook that was written is told as Jupyter has it."""
    if isinstance(result, dict) and result.get("event") == "explored":
        return {**result, "path": shown(root, Path(result["path"]).resolve())}
    return result
