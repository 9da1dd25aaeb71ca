# %% tags=["task:a"]
import math
import textwrap
math.tau_twice = 2 * math.tau
original = textwrap.dedent

# %% tags=["task:b"]
textwrap.dedent = lambda value: "patched " + original(value)

# %% tags=["task:c"]
print(textwrap.dedent("x"), round(math.tau_twice, 3))
