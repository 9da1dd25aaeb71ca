"""What tasks are called, and why they are tasks: from a heading, or from what the cells do."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection, Sequence

from nbprod.notebook.graph import Node
from nbprod.notebook.roles import Roles
from nbprod.notebook.sections import Section
from nbprod.notebook.stages import PREPARES, Stage

_NUMBER = r"(?:\d+(?:\.\d+)*|[ivx]+(?=[.):])|[a-z](?=[.)]))"
_NUMBERING = re.compile(
    rf"^\W*(?:(?:step|part|chapter|section|task|stage)\s+)?{_NUMBER}(?=[.):\-\s])[.):\-\s]*(?=\S)", re.IGNORECASE
)
_WORD = re.compile(r"[A-Za-z0-9_]+")
_SMALL = frozenset(
    """a an and are as at be been but by can could did do does for from has have here how i if in into is it its let lets look me my
    now of on or our out over s so some that the their them then there these they this those to up us use used using want was we
    what when where which who why will with would you your first next finally""".split()
)
_LENGTH = 28
_DOES = {
    Stage.LOAD: "reads the data",
    Stage.CLEAN: "cleans the data",
    Stage.FEATURES: "makes features",
    Stage.SPLIT: "splits the data",
    Stage.TRAIN: "trains",
    Stage.EVALUATE: "measures results",
    Stage.SAVE: "saves results",
    Stage.PLOT: "draws",
}


def slug(heading: str, *, plain: bool = True) -> str | None:
    """Return a task's name for a heading, at most three words; None where it says too little.

    With `plain=False` small words and questions say enough.

    >>> slug("2. Load the data"), slug("How good is it?"), slug("How good is it?", plain=False), slug("数据")
    ('load-data', None, 'how-good-is', None)
    """
    text = unicodedata.normalize("NFKD", heading.replace("'", "").replace("\N{RIGHT SINGLE QUOTATION MARK}", ""))
    ascii_text = text.encode("ascii", "ignore").decode()
    bare = _NUMBERING.sub("", ascii_text, count=1).split("(")[0].split(": ")[0]
    words = [word.lower() for word in _WORD.findall(bare)]
    if plain:
        words = [] if bare.rstrip().endswith("?") else [word for word in words if word not in _SMALL]
    if not words:
        return None
    name = ""
    for word in words[:3]:
        if name and len(name) + 1 + len(word) > _LENGTH:
            break
        name = f"{name}-{word}" if name else word[:_LENGTH]
    name = name.strip("-_") or words[0]
    return name if not name[0].isdigit() else f"_{name}"


def unique(name: str, taken: Collection[str]) -> str:
    """Return the name, with a number behind it where it is taken."""
    number, found = 2, name
    while found in taken:
        found = f"{name}-{number}"
        number += 1
    return found


def of_variable(name: str) -> str:
    """Return a task's name for what it makes."""
    plain = "".join(_WORD.findall(name)).strip("_").lower()[:_LENGTH]
    return plain if plain[:1].isalpha() else "step"


def listed(names: Sequence[str], most: int = 3) -> str:
    """Return names as a reader takes them in: `a, b, c and 4 more`."""
    more = len(names) - most
    return f"{', '.join(names[:most])} and {more} more" if more > 1 else ", ".join(names)


class Namer:
    """Names the sections of a draft."""

    def __init__(self, roles: Roles, sections: Sequence[Section]) -> None:
        self.roles = roles
        self.flow = roles.flow
        self.sections = sections

    def names(self) -> list[str]:
        """Return a name for each section, no two alike; those that the author gave stay."""
        taken = {name for section in self.sections if (name := section.name)}
        found: list[str] = []
        for section in self.sections:
            name = section.name
            if name is None:
                name = unique(self._name_of(section, taken), taken)
                taken.add(name)
            found.append(name)
        return found

    def why(self, section: Section | None, node: Node | None, tasks: Sequence[str]) -> str:
        """Say why a section is a task, and what it gives to which of `tasks`, in notebook order."""
        what = self._reason(section)
        given = [out for out in node.outputs if not out.startswith("@") and node.wanted_by.get(out)] if node else []
        wanting = {task for out in given if node for task in node.wanted_by[out]}
        users = [task for task in tasks if task in wanting]
        return f"{what}; gives {listed(given)} to {listed(users)}" if given and users else what

    def _reason(self, section: Section | None) -> str:
        if section is None or section.name is not None:
            return "tagged already"
        if section.heading is not None:
            return f"heading {section.heading.text!r}"
        main = self._main(section)
        if main is not None:
            return _DOES[main]
        if all(self.roles.only_defines(place) for place in section.cells):
            return "defines functions"
        return "stands before the first heading" if self._is_first(section) else "few values cross at its borders"

    def _is_first(self, section: Section) -> bool:
        """Say whether a section stands before the first heading that starts a task."""
        return section is self.sections[0] and any(other.heading for other in self.sections)

    def _main(self, section: Section) -> Stage | None:
        stages = {self.roles.stage[place] for place in section.cells}
        return next((stage for stage in Stage if stage in stages), None)

    def _name_of(self, section: Section, taken: set[str]) -> str:
        heading = section.heading.text if section.heading is not None else ""
        if name := slug(heading):
            return name
        if name := self._by_stage(section, taken):
            return name
        if name := slug(heading, plain=False):
            return name
        if all(self.roles.only_defines(place) for place in section.cells):
            return "functions"
        made = self._gives(section) or self._makes(section)
        return "setup" if self._is_first(section) or not made else of_variable(made[0])

    def _by_stage(self, section: Section, taken: set[str]) -> str | None:
        stages = {stage for place in section.cells if (stage := self.roles.stage[place])}
        main = self._main(section)
        if main is None or (main is Stage.PLOT and any(self.roles.stage[place] is None for place in section.cells)):
            return None
        if main in PREPARES and len(stages & PREPARES) > 1:
            return "prepare"
        if main.value in taken:
            models = self._gives(section) if main is Stage.TRAIN else self._takes(section)
            fitted = [name for name in models if name in self.roles.fitted]
            if fitted:
                return f"{main.value}-{of_variable(fitted[-1])}"
        return main.value

    def _takes(self, section: Section) -> list[str]:
        """Return the values that a section takes from others, the newest last."""
        links = [link for place in section.cells for link in self.flow.found[place]]
        outside = [link for link in links if not link.source and link.maker not in section.cells]
        return [link.name for link in sorted(outside, key=lambda link: link.maker)]

    def _makes(self, section: Section) -> list[str]:
        """Return the variables that a section assigns, the last first."""
        statements = [s for place in section.cells for s in self.flow.statements[place]]
        return [name for s in reversed(statements) for name in sorted(s.effects.defines) if not s.effects.codes]

    def _gives(self, section: Section) -> list[str]:
        """Return the values that others take from a section, the most wanted first."""
        users: dict[str, set[int]] = {}
        for place in section.cells:
            for link in self.flow.taken[place]:
                if not link.source and link.user not in section.cells:
                    users.setdefault(link.name, set()).add(link.user)
        return sorted(users, key=lambda name: -len(users[name]))
