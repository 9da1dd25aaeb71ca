# %% tags=["parameters"]
negative = -3
names = ["a", "b"]
table = {"k": 1, 2: None}
nothing = None
a: int = 3
b: int | None = None
small = 1e-3  # note
flag = True
text = 'it\'s "quoted" é'
path = f"{text}/x"
called = len(names)

# %% tags=["task:t"]
print(negative, names, table, nothing, a, b, small, flag, text)

# %% tags=["task:u"]
print(path, called)
