# %% tags=["task:a"]
i = 42

# %% tags=["task:b"]
squares = [i * i for i in range(3)]

# %% tags=["task:c"]
print(i, squares)
