# %% tags=["task:a"]
best = None

# %% tags=["task:b"]
for i in range(0):
    best = i
print(best)

# %% tags=["task:c"]
for i in range(3):
    if i == 1:
        best = i

# %% tags=["task:d"]
print(best, i)
