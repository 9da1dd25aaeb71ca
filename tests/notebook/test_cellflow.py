"""The data flow from cell to cell."""

from __future__ import annotations

from nbprod.notebook.cellflow import CellFlow, flow_of
from tests.notebook.written import notebook


def links(flow: CellFlow) -> set[str]:
    return {
        f"{link.maker + 1} {link.name} {link.user + 1}" + " source" * link.source + " changes" * link.changes
        for link in flow.links
    }


def test_each_cell_takes_the_version_that_was_made_last() -> None:
    flow = flow_of(
        notebook("""
# %%
import math
rows = [1]
# %% task:any
rows.append(math.floor(2.5))
# %% skip
rows = None
# %%
def total():
    return sum(rows)
# %%

# %%
if rows:
    rows = [3]
# %%
print(total())
""")
    )

    assert [cell.number for cell in flow.cells] == [1, 2, 4, 6, 7]
    assert links(flow) == {
        "1 math 2 source",
        "1 rows 2 changes",
        "2 rows 4",
        "2 rows 5",  # cell 6 may have left the older one
        "4 rows 5",
        "3 total 5 source",
    }


def test_a_cut_costs_what_crosses_it_once() -> None:
    flow = flow_of(
        notebook("""
# %%
a, b = 1, [2]
# %%
print(a)
# %%
b.append(a)
# %%
print(b)
""")
    )

    assert flow.costs([0, 1, 2, 3]) == [0, 1 + 1 + 3, 1 + 1 + 3, 1]  # a, b, and b apart from its change
    assert flow.costs([0, 1, 3]) == [0, 1, 0], "only these cells count"


def test_hidden_state_that_a_cell_changes_is_told() -> None:
    flow = flow_of(
        notebook("""
# %%
import numpy as np
# %%
np.random.seed(1)
# %%
x = np.random.rand()
# %%
print(x)
""")
    )

    assert [flow.hidden(place) for place in range(4)] == [False, True, True, False]
