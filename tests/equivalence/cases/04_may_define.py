# %% tags=["task:a"]
x = 1
cond = False

# %% tags=["task:b"]
if cond:
    x = 2
print(x)

# %% tags=["task:c"]
print(x + 1)
