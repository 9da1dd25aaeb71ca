# %% tags=["task:a"]
import datetime as dt
import numpy as np
import pandas as pd
scalar = np.float64(1.5)
stamp = np.datetime64("2026-01-02")
record = np.rec.array([(1, 2.0)], dtype=[("a", int), ("b", float)])
objects = np.array([1, "x", None], dtype=object)
masked = np.ma.array([1, 2, 3], mask=[0, 1, 0])
dtype = np.dtype("f4")
frame = pd.DataFrame({"a": pd.Categorical(["x", "y"]), "b": pd.array([1, None], dtype="Int64"), "s": ["p", None]},
                     index=pd.date_range("2026-01-01", periods=2, tz="UTC", name="when"))
frame.attrs["source"] = "case"
groups = frame.groupby("a", observed=True)
when = pd.Timestamp("2026-03-04", tz="Europe/Berlin")

# %% tags=["task:b"]
for value in (scalar, stamp, record, objects, masked, dtype, frame, when):
    print(type(value).__name__, repr(value))
print(frame.attrs, frame.index.name, frame.index.freqstr, frame.dtypes.to_dict(), groups.size().to_dict())
