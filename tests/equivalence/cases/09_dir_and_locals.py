# %% tags=["task:a"]
alpha = 1
import math
def beta():
    return alpha

# %% tags=["task:b"]
gamma = 3

# %% tags=["task:c"]
print(sorted(n for n in dir() if not n.startswith("_") and n not in ("In", "Out", "exit", "quit", "open")))
