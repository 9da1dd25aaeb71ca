# %% tags=["task:a"]
k = 10
v = "global"

# %% tags=["task:b"]
async def f(k):
    v = k + 1
    return v
class Box:
    v = 3
    twice = v * 2
    def get(self, k=2):
        return self.v * k
g = lambda v: v + 1
total = sum(v for v in range(4))
print(g(1), Box().get(), total, await f(5))

# %% tags=["task:c"]
print(k, v, Box.twice)
