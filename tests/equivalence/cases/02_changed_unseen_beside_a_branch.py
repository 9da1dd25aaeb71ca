# %% tags=["task:a"]
import operator
import time
config = {"depth": 1}

# %% tags=["task:b"]
time.sleep(0.3)
operator.setitem(config, "depth", 5)

# %% tags=["task:c"]
seen = config["depth"] + 1
print(seen)

# %% tags=["task:d"]
print(config, seen)
