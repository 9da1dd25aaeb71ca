# %% tags=["task:a"]
from math import *
from os.path import join, basename
r = 2.0

# %% tags=["task:b"]
print(floor(pi * r), basename(join("a", "b")))

# %% tags=["task:c"]
print(sqrt(16) + r)
