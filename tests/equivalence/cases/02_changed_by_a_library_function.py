# %% tags=["task:a"]
import random
rows = list(range(5))
random.seed(3)

# %% tags=["task:b"]
random.shuffle(rows)

# %% tags=["task:c"]
import numpy as np
a = np.zeros(3)
np.copyto(a, [1.0, 2.0, 3.0])
print(rows, a)
