"""The servers that are compared: each answers the same model for the same row, in one process."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from benchmarks.notebooks import HERE, NBPROD, notebook
from benchmarks.serving_client import row_body
from benchmarks.timing import command

COLUMNS = 30
MLFLOW = HERE.parent / ".venv" / "mlflow"
"""mlflow pins what others need newer, so it has an environment of its own."""
FIT = {
    "forest": "from sklearn.ensemble import RandomForestClassifier\nmodel = RandomForestClassifier(100, random_state=0, n_jobs=1).fit(X, y)",
    "linear": "from sklearn.linear_model import LogisticRegression\nfrom sklearn.pipeline import make_pipeline\n"
    "from sklearn.preprocessing import StandardScaler\nmodel = make_pipeline(StandardScaler(), LogisticRegression()).fit(X, y)",
    "boosting": "from sklearn.ensemble import GradientBoostingClassifier\nmodel = GradientBoostingClassifier(random_state=0).fit(X, y)",
    "keras": "keras.utils.set_random_seed(0)\nmodel = keras.Sequential([keras.Input((30,)), keras.layers.Dense(64, 'relu'), keras.layers.Dense(64, 'relu'), keras.layers.Dense(2, 'softmax')])\n"
    "model.compile('adam', 'sparse_categorical_crossentropy')\nmodel.fit(X.to_numpy('float32'), y, epochs=1, verbose=0)",
}
ANSWER = {"keras": "model.predict(rows.to_numpy('float32'), verbose=0).argmax(axis=1)"}
KERAS = "import os\nos.environ['KERAS_BACKEND'] = 'jax'\nimport keras"
SAVE = {"keras": "model.save(file + '.keras')"}
LOAD = {"keras": "keras.saving.load_model(FILE + '.keras')"}
BY_HAND = {"keras": "model.predict_on_batch(frame.to_numpy('float32')).argmax(axis=1)"}
FIELDS = "\n".join(f"    x{place}: float" for place in range(COLUMNS))
FASTAPI = """
import joblib, pandas as pd
{imports}
from fastapi import FastAPI
from pydantic import BaseModel

FILE = {file!r}

class Row(BaseModel):
{fields}

class Body(BaseModel):
    rows: list[Row]

model = {load}
app = FastAPI()

@app.get("/readyz")
async def ready():
    return "ready"

@app.post("/predict")
async def predict(body: Body):
    frame = pd.DataFrame([row.model_dump() for row in body.rows])
    return {answer}.tolist()
"""
BENTOML = """
import bentoml, joblib, pandas as pd
{imports}
from pydantic import BaseModel

FILE = {file!r}

class Row(BaseModel):
{fields}

@bentoml.service
class Model:
    def __init__(self) -> None:
        self.model = {load}

    @bentoml.api
    def predict(self, rows: list[Row]) -> list[int]:
        model = self.model
        frame = pd.DataFrame([row.model_dump() for row in rows])
        return {answer}.tolist()
