# %% tags=["task:a"]
def helper(x):
    return x + 1
def f(x):
    return helper(x)

# %% tags=["task:b"]
print(f(1))

# %% tags=["task:c"]
def helper(x):
    return x * 100

# %% tags=["task:d"]
print(f(1))
