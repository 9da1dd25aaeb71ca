# %% tags=["task:a"]
rows = [3, 1, 2]
def add(target, value):
    target.append(value)

# %% tags=["task:b"]
add(rows, 9)

# %% tags=["task:c"]
rows.sort()

# %% tags=["task:d"]
print(rows)
