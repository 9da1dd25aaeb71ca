# error: NameError

# %% tags=["task:a"]
x = 1

# %% tags=["task:b"]
print(x)
del x

# %% tags=["task:c"]
print(x)
