# %% tags=["task:a"]
k = 3
f = lambda v: v * k

# %% tags=["task:b"]
print(f(2))

# %% tags=["task:c"]
k = 5

# %% tags=["task:d"]
print(f(2))
