# %% tags=["task:a"]
registry = {}
def register(name, value):
    registry[name] = value
    return value
item = register("first", [1])

# %% tags=["task:b"]
item.append(2)

# %% tags=["task:c"]
register("second", [9])

# %% tags=["task:d"]
print(registry, registry["first"] is item)
