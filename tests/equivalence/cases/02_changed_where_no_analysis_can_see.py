# %% tags=["task:a"]
import operator
config = {"depth": 1}

# %% tags=["task:b"]
change = operator.methodcaller("update", depth=7)
change(config)

# %% tags=["task:c"]
print(config)
