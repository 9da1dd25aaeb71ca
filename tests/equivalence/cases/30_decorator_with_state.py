# %% tags=["task:a"]
handlers = {}
def handler(name):
    def wrap(fn):
        handlers[name] = fn
        return fn
    return wrap
@handler("double")
def double(x):
    return 2 * x

# %% tags=["task:b"]
@handler("triple")
def triple(x):
    return 3 * x

# %% tags=["task:c"]
print(sorted(handlers), handlers["double"](4), handlers["triple"](4), handlers["double"] is double)
