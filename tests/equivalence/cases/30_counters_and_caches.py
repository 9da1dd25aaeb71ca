# %% tags=["task:a"]
import functools
calls = []
@functools.lru_cache(maxsize=None)
def slow(n):
    calls.append(n)
    return n * n
class Tally:
    count = 0
    names = []
    def __init__(self, name):
        type(self).count += 1
        Tally.names.append(name)
def visit():
    visit.times += 1
visit.times = 0

# %% tags=["task:b"]
slow(3)
Tally("b")
visit()

# %% tags=["task:c"]
slow(3)
Tally("c")
visit()

# %% tags=["task:d"]
print(calls, slow.cache_info().hits, Tally.count, Tally.names, visit.times)
