"""State that is no variable: what reads and writes the random generators, the environment, options, the current directory."""

from __future__ import annotations

from dataclasses import dataclass

RANDOM = ("@random", "@numpy.random", "@keras.random", "@torch.random")
"""Random generators; they matter from the first seed on."""
ENVIRONMENT = ("@cwd", "@environ", "@sys.path", "@warnings", "@pandas.options", "@matplotlib.rcParams")
"""State that every later task is under."""
SERVED = ("@star", "@always", "@cwd", "@environ", "@sys.path", "@pandas.options")
"""What the served function is under too (Keras takes its backend from the environment, say)."""
FIGURES = "@matplotlib.figures"
STAR = "@star"
ALWAYS = "@always"
PLOTTING = "@plotting"
CARRIED = (STAR, ALWAYS, PLOTTING)
"""Not state of the kernel: chains of definitions that later tasks need without naming them."""

_EMPTY: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Touch:
    """What a call or store does to hidden state."""

    reads: frozenset[str] = _EMPTY
    changes: frozenset[str] = _EMPTY
    resets: frozenset[str] = _EMPTY


NONE = Touch()
_ALL = frozenset(RANDOM)
_SEEDERS = {
    "random.seed": frozenset({"@random"}),
    "random.setstate": frozenset({"@random"}),
    "numpy.random.seed": frozenset({"@numpy.random"}),
    "numpy.random.set_state": frozenset({"@numpy.random"}),
    "torch.manual_seed": frozenset({"@torch.random"}),
    "torch.set_rng_state": frozenset({"@torch.random"}),
    "keras.utils.set_random_seed": frozenset({"@random", "@numpy.random", "@keras.random"}),
    "keras.src.utils.set_random_seed": frozenset({"@random", "@numpy.random", "@keras.random"}),
}
_NO_DRAW = frozenset(
    """default_rng RandomState Generator SeedSequence BitGenerator MT19937 PCG64 PCG64DXSM Philox SFC64 Random SystemRandom get_state
    getstate manual_seed""".split()
)
_TORCH_DRAWS = ("rand", "normal", "bernoulli", "multinomial", "poisson", "dropout", "nn.", "empty", "utils.data")
_KERAS_QUIET = (
    "utils",
    "datasets",
    "config",
    "backend",
    "callbacks",
    "metrics",
    "losses",
    "optimizers",
    "ops",
    "saving",
    "mixed_precision",
)
_SKLEARN_DRAWS = frozenset({"train_test_split", "shuffle", "resample", "permutation_importance", "learning_curve"})
_FITS = frozenset(
    """fit fit_transform fit_predict fit_resample partial_fit train evaluate cross_val_score cross_validate cross_val_predict
    validation_curve optimize minimize fmin train_on_batch fit_generator bootstrap permutation split""".split()
)
_BY_FUNCTION = {
    "os.chdir": "@cwd", "os.fchdir": "@cwd", "contextlib.chdir": "@cwd",
    "os.putenv": "@environ", "os.unsetenv": "@environ", "dotenv.load_dotenv": "@environ",
    "warnings.filterwarnings": "@warnings", "warnings.simplefilter": "@warnings", "warnings.resetwarnings": "@warnings",
    "pandas.set_option": "@pandas.options", "pandas.reset_option": "@pandas.options",
    "matplotlib.use": "@matplotlib.rcParams", "matplotlib.rc": "@matplotlib.rcParams", "matplotlib.rcdefaults": "@matplotlib.rcParams",
    "matplotlib.pyplot.rc": "@matplotlib.rcParams", "matplotlib.pyplot.rcdefaults": "@matplotlib.rcParams",
    "matplotlib.style.use": "@matplotlib.rcParams", "matplotlib.pyplot.style.use": "@matplotlib.rcParams",
    "matplotlib.pyplot.switch_backend": "@matplotlib.rcParams", "matplotlib.rc_file": "@matplotlib.rcParams",
    "seaborn.set": "@matplotlib.rcParams", "seaborn.set_theme": "@matplotlib.rcParams", "seaborn.set_style": "@matplotlib.rcParams",
    "seaborn.set_context": "@matplotlib.rcParams", "seaborn.set_palette": "@matplotlib.rcParams",
}  # fmt: skip
_BY_OBJECT = {
    "os.environ": "@environ",
    "sys.path": "@sys.path",
    "warnings.filters": "@warnings",
    "pandas.options": "@pandas.options",
    "matplotlib.rcParams": "@matplotlib.rcParams",
    "matplotlib.pyplot.rcParams": "@matplotlib.rcParams",
}
_PURE_ON_OBJECT = frozenset({"get", "copy", "items", "keys", "values", "index", "count", "__contains__", "find_all"})


def object_of(path: str) -> str | None:
    """Return the state that a dotted name, such as `os.environ` or `pandas.options.display`, is part of."""
    for prefix, state in _BY_OBJECT.items():
        if path == prefix or path.startswith(prefix + "."):
            return state
    return None


def touched(path: str, options: frozenset[str], *, fits: bool = False) -> Touch:
    """Return what calling the function of the dotted name `path` does to hidden state.

    `fits`: it is a method of some object rather than a function of a module, so that only its last part says anything.
    """
    last = path.rpartition(".")[2]
    if path in _SEEDERS:
        return Touch(resets=_SEEDERS[path])
    if "seed" in last.lower() and not last.startswith("get") and last != "SeedSequence":
        return Touch(changes=_ALL)
    if fits:
        if last == "sample" and "seeded" not in options:
            return Touch(changes=frozenset({"@numpy.random"}))
        return Touch(reads=_ALL) if last in _FITS and "seeded" not in options else NONE
    if path in _BY_FUNCTION:
        return Touch(changes=frozenset({_BY_FUNCTION[path]}))
    root, _, rest = path.partition(".")
    if (state := object_of(path)) is not None and last not in _PURE_ON_OBJECT:
        return Touch(changes=frozenset({state}))
    if root == "random" and last not in _NO_DRAW:
        return Touch(changes=frozenset({"@random"}))
    if path.startswith("numpy.random.") and last not in _NO_DRAW and path.count(".") == 2:
        return Touch(changes=frozenset({"@numpy.random"}))
    if last in _NO_DRAW and root in ("random", "numpy", "torch"):
        return Touch(reads=_ALL) if "get" in last else NONE
    if root == "torch" and rest.startswith(_TORCH_DRAWS):
        return Touch(changes=frozenset({"@torch.random"}))
    if (root == "keras" or path.startswith("tensorflow.keras")) and not rest.removeprefix("keras.").startswith(
        _KERAS_QUIET
    ):
        return Touch(changes=frozenset({"@keras.random"}))
    if path.startswith("tensorflow.random."):
        return Touch(changes=frozenset({"@keras.random"}))
    if (
        root == "sklearn"
        and "seeded" not in options
        and (last in _SKLEARN_DRAWS or last.startswith("make_"))
        and last[:1].islower()
    ):
        if not last.startswith(("make_pipeline", "make_union", "make_column", "make_scorer")):
            return Touch(changes=frozenset({"@numpy.random"}))
    if last in _FITS and "seeded" not in options:
        return Touch(reads=_ALL)
    return NONE


def stored(path: str) -> str | None:
    """Return the state that a store into a dotted name changes: `os.environ["A"] = 1`, `pd.options.display.width = 80`."""
    return object_of(path)
