# %% tags=["task:a"]
import numpy as np
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler
offset = 1.0
def shifted_log(x):
    return np.log(x + offset)
pipe = Pipeline([("log", FunctionTransformer(shifted_log)), ("scale", StandardScaler())])

# %% tags=["task:b"]
X = np.arange(12.0).reshape(4, 3)
pipe.fit(X)

# %% tags=["task:c"]
print(pipe.transform(X).round(6).tolist())
