# %% tags=["parameters"]
lr = 0.5

# %% tags=["task:a"]
print(lr)

# %% tags=["task:b"]
lr = lr * 2

# %% tags=["task:c"]
print(lr)
