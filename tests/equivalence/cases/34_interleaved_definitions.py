# %% tags=["task:a"]
scale = 2
def one(x):
    return x * scale

# %% tags=["task:b"]
scale = 3
def two(x):
    return one(x) + scale

# %% tags=["task:c"]
import functools
three = functools.partial(two, 5)
print(three())

# %% tags=["task:d"]
scale = 0

# %% tags=["task:e"]
print(three(), two(1), one(1))
