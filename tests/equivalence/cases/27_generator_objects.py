# %% tags=["task:a"]
import numpy as np
rng = np.random.default_rng(7)

# %% tags=["task:b"]
print(rng.integers(0, 100, 3))

# %% tags=["task:c"]
print(rng.integers(0, 100, 3))
