# %% tags=["task:a"]
n = 3
rows = [[1, 2], [3]]

# %% tags=["task:b"]
class C:
    n = 5
    values = [n for _ in range(2)]
    first = [x for x in range(n)]
flat = [n for n in rows for n in n]
if (w := len(flat)) > 2:
    pass
print(C.values, C.first, flat)

# %% tags=["task:c"]
print(n, w)
