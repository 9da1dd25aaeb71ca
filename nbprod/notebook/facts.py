"""What running a task has taught about it, beyond what its code shows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any


@dataclass(frozen=True)
class Facts:
    """What was seen when a task ran. Facts only grow: `merge` is a union, so that re-planning ends.

    Names are the notebook's global names; a name that starts with `@` is state that is no variable
    (`@numpy.random`, `@cwd`, ...). Paths are absolute.
    """

    reads: frozenset[str] = frozenset()
    """Names that the task turned out to need (a NameError for a name that an earlier task defines; hidden state it drew on)."""
    writes: frozenset[str] = frozenset()
    """Names (inputs changed in place, globals that appeared, hidden state changed) that it turned out to write."""
    shares: frozenset[frozenset[str]] = frozenset()
    """Groups of names that share objects or memory when the task ends; they are saved and loaded together."""
    needs: Mapping[str, frozenset[str]] = field(default_factory=dict)
    """For a saved name, the global names that functions and classes inside its value refer to."""
    files_read: frozenset[str] = frozenset()
    files_written: frozenset[str] = frozenset()

    def merge(self, other: Facts) -> Facts:
        """Return what both know together.

        >>> Facts(reads=frozenset("a")).merge(Facts(reads=frozenset("b"))).reads == frozenset("ab")
        True
        """
        needs = {
            name: self.needs.get(name, frozenset()) | other.needs.get(name, frozenset())
            for name in {*self.needs, *other.needs}
        }
        return Facts(
            self.reads | other.reads,
            self.writes | other.writes,
            self.shares | other.shares,
            needs,
            self.files_read | other.files_read,
            self.files_written | other.files_written,
        )

    def to_json(self) -> dict[str, Any]:
        """Return a plain, sorted JSON value; `from_json` reads it back."""
        return {
            "reads": sorted(self.reads),
            "writes": sorted(self.writes),
            "shares": sorted(sorted(group) for group in self.shares),
            "needs": {name: sorted(names) for name, names in sorted(self.needs.items())},
            "files_read": sorted(self.files_read),
            "files_written": sorted(self.files_written),
        }

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Facts:
        """Read what `to_json` wrote; keys that are missing are empty."""
        known = {f.name for f in fields(cls)}
        data: dict[str, Any] = {k: frozenset(v) for k, v in value.items() if k in known - {"shares", "needs"}}
        data["shares"] = frozenset(frozenset(group) for group in value.get("shares", ()))
        data["needs"] = {name: frozenset(names) for name, names in value.get("needs", {}).items()}
        return cls(**data)
