"""Saving what a task gives: one artifact for each variable, or for the variables that share objects or memory."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Dict, List, Protocol

from . import arrays, container, loading, pickling


class Draft:
    """Values pickled to a file that nobody sees yet, with what was learnt while they were pickled."""

    def __init__(
        self, payloads: Mapping[str, Any], writer: container.Writer, saver: pickling.Saver, buffers: Any
    ) -> None:
        self.payloads = payloads
        self.saver = saver
        self._writer = writer
        self._buffers = buffers

    @property
    def identities(self) -> dict[int, Any]:
        """Everything mutable that is in the values, by id."""
        return self.saver.identities()

    @property
    def needs(self) -> set[str]:
        """The notebook names that they refer to."""
        return self.saver.needs

    @property
    def arrays(self) -> list[tuple[Any, bool]]:
        """The arrays in them, each with whether it is copied before it is written to."""
        return self.saver.arrays

    def finish(self, namespace: dict[str, Any]) -> container.Written:
        """Complete the file, and load it if it is of a kind that may fail to; raises what that raises, and `container.DiskFull`."""
        written = self._writer.finish(self._buffers, {"names": list(self.payloads)})
        self._buffers = ()
        if not self.saver.plain:
            try:
                self._check(written, namespace)
            except BaseException:
                written.discard()
                raise
        return written

    def _check(self, written: container.Written, namespace: dict[str, Any]) -> None:
        loaded = loading.load(container.open_artifact(written.temporary), namespace)
        for name, value in self.payloads.items():
            if type(loaded[name]).__qualname__ != type(value).__qualname__:
                raise TypeError(f"it came back as {type(loaded[name]).__qualname__}")

    def discard(self) -> None:
        """Remove the file."""
        self._writer.discard()


def draft(store: str, payloads: Mapping[str, Any], names: pickling.Names) -> Draft:
    """Pickle values into one artifact, in which arrays that share memory go on sharing it.

    Raises `container.DiskFull`, or whatever pickling a value raises.
    """
    saver, buffers, writer = _dump(store, payloads, names, None)
    overlapping = arrays.clusters(saver.arrays)
    if overlapping:
        writer.discard()
        views = {key: root for cluster in overlapping for key, root in arrays.roots(cluster).items()}
        saver, buffers, writer = _dump(store, payloads, names, views)
    return Draft(payloads, writer, saver, buffers)


def _dump(store: str, payloads: Mapping[str, Any], names: pickling.Names, views: dict[int, Any] | None) -> Any:
    writer = container.Writer(store)
    try:
        saver, buffers = pickling.dump(dict(payloads), writer, names, views)
    except RecursionError:
        writer.discard()
        writer = container.Writer(store)
        try:
            saver, buffers = pickling.deeply(pickling.dump, dict(payloads), writer, names, views)
        except BaseException:
            writer.discard()
            raise
    except BaseException:
        writer.discard()
        raise
    return saver, buffers, writer


class View(Protocol):
    """What values hold that others may hold too."""

    @property
    def identities(self) -> dict[int, Any]: ...

    @property
    def arrays(self) -> list[tuple[Any, bool]]: ...


def groups(seen: Sequence[tuple[str, View]]) -> List[List[str]]:
    """Return the sets of names whose values share objects or memory, those of one name included, in order."""
    leader = {name: name for name, _ in seen}
    if len(leader) < 2:
        return [[name] for name in leader]

    def find(name: str) -> str:
        while leader[name] != name:
            leader[name] = leader[leader[name]]
            name = leader[name]
        return name

    holder: Dict[int, str] = {}
    every: list[tuple[Any, bool]] = []
    owners: dict[int, list[str]] = {}
    for name, view in seen:
        for key in view.identities:
            leader[find(name)] = find(holder.setdefault(key, name))
        for array, copied in view.arrays:
            every.append((array, copied))
            owners.setdefault(id(array), []).append(name)
    for cluster in arrays.clusters(every):
        together = [name for array in cluster for name in owners[id(array)]]
        for name in together[1:]:
            leader[find(name)] = find(together[0])
    found: Dict[str, List[str]] = {}
    for name in leader:
        found.setdefault(find(name), []).append(name)
    return list(found.values())
