# %% tags=["task:a"]
k = 3
def triple(v):
    return v * k
ops = {"triple": triple, "half": lambda v: v / 2, "scaled": lambda v: v * k}
def adder(n):
    return lambda v: v + n + k
add5 = adder(5)

# %% tags=["task:b"]
k = 4

# %% tags=["task:c"]
print(ops["triple"](2), ops["half"](2), ops["scaled"](2), add5(1))
