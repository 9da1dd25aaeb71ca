from __future__ import annotations

from pathlib import Path

import pytest

from nbprod.config import PipelineConfig
from nbprod.project import Project
from nbprod.promotion.promote import promote_candidate
from nbprod.promotion.registry import ModelVersion

from .handmade import Notebook


@pytest.fixture
def notebook(tmp_path: Path) -> Notebook:
    return Notebook(tmp_path, tmp_path / ".nbprod" / "artifacts")


@pytest.fixture(scope="session")
def wine(tmp_path_factory: pytest.TempPathFactory) -> Notebook:
    """A scaler over a function of the notebook, and a gradient-boosted model, both used by the serve function."""
    root = tmp_path_factory.mktemp("wine")
    made = Notebook(root, root / ".nbprod" / "artifacts")
    made.define("import numpy as np\nimport pandas as pd")
    made.bind(max_depth=3)
    made.define("def logp(x):\n    return np.log1p(x)")
    made.compute(
        """
from sklearn.datasets import load_wine
from sklearn.ensemble import GradientBoostingClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler
X, y = load_wine(return_X_y=True, as_frame=True)
scaler = make_pipeline(FunctionTransformer(logp), StandardScaler()).fit(X)
model = GradientBoostingClassifier(max_depth=max_depth, n_estimators=10).fit(scaler.transform(X), y)
names = ["barolo", "grignolino", "barbera"]
""",
        "scaler",
        "model",
        "names",
    )
    made.define(
        '''
def predict(rows: pd.DataFrame, digits: int = 6):
    """Name the cultivar of each wine."""
    chances = model.predict_proba(scaler.transform(rows))
    return [{"cultivar": names[c.argmax()], "chance": round(c.max(), digits)} for c in chances]
'''
    )
    return made


@pytest.fixture(scope="session")
def promoted(wine: Notebook) -> ModelVersion:
    candidate = wine.candidate("predict", "predict(X.head(3))", kept=("X",))
    return promote_candidate(Project(wine.folder), candidate, PipelineConfig(notebook="wine.ipynb"))
