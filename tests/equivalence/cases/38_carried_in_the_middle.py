# %% tags=["task:a"]
def f():
    return 1


x = f()
n = "before"
print(x, n)

# %% tags=["imports"]
def f():
    return 2

# %% tags=["parameters"]
n = "after"

# %%
print(x, f(), n)

# %% tags=["task:b"]
print(x, f(), n)
