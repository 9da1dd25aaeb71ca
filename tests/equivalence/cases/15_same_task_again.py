# %% tags=["task:a"]
x = 1

# %% tags=["task:b", "after:a"]
print("b")
y = 1

# %% tags=["task:a2"]
z = 3

# %% tags=["task:c", "after:b"]
print(x)

# %% tags=["task:c", "after:a2"]
print(y, z)
