# %% tags=["task:a"]
data = {"n": 1}

# %% tags=["task:b"]
left = data["n"] + 1
print(left)

# %% tags=["task:c"]
data["n"] = 10

# %% tags=["task:d"]
right = data["n"] + 1
print(left, right)
