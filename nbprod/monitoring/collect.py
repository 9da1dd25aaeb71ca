"""Rows with feedback, added to the file that the notebook reads its data from: so it learns from them and stays as it is."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nbprod.errors import Location, NbprodError
from nbprod.monitoring.feedback import Labelled

if TYPE_CHECKING:
    import pandas as pd

KEYS = "collected.txt"


class CollectError(NbprodError, ValueError):
    """Labelled rows do not fit the file that they are to be added to."""


@dataclass(frozen=True)
class Collection:
    """Labelled rows for a file. `home` keeps which were added; `keep` is how many the file holds at most."""

    target: Path
    home: Path
    column: str | None = None
    keep: int | None = None

    def add(self, rows: Labelled, pending: dict[str, Any] | None, keep_pending: Any) -> int:
        """Add the rows that are not in the file yet; return how many there were.

        A kill in the middle neither loses rows nor adds them twice: `keep_pending` is called with what is about to be done, and `pending` is what it
        was called with before a kill.

        Raises:
            CollectError: The rows have other columns or other labels than the file.
        """
        known = self.known()
        if pending is not None:
            if _sha(self.target) == pending["after"]:  # it was done, and not noted
                known |= {tuple(key) for key in pending["keys"]}
                self._note(pending["keys"])
            keep_pending(None)
        new = [at for at, key in enumerate(rows.keys) if key not in known]
        if self.keep is not None:
            chosen = list(range(max(0, len(rows) - self.keep), len(rows)))
            if not new or not chosen:
                return 0
        else:
            chosen = new
        if not chosen:
            return 0
        table = self._table(rows, chosen)
        temporary = self.target.with_name(f".{self.target.name}.{os.getpid()}")
        self.target.parent.mkdir(parents=True, exist_ok=True)
        try:
            self._write(table, temporary)
            keys = [list(rows.keys[at]) for at in new]
            keep_pending({"after": _sha(temporary), "keys": keys})
            temporary.replace(self.target)
        except OSError as error:
            raise CollectError(
                f"labelled rows cannot be written: {error.strerror}", where=Location(file=str(self.target))
            ) from error
        finally:
            temporary.unlink(missing_ok=True)
        self._note(keys)
        keep_pending(None)
        return len(new)

    def _table(self, rows: Labelled, chosen: Sequence[int]) -> pd.DataFrame:
        """The file with the rows added, in its own columns and their types."""
        import pandas as pd

        before = self._before()
        names = list(rows.features[chosen[0]])
        column = self._label(before, names)
        order = list(before.columns) if before is not None else [*names, column]
        missing = [name for name in names if name not in order]
        if missing and before is not None:
            order += missing
        added = pd.DataFrame([{**rows.features[at], column: rows.labels[at]} for at in chosen]).reindex(columns=order)
        if before is None or self.keep is not None and before.empty:
            return added
        self._check(before, added, column)
        if self.keep is not None:
            return added
        return pd.concat(
            [before, added.astype({n: before[n].dtype for n in order if n in before and _fits(before[n], added[n])})],
            ignore_index=True,
        )

    def _before(self) -> pd.DataFrame | None:
        import pandas as pd

        try:
            if self.target.suffix.lower() == ".parquet":
                return pd.read_parquet(self.target)
            return pd.read_csv(self.target)
        except FileNotFoundError:
            return None
        except (OSError, ValueError) as error:
            raise CollectError(
                f"cannot be read: {error}",
                where=Location(file=str(self.target)),
                fix="Labelled rows are added to this file.",
            ) from error

    def _label(self, before: pd.DataFrame | None, features: Iterable[str]) -> str:
        if self.column is not None:
            return self.column
        others = [str(name) for name in before.columns if name not in set(features)] if before is not None else []
        if len(others) == 1:
            return others[0]
        said = (
            f"its columns {', '.join(others)} are no features"
            if others
            else "it has no column but features"
            if before is not None
            else "it is not there yet"
        )
        raise CollectError(
            f"which column is the label cannot be told: {said}",
            where=Location(file=str(self.target)),
            fix="Name it in pipelines.yaml: watch: {column: NAME}.",
        )

    def _check(self, before: pd.DataFrame, added: pd.DataFrame, column: str) -> None:
        """Labels in other words than the file's would teach the model nonsense."""
        import pandas as pd

        if column not in before or before.empty:
            return
        known, new = before[column], added[column]
        if pd.api.types.is_numeric_dtype(known) and not pd.api.types.is_bool_dtype(known):
            strange = sorted({str(value) for value in new if not isinstance(value, (int, float))})
        elif known.nunique() <= 100:
            strange = sorted(set(map(str, new)) - set(map(str, known)))
        else:
            strange = []
        if strange:
            have = ", ".join(map(str, list(known.unique())[:5]))
            raise CollectError(
                f"feedback has the label {strange[0]!r}, the column {column!r} has others ({have})",
                where=Location(file=str(self.target)),
                fix="Send labels in the words of the data, or add a row with the new one by hand.",
            )

    def _write(self, table: pd.DataFrame, path: Path) -> None:
        if self.target.suffix.lower() == ".parquet":
            table.to_parquet(path, index=False)
        else:
            table.to_csv(path, index=False)

    def known(self) -> set[tuple[str, int]]:
        """The rows that were added, by request id and row."""
        try:
            lines = (self.home / KEYS).read_text("utf-8").splitlines()
        except FileNotFoundError:
            return set()
        pairs = (line.rpartition(" ") for line in lines)
        return {(name, int(row)) for name, _, row in pairs if row.isdigit()}

    def _note(self, keys: Iterable[Sequence[Any]]) -> None:
        with (self.home / KEYS).open("a", encoding="utf-8") as file:
            file.write("".join(f"{name} {row}\n" for name, row in keys))


def _fits(before: Any, added: Any) -> bool:
    """Whether new values can take the column's type: not a missing one in a column of whole numbers."""
    kind = getattr(before.dtype, "kind", "O")
    if kind in "iu":
        return (
            bool(added.notna().all()) and bool((added == added.round()).all()) if added.dtype.kind in "iuf" else False
        )
    return kind == "f" and added.dtype.kind in "iuf"


def _sha(path: Path) -> str | None:
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest()
    except FileNotFoundError:
        return None
