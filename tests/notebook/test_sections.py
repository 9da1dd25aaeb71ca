"""Cutting cells into tasks, from what is known of them."""

from __future__ import annotations

from typing import Any

from nbprod.notebook.cell import Heading
from nbprod.notebook.sections import MOST, Material, cut
from nbprod.notebook.stages import Stage


def material(count: int, **more: Any) -> Material:
    values: dict[str, Any] = {
        "places": range(count),
        "headings": {},
        "stages": dict.fromkeys(range(count)),
        "costs": dict.fromkeys(range(count), 1.0),
    }
    for name in ("stages", "costs"):
        values[name] |= more.pop(name, {})
    return Material(**{**values, **more})


def heading(level: int, text: str = "x") -> list[Heading]:
    return [Heading(0, level, text)]


def cells(made: Material) -> list[list[int]]:
    return [section.cells for section in cut(made)]


def test_headings_of_the_highest_level_that_cuts_are_used() -> None:
    """The title cuts nothing; headings below the level are used where a section is long."""
    headings = {0: heading(1, "Title") + heading(2, "A"), 2: heading(3, "A1"), 4: heading(2, "B")}

    sections = cut(material(6, headings=headings))

    assert [(one.cells, one.heading and one.heading.text) for one in sections] == [([0, 1, 2, 3], "A"), ([4, 5], "B")]
    longer = material(20, headings={0: heading(1), 3: heading(1), 9: heading(2), 15: heading(2)})
    assert [len(one) for one in cells(longer)] == [3, 6, 6, 5]


def test_where_a_heading_follows_another_the_later_one_names_the_task() -> None:
    """The first one's cells are all skipped, say."""
    (_, second) = cut(material(4, headings={2: heading(2, "Looking") + heading(2, "Training")}))

    assert second.heading is not None
    assert second.heading.text == "Training"


def test_without_headings_cuts_are_where_the_work_changes_and_little_crosses() -> None:
    stages = {0: Stage.LOAD, 2: Stage.CLEAN, 3: Stage.SPLIT, 5: Stage.TRAIN, 6: Stage.EVALUATE}

    assert cells(material(8, stages=stages)) == [[0, 1], [2, 3, 4], [5], [6, 7]]
    assert cells(material(8, stages=stages, costs={1: 0.5, 4: 0.5})) == [[0], [1, 2, 3], [4, 5], [6, 7]]


def test_under_a_heading_only_loading_and_training_are_cut_off() -> None:
    stages = {0: Stage.LOAD, 1: Stage.CLEAN, 2: Stage.FEATURES, 4: Stage.TRAIN, 5: Stage.EVALUATE, 6: Stage.EVALUATE}
    headings = {0: heading(1), 3: heading(1)}

    assert cells(material(7, stages=stages, headings=headings)) == [[0], [1, 2], [3, 4, 5, 6]]
    assert cells(material(7, stages=stages, headings=headings, costs={1: 9.0})) == [[0, 1, 2], [3, 4, 5, 6]]


def test_long_sections_are_cut_where_the_least_crosses_and_not_at_their_ends() -> None:
    made = material(16, costs={1: 0.0, 6: 0.5, 9: 0.5, 15: 0.0})

    assert cells(made) == [list(range(9)), list(range(9, 16))]


def test_there_are_never_too_many_tasks_and_small_ones_are_merged_first() -> None:
    headings = {place: heading(2) for place in range(0, 40, 2)} | {41: heading(2)}

    sections = cells(material(60, headings=headings))

    assert len(sections) == MOST
    assert [place for section in sections for place in section] == list(range(60))
    assert sections[-1] == list(range(41, 60))


def test_tags_of_the_author_cut_and_keep_others_from_merging() -> None:
    made = material(30, names={place: f"t{place}" for place in range(0, 30, 3)})

    sections = cut(made)

    assert [section.name for section in sections] == [f"t{place}" for place in range(0, 30, 3)]


def test_what_was_refused_is_not_cut() -> None:
    headings = {0: heading(2), 2: heading(2), 4: heading(2)}

    assert cells(material(6, headings=headings, refused=frozenset({2}))) == [[0, 1, 2, 3], [4, 5]]
    assert cells(material(0)) == []
