# %% tags=["task:a"]
import random
import numpy as np
random.seed(1)
np.random.seed(1)

# %% tags=["task:b"]
from sklearn.utils import shuffle
rows = shuffle([1, 2, 3, 4, 5, 6, 7, 8])
print(rows)

# %% tags=["task:c"]
pick = random.choice
print(pick(range(1000)), pick(range(1000)))

# %% tags=["task:d"]
print(random.random(), np.random.randint(0, 1000, 3))
