# %% tags=["task:a"]
x = 1

# %% tags=["task:b"]
x = 2

# %% tags=["task:c"]
print(x)
