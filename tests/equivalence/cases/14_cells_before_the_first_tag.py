# %%
import math
base = 2

# %%
base += 1

# %% tags=["task:a"]
print(base, math.floor(2.5))
