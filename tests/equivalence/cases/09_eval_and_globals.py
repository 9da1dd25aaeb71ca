# %% tags=["task:a"]
m = 5
n = 6

# %% tags=["task:b"]
print(eval("m + 1"), globals()["n"])

# %% tags=["task:c"]
exec("p = m * n")

# %% tags=["task:d"]
print(p)
