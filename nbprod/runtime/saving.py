"""Saving what a task gives: one artifact for each variable, or for the variables that share objects or memory."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Dict, List

from . import arrays, container, loading, pickling, watch


class Draft:
    """Values written to a file that is not yet visible, with what was learnt while they were written."""

    def __init__(self, payloads: Mapping[str, Any], written: container.Written, saver: pickling.Saver) -> None:
        self.payloads = payloads
        self.written = written
        self.saver = saver
        self.identities = saver.identities()

    def check(self, namespace: dict[str, Any]) -> None:
        """Load what was saved, if it is of a kind that may fail to; raises what that raises."""
        if self.saver.plain:
            return
        opened = container.open_artifact(self.written.temporary)
        loaded = loading.load(opened, namespace)
        for name, value in self.payloads.items():
            if type(loaded[name]).__qualname__ != type(value).__qualname__:
                raise TypeError(f"it came back as {type(loaded[name]).__qualname__}")


class _Overlap(Exception):
    def __init__(self, views: dict[int, Any]) -> None:
        super().__init__()
        self.views = views


def draft(store: str, payloads: Mapping[str, Any], names: pickling.Names) -> Draft:
    """Write values as one artifact, in which arrays that share memory go on sharing it.

    Raises `container.DiskFull`, or whatever pickling a value raises.
    """
    saver: pickling.Saver | None = None
    views: dict[int, Any] | None = None

    def dump(file: Any) -> Any:
        nonlocal saver
        saver, buffers = pickling.dump(dict(payloads), file, names, views)
        if views is None:
            overlapping = arrays.clusters(saver.arrays)
            if overlapping:
                raise _Overlap({key: root for cluster in overlapping for key, root in arrays.roots(cluster).items()})
        return buffers

    index = {"names": list(payloads)}
    try:
        written = container.write(store, dump, index)
    except _Overlap as overlap:
        views = overlap.views
        written = container.write(store, dump, index)
    assert saver is not None
    return Draft(payloads, written, saver)


def groups(seen: Mapping[str, watch.Scan | Draft]) -> List[List[str]]:
    """Return the sets of names whose values share objects or memory, those of one name included, in order."""
    leader = {name: name for name in seen}

    def find(name: str) -> str:
        while leader[name] != name:
            leader[name] = leader[leader[name]]
            name = leader[name]
        return name

    holder: Dict[int, str] = {}
    every: list[tuple[Any, bool]] = []
    owners: dict[int, list[str]] = {}
    for name, view in seen.items():
        for key in view.identities:
            leader[find(name)] = find(holder.setdefault(key, name))
        for array, copied in view.saver.arrays if view.saver is not None else ():
            every.append((array, copied))
            owners.setdefault(id(array), []).append(name)
    for cluster in arrays.clusters(every):
        together = [name for array in cluster for name in owners[id(array)]]
        for name in together[1:]:
            leader[find(name)] = find(together[0])
    found: Dict[str, List[str]] = {}
    for name in seen:
        found.setdefault(find(name), []).append(name)
    return list(found.values())


def discard(drafts: Iterable[Draft]) -> None:
    """Remove files that are not needed."""
    for one in drafts:
        one.written.discard()
