# %% tags=["task:a"]
v = "a"

# %% tags=["task:b"]
v = "b"

# %% tags=["task:c"]
print(v)
