# %% tags=["task:a", "hide-input", "nbgrader"]
x = 1

# %% tags=["task:b", "raises-exception"]
print(x)
1 / 0

# %% tags=["task:c"]
print(x + 1)
