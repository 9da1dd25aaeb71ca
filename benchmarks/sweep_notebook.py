# %% [markdown]
# # A model to sweep
# Four tasks; the searched parameter reaches the last one only.

# %% tags=["parameters"]
max_depth = 4
n_rows = 20000

# %% tags=["task:load"]
import numpy as np
import pandas as pd

rng = np.random.default_rng(0)
frame = pd.DataFrame(rng.normal(size=(n_rows, 10)), columns=[f"x{i}" for i in range(10)])
frame["y"] = (frame["x0"] * frame["x1"] + np.sin(3 * frame["x2"]) + rng.normal(scale=0.3, size=n_rows) > 0).astype(int)

# %% tags=["task:features"]
features = frame.drop(columns="y").copy()
for name in list(features.columns):
    features[f"{name}_rank"] = features[name].rank(pct=True)
    features[f"{name}_mean"] = features[name].rolling(50, min_periods=1).mean()

# %% tags=["task:split"]
from sklearn.model_selection import train_test_split

X_train, X_test, y_train, y_test = train_test_split(features, frame["y"], random_state=0)

# %% tags=["task:train"]
from sklearn.tree import DecisionTreeClassifier

model = DecisionTreeClassifier(max_depth=max_depth, random_state=0).fit(X_train, y_train)

# %% tags=["metrics"]
accuracy = float(model.score(X_test, y_test))
