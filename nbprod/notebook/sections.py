"""Cuts a run of cells into tasks: at headings, where the kind of work changes, and where few values cross."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from nbprod.notebook.cell import Heading
from nbprod.notebook.stages import PREPARES, Stage

MOST = 8
"""More tasks than this are too many to take in."""
_LONG = 12
"""A task of more cells than this is cut where few values cross."""
_FEW = 3
_NARROW = 6.0
"""What may cross where the kind of work changes under one heading."""
_WORK = {Stage.LOAD: "load", Stage.TRAIN: "train", Stage.EVALUATE: "evaluate", **dict.fromkeys(PREPARES, "prepare")}


@dataclass
class Section:
    """Cells that are to be one task. `name` is the author's own tag, `heading` what stands above the first cell."""

    cells: list[int]
    heading: Heading | None = None
    name: str | None = None


@dataclass
class Material:
    """What is known of the cells that are to be cut; `places` are those that do the work, in order."""

    places: Sequence[int]
    headings: Mapping[int, Sequence[Heading]]
    """For each place the headings between the place before it and its cell."""
    stages: Mapping[int, Stage | None]
    costs: Mapping[int, float]
    """What it costs to cut in front of a place."""
    names: Mapping[int, str] = field(default_factory=dict)
    """Tasks that the author's tags start at a place."""
    refused: frozenset[int] = frozenset()
    """Places in front of which there must be no cut."""
    extras: Callable[[list[int]], bool] = lambda cells: False
    """Whether cells are no task of their own: a function that is shown at work, say."""
    changed: Callable[[list[int], list[int]], bool] = lambda cells, later: False
    """Whether some cells change in place what others made."""


def cut(material: Material) -> list[Section]:
    """Return the tasks."""
    if not material.places:
        return []
    level = _level(material)
    sections = _at_headings(material, Section(list(material.places)), level)
    for deeper in range(level + 1, 8):
        sections = [
            part
            for section in sections
            for part in (_at_headings(material, section, deeper) if _is_long(section, sections) else [section])
        ]
    if not material.names:
        sections = [part for section in sections for part in _at_changes(material, section, len(sections))]
    sections = _tied(material, _without_extras(material, sections))
    if not material.names:
        sections = _shortened(material, sections)
    return _merged(material, sections)


def work_of(stage: Stage | None) -> str | None:
    """Return the kind of work: splitting, cleaning and making features are all preparation."""
    return _WORK.get(stage) if stage is not None else None


def _above(material: Material, place: int, level: int) -> Heading | None:
    """Return the heading that a cut in front of a cell would be named by."""
    found = [heading for heading in material.headings.get(place, ()) if heading.level <= level]
    if place == material.places[0]:
        found = [heading for heading in found if heading.level == level]  # the others are the notebook's title
    return found[-1] if found else None


def _may_cut(material: Material, place: int) -> bool:
    return place not in material.refused


def _level(material: Material) -> int:
    """Return the level of the headings that cut the notebook: the highest that leaves more than one section."""
    for level in range(1, 8):
        if any(_above(material, place, level) for place in material.places[1:]):
            return level
    return 0


def _at_headings(material: Material, section: Section, level: int) -> list[Section]:
    sections: list[Section] = []
    for place in section.cells:
        heading, name = _above(material, place, level), material.names.get(place)
        if not sections:
            sections.append(Section([place], heading or section.heading, name))
        elif name or (heading is not None and _may_cut(material, place)):
            sections.append(Section([place], heading, name))
        else:
            sections[-1].cells.append(place)
    return sections


