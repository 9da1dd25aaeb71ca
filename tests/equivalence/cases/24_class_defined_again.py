# %% tags=["task:a"]
class A:
    version = 1
old = A()

# %% tags=["task:b"]
class A:
    version = 2
new = A()

# %% tags=["task:c"]
print(isinstance(old, A), isinstance(new, A), old.version, new.version, type(old).__name__)
