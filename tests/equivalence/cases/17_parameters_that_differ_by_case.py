# %% tags=["parameters"]
LR = 1
lr = 2

# %% tags=["task:a"]
print(LR)

# %% tags=["task:b"]
print(lr, LR)
