# %% tags=["task:a"]
import pandas as pd
df = pd.DataFrame({"x": [1, 2, 3]})

# %% tags=["task:b"]
df["y"] = df["x"] * 2

# %% tags=["task:c"]
df.loc[df["x"] > 1, "y"] = 0

# %% tags=["task:d"]
df.rename(columns={"y": "z"}, inplace=True)

# %% tags=["task:e"]
print(df.to_dict("list"))
