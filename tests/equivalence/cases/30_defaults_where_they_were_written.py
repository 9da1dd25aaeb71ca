# %% tags=["task:a"]
df = [1, 2, 3]
def f(x, n=len(df)):
    return x + n
def remember(x, seen=[]):
    seen.append(x)
    return list(seen)

# %% tags=["task:b"]
df = [1]
remember("b")
print(f(0))

# %% tags=["task:c"]
print(f(0), remember("c"))
