# %% tags=["task:a"]
m = 5

# %% tags=["task:b"]
try:
    m
except NameError:
    m = None
print(m)

# %% tags=["task:c"]
print(m)