"""


@dataclass(frozen=True)
class Made:
    """A model, promoted in `project` as `name`, and saved as `file` for the others."""

    name: str
    project: Path
    file: Path
    bento: Path


def make(root: Path, name: str) -> Made:
    """Run a notebook that trains a model, and promote it."""
    folder = root / name
    folder.mkdir(parents=True)
    file = folder / "model"
    imports = "import joblib, pandas as pd" + ("\n" + KERAS if name == "keras" else "")
    cells = [
        ("imports", imports),
        (
            "task:data",
            f"from sklearn.datasets import make_classification\nX, y = make_classification(4000, {COLUMNS}, n_informative=10, random_state=0)\nX = pd.DataFrame(X, columns=[f'x{{place}}' for place in range({COLUMNS})])",
        ),
        ("task:train", FIT[name]),
        ("task:save", f"file = {str(file)!r}\n{SAVE.get(name, 'joblib.dump(model, file)')}"),
        (
            "serve",
            f"def predict(rows: pd.DataFrame):\n    return {ANSWER.get(name, 'model.predict(rows)')}\npredict(X.head(10))",
        ),
    ]
    notebook(cells, folder / f"{name}.ipynb")
    command([*NBPROD, "run", f"{name}.ipynb"], folder)
    command([*NBPROD, "promote", f"{name}.ipynb"], folder)
    from nbprod.project import Project
    from nbprod.promotion.registry import Registry

    return Made(name, folder, file, Registry(Project(folder)).get(name).path)


@dataclass
class Server:
    """A server that runs: where it is asked, and with what."""

    url: str
    body: bytes
    process: subprocess.Popen[bytes]
    seconds: float

    def memory(self) -> float:
        """MiB that its processes have for themselves (USS)."""
        import psutil

        family = [psutil.Process(self.process.pid), *psutil.Process(self.process.pid).children(recursive=True)]
        return sum(one.memory_full_info().uss for one in family) / 2**20


def _environment(folder: Path) -> dict[str, str]:
    from nbprod import telemetry

    own = {"OMP_NUM_THREADS": "1", "BENTOML_HOME": str(folder / "home"), "KERAS_BACKEND": "jax"}
    return {**os.environ, **telemetry.environment(), **own, "MLFLOW_DISABLE_TELEMETRY": "true"}


def _port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def started(side: str, made: Made, folder: Path) -> Iterator[Server]:
    """Start a server and give it once it has answered a row; end it after."""
    folder.mkdir(parents=True, exist_ok=True)
    port = _port()
    keras = made.name == "keras"
    told = {
        "imports": KERAS if keras else "",
        "file": str(made.file),
        "fields": FIELDS,
        "load": LOAD.get(made.name, "joblib.load(FILE)"),
        "answer": BY_HAND.get(made.name, "model.predict(frame)"),
    }
    env = _environment(folder)
    body, path, ready = row_body(COLUMNS), "/predict", "/readyz"
    python = sys.executable
    where = ["--host", "127.0.0.1", "--port", str(port)]
    if side == "fastapi":
        (folder / "app.py").write_text(FASTAPI.format(**told))
        arguments = [python, "-m", "uvicorn", "app:app", *where, "--no-access-log", "--log-level", "warning"]
    elif side == "bentoml":
        (folder / "service.py").write_text(BENTOML.format(**told))
        arguments = [python, "-m", "bentoml", "serve", "service:Model", *where]
    elif side == "mlflow":
        _save_for_mlflow(made)
        env["PATH"] = f"{MLFLOW / 'bin'}{os.pathsep}{env['PATH']}"
        arguments = [
            str(MLFLOW / "bin" / "mlflow"),
            "models",
            "serve",
            "-m",
            str(made.project / "mlflow"),
            "--env-manager",
            "local",
        ]
        arguments += ["-h", "127.0.0.1", "-p", str(port), "-w", "1"]
        rows = json.loads(body)["rows"]
        body, path, ready = json.dumps({"dataframe_records": rows}).encode(), "/invocations", "/ping"
    else:
        if side == "nbprod":
            env["NBPROD_LOG_FOLDER"] = str(folder / "predictions")
        env["PYTHONPATH"] = str(made.bento / "src")
        arguments = [python, "-m", "nbprod_serving.supervisor", "--folder", str(made.bento), *where]
    began = time.perf_counter()
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(arguments, cwd=folder, env=env, stdout=log, stderr=subprocess.STDOUT)
    try:
        while not _answers(f"http://127.0.0.1:{port}{ready}"):
            if process.poll() is not None or time.perf_counter() - began > 180:
                raise RuntimeError(f"{side} does not start:\n{(folder / 'log').read_text()[-2000:]}")
            time.sleep(0.02)
        _ask(
            f"http://127.0.0.1:{port}{path}", body
        )  # a server may say that it is ready before it has asked its model anything
        yield Server(f"http://127.0.0.1:{port}{path}", body, process, time.perf_counter() - began)
    finally:
        from nbprod.promotion.launch import stop

        stop(process.pid)
        process.wait()


def _answers(url: str) -> bool:
    with contextlib.suppress(urllib.error.URLError, OSError), urllib.request.urlopen(url, timeout=2) as response:
        return bool(response.status == 200)
    return False


def _ask(url: str, body: bytes) -> None:
    request = urllib.request.Request(url, body, {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=60) as response:
        response.read()


def _save_for_mlflow(made: Made) -> None:
    target = made.project / "mlflow"
    if target.exists():
        return
    code = (
        "import sys, joblib, mlflow.sklearn\n"
        "mlflow.sklearn.save_model(joblib.load(sys.argv[1]), sys.argv[2], serialization_format='cloudpickle', pip_requirements=[])"
    )
    try:
        command([MLFLOW / "bin" / "python", "-c", code, made.file, target], made.project)
    except BaseException:
        shutil.rmtree(target, ignore_errors=True)
        raise


def install_mlflow() -> None:
    """Install mlflow into an environment of its own, once."""
    if (MLFLOW / "done").exists():
        return
    uv = [sys.executable, "-m", "uv"]
    subprocess.run([*uv, "venv", "--quiet", "--clear", "--python", sys.executable, str(MLFLOW)], check=True)
    import sklearn

    packages = ["mlflow>=3.17", f"scikit-learn=={sklearn.__version__}"]
    install = ["pip", "install", "--quiet", "--compile-bytecode", "--python", str(MLFLOW / "bin" / "python")]
    subprocess.run([*uv, *install, *packages], check=True)
    (MLFLOW / "done").touch()
