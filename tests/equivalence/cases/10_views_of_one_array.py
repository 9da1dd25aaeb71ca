# %% tags=["task:a"]
import numpy as np
whole = np.arange(10)
part = whole[2:5]

# %% tags=["task:b"]
part[:] = -1

# %% tags=["task:c"]
print(whole, part.base is whole)
