"""Labelled rows in the file that the notebook reads."""

from __future__ import annotations

import pandas as pd
import pytest

from nbprod.monitoring.collect import CollectError, Collection
from nbprod.monitoring.feedback import Labelled


def rows(count, start=0, label="fast"):
    return Labelled(
        [{"price": float(i), "weight": 1.0} for i in range(start, start + count)],
        [{}] * count,
        [label] * count,
        [0.0] * count,
        [(f"r{i}", 0) for i in range(start, start + count)],
    )


def ignore(what):
    return None


@pytest.fixture
def base(tmp_path):
    table = pd.DataFrame({"speed": ["fast", "slow"], "price": [0.1, 0.2], "weight": [1.0, 2.0], "note": ["x", "y"]})
    table.to_csv(tmp_path / "orders.csv", index=False)
    return table


@pytest.mark.parametrize("kind", ["csv", "parquet"])
def test_rows_are_added_once_in_the_columns_of_the_file(tmp_path, base, kind):
    target = tmp_path / f"orders.{kind}"
    if kind == "parquet":
        base.to_parquet(target, index=False)
    collection = Collection(target, tmp_path, "speed")

    assert collection.add(rows(3), None, ignore) == 3
    assert collection.add(rows(5), None, ignore) == 2

    table = pd.read_csv(target) if kind == "csv" else pd.read_parquet(target)
    assert list(table.columns) == ["speed", "price", "weight", "note"]
    assert table["price"].tolist() == [0.1, 0.2, 0, 1, 2, 3, 4]
    assert table["note"].isna().sum() == 5


def test_a_file_that_is_not_there_is_made(tmp_path):
    Collection(tmp_path / "new" / "orders.csv", tmp_path, "speed").add(rows(2), None, ignore)

    assert pd.read_csv(tmp_path / "new" / "orders.csv").columns.tolist() == ["price", "weight", "speed"]


def test_windows_hold_the_newest_rows_only(tmp_path):
    collection = Collection(tmp_path / "feedback.csv", tmp_path, "speed", keep=4)
    collection.add(rows(3), None, ignore)
    collection.add(rows(6), None, ignore)

    assert pd.read_csv(tmp_path / "feedback.csv")["price"].tolist() == [2, 3, 4, 5]


@pytest.mark.parametrize("killed", ["before the file was replaced", "after it was, before it was noted"])
def test_a_kill_neither_loses_rows_nor_adds_them_twice(tmp_path, base, killed):
    target = tmp_path / "orders.csv"
    collection = Collection(target, tmp_path, "speed")
    kept = []

    class Killed(BaseException):
        pass

    def kill(what):
        kept.append(what)
        if what is not None and killed.startswith("before"):
            raise Killed

    class Dying(Collection):
        def _note(self, keys):
            raise Killed

    with pytest.raises(Killed):
        (collection if killed.startswith("before") else Dying(target, tmp_path, "speed")).add(rows(3), None, kill)
    pending = kept[-1]
    assert pending is not None

    collection.add(rows(4), pending, ignore)

    assert pd.read_csv(target)["price"].tolist() == [0.1, 0.2, 0, 1, 2, 3]
    assert not list(tmp_path.glob(".orders*"))


def test_the_label_is_the_one_column_that_is_no_feature(tmp_path, base):
    base.drop(columns="note").to_csv(tmp_path / "orders.csv", index=False)

    Collection(tmp_path / "orders.csv", tmp_path).add(rows(1), None, ignore)

    assert pd.read_csv(tmp_path / "orders.csv")["speed"].tolist() == ["fast", "slow", "fast"]


def test_a_label_column_that_cannot_be_told_is_asked_for(tmp_path, base):
    with pytest.raises(CollectError, match=r"speed, note are no features\n.*watch: \{column: NAME\}"):
        Collection(tmp_path / "orders.csv", tmp_path).add(rows(1), None, ignore)


def test_labels_in_other_words_than_the_data_are_refused(tmp_path, base):
    with pytest.raises(CollectError, match=r"label 'quick', the column 'speed' has others \(fast, slow\)"):
        Collection(tmp_path / "orders.csv", tmp_path, "speed").add(rows(1, label="quick"), None, ignore)
    assert len(pd.read_csv(tmp_path / "orders.csv")) == 2


def test_a_file_that_is_no_table_is_told(tmp_path):
    (tmp_path / "orders.parquet").write_bytes(b"no")

    with pytest.raises(CollectError, match="cannot be read"):
        Collection(tmp_path / "orders.parquet", tmp_path, "speed").add(rows(1), None, ignore)


def test_whole_numbers_stay_whole(tmp_path):
    pd.DataFrame({"n": [1, 2], "y": [0, 1]}).to_csv(tmp_path / "a.csv", index=False)
    labelled = Labelled([{"n": 3}], [{}], [1], [0.0], [("a", 0)])

    Collection(tmp_path / "a.csv", tmp_path).add(labelled, None, ignore)

    assert (tmp_path / "a.csv").read_text() == "n,y\n1,0\n2,1\n3,1\n"