def _is_long(section: Section, sections: list[Section]) -> bool:
    total = sum(len(one.cells) for one in sections)
    return len(sections) < MOST and len(section.cells) > max(6, total // 3)


def _at_changes(material: Material, section: Section, count: int) -> list[Section]:
    """Cut a section where loading, preparing, training and evaluating follow each other."""
    headed = count > 1
    cells = section.cells
    if headed and len(cells) < 3:
        return [section]
    known = [(number, work) for number, place in enumerate(cells) if (work := work_of(material.stages[place]))]
    cuts: list[int] = []
    for (before, one), (after, other) in itertools.pairwise(known):
        if one == other:
            continue
        candidates = [n for n in range(before + 1, after + 1) if _may_cut(material, cells[n])]
        if not candidates:
            continue
        # later cuts first: what is between belongs to what comes before, unless fewer values cross otherwise
        best = min(reversed(candidates), key=lambda n: material.costs[cells[n]])
        if headed and (one != "load" and other != "train" or material.costs[cells[best]] > _NARROW):
            continue
        cuts.append(best)
    return _split(section, cuts)


def _split(section: Section, cuts: Sequence[int]) -> list[Section]:
    ends = [*cuts, len(section.cells)]
    parts = [Section(section.cells[: ends[0]], section.heading, section.name)]
    return parts + [Section(section.cells[start:end]) for start, end in itertools.pairwise(ends)]


def _without_extras(material: Material, sections: list[Section]) -> list[Section]:
    """Put what is no task of its own to the task before it."""
    result: list[Section] = []
    for section in sections:
        if result and section.name is None and material.extras(section.cells):
            result[-1].cells += section.cells
        else:
            result.append(section)
    return result


def _tied(material: Material, sections: list[Section]) -> list[Section]:
    """Put cells that only make what the next task trains to that task: the model and its optimizer, say."""
    result: list[Section] = []
    for section in reversed(sections):
        after = result[-1] if result else None
        if (
            after is not None
            and after.name is None
            and section.name is None
            and len(section.cells) <= _FEW
            and not any(work_of(material.stages[place]) for place in section.cells)
            and any(work_of(material.stages[place]) == "train" for place in after.cells)
            and material.changed(section.cells, after.cells)
        ):
            after.cells[:0] = section.cells
        else:
            result.append(section)
    return result[::-1]


def _shortened(material: Material, sections: list[Section]) -> list[Section]:
    """Cut long sections where the fewest values cross; and a whole notebook of several cells that is one section."""
    while len(sections) < MOST:
        longest = max(sections, key=lambda section: len(section.cells))
        total = sum(len(section.cells) for section in sections)
        alone = len(sections) == 1 and total >= 4 and not any(work_of(material.stages[p]) for p in longest.cells)
        if not alone and len(longest.cells) <= max(_LONG, total // MOST):
            break
        cells = longest.cells
        least = max(1, len(cells) // 4)
        candidates = [n for n in range(least, len(cells) - least + 1) if _may_cut(material, cells[n])]
        if not candidates:
            break
        middle = len(cells) / 2
        best = min(candidates, key=lambda n: (material.costs[cells[n]], abs(n - middle)))
        at = sections.index(longest)
        sections[at : at + 1] = _split(longest, [best])
    return sections


def _merged(material: Material, sections: list[Section]) -> list[Section]:
    """Merge neighbours until there are not too many: small ones first, and those that belong together."""
    while len(sections) > MOST:
        pairs = [n for n in range(1, len(sections)) if sections[n].name is None]
        if not pairs:
            break
        best = min(pairs, key=lambda n: _apart(material, sections[n - 1], sections[n]))
        first, second = sections[best - 1 : best + 1]
        if first.heading is None and first.name is None:
            first.heading = second.heading
        first.cells += second.cells
        del sections[best]
    return sections


def _apart(material: Material, one: Section, other: Section) -> tuple[float, float]:
    """Return how far apart two neighbours are."""
    kinds = [{work_of(material.stages[place]) for place in section.cells} - {None} for section in (one, other)]
    differ = bool(kinds[0] and kinds[1] and not kinds[0] & kinds[1])
    heading = other.heading
    rank = 0.0 if heading is None else 2.0 / heading.level
    return len(one.cells) + len(other.cells) + 4 * differ + rank, -material.costs[other.cells[0]]
