"""State that is no variable: random generators, environment, current folder, options, open figures; each under a name with `@`.

A `State` can be captured as a plain value and restored from it. Libraries are looked at only when they are loaded; restoring the state of one
that is not loads it, since a task that takes the state uses it.
"""

from __future__ import annotations

import importlib
import os
import random
import sys
import warnings
from typing import Any, Callable, Dict, FrozenSet, NamedTuple, Optional, Tuple


class State(NamedTuple):
    """One kind of hidden state.

    `capture` returns a plain value, and `initial` what it is when the library has just been loaded, where that is known. `words` are names that a statement which sets the state on purpose mentions: a change during a statement that imports and
    mentions none of them is the import's, and happens again wherever the import does.
    """

    name: str
    module: str
    capture: Callable[[], Any]
    restore: Callable[[Any], None]
    words: FrozenSet[str] = frozenset()
    random: bool = False
    late: bool = False
    """Whether it is restored only when all definitions have run."""
    initial: Optional[Callable[[], Any]] = None


def _numpy_get() -> Any:
    return sys.modules["numpy"].random.get_state(legacy=False)


def _numpy_initial() -> Any:
    """Return the present state if nothing has been drawn since NumPy seeded itself."""
    now = _numpy_get()
    fresh = now["bit_generator"] == "MT19937" and now["state"]["pos"] == 623 and now["state"]["key"][0] == 1 << 31
    return now if fresh else None


def _numpy_set(value: Any) -> None:
    importlib.import_module("numpy.random").set_state(value)


def _torch_get() -> Any:
    torch = sys.modules["torch"]
    found = {"cpu": torch.get_rng_state()}
    if torch.cuda.is_available() and torch.cuda.is_initialized():
        found["cuda"] = torch.cuda.get_rng_state_all()
    return found


def _torch_set(value: Any) -> None:
    torch = importlib.import_module("torch")
    torch.set_rng_state(value["cpu"])
    if "cuda" in value:
        torch.cuda.set_rng_state_all(value["cuda"])


_KERAS = "keras.src.backend.common.global_state"
_KERAS_SEED = "global_random_seed"
_KERAS_GENERATOR = "global_seed_generator"


def _keras_get() -> Any:
    """Return the seed that was set, the state of the global generator, and the counters that number layers' names."""
    get = sys.modules[_KERAS].get_global_attribute
    generator = get(_KERAS_GENERATOR)
    numpy = sys.modules["numpy"]
    return {
        "seed": get(_KERAS_SEED),
        "generator": None if generator is None else numpy.asarray(generator.state.value).tolist(),
        "names": dict(get("object_name_uids") or {}),
    }


def _keras_set(value: Any) -> None:
    importlib.import_module("keras")
    state: Any = sys.modules[_KERAS]
    state.set_global_attribute(_KERAS_SEED, value["seed"])
    names = state.get_global_attribute("object_name_uids")
    if names is None:
        names = importlib.import_module("collections").defaultdict(int)
        state.set_global_attribute("object_name_uids", names)
    if value["generator"] is None:
        state.set_global_attribute(_KERAS_GENERATOR, None)
    else:
        make = importlib.import_module("keras.src.random.seed_generator").global_seed_generator
        generator = make()
        generator.state.assign(sys.modules["numpy"].asarray(value["generator"], dtype=generator.state.dtype))
    names.clear()
    names.update(value["names"])


def _warnings_set(value: Any) -> None:
    warnings.filters[:] = value  # type: ignore[index]
    changed = getattr(warnings, "_filters_mutated_lock_held", None) or getattr(warnings, "_filters_mutated", None)
    if callable(changed):
        lock = getattr(warnings, "_lock", None)
        if lock is not None:
            with lock:
                changed()
        else:
            changed()


def _options(tree: Dict[str, Any], prefix: str = "") -> Dict[str, Any]:
    found: Dict[str, Any] = {}
    for key, value in tree.items():
        found.update(_options(value, f"{prefix}{key}.") if isinstance(value, dict) else {prefix + key: value})
    return found


def _pandas_get() -> Any:
    config: Any = sys.modules["pandas._config.config"]
    return _options(config._global_config)


def _pandas_set(value: Any) -> None:
    pandas = importlib.import_module("pandas")
    now = _pandas_get()
    for key, wanted in value.items():
        if key in now and now[key] is not wanted and now[key] != wanted:
            pandas.set_option(key, wanted)


def _pandas_initial() -> Any:
    config: Any = sys.modules["pandas._config.config"]
    return {key: option.defval for key, option in config._registered_options.items()}


def _rc_initial() -> Any:
    return _rc_plain(sys.modules["matplotlib"].rcParamsOrig)


def _rc_get() -> Any:
    return _rc_plain(sys.modules["matplotlib"].rcParams)


def _rc_plain(parameters: Any) -> Any:
    # Past the mapping's own access, which would choose a backend.
    raw = dict(dict.items(parameters))
    if not isinstance(raw.get("backend"), str):
        raw.pop("backend", None)
    return raw


def _rc_set(value: Any) -> None:
    matplotlib = importlib.import_module("matplotlib")
    backend = value.get("backend")
    if backend is not None and backend != dict.get(matplotlib.rcParams, "backend"):
        matplotlib.use(backend)
    dict.update(matplotlib.rcParams, {key: part for key, part in value.items() if key != "backend"})


def _figures_get() -> Any:
    managers = sys.modules["matplotlib._pylab_helpers"].Gcf.figs
    return [(number, manager.canvas.figure) for number, manager in managers.items()]


def _figures_set(value: Any) -> None:
    helpers: Any = importlib.import_module("matplotlib._pylab_helpers")
    pyplot: Any = importlib.import_module("matplotlib.pyplot")
    by_figure = {id(manager.canvas.figure): manager for manager in helpers.Gcf.figs.values()}
    helpers.Gcf.figs.clear()
    for number, figure in value:
        manager = by_figure.get(id(figure))
        if manager is None:
            manager = pyplot._get_backend_mod().new_figure_manager_given_figure(number, figure)
        manager.num = number
        helpers.Gcf.figs[number] = manager


def same(first: Any, second: Any) -> bool:
    """Return whether two captured states are equal."""
    if first is second:
        return True
    if isinstance(first, dict) and isinstance(second, dict):
        return first.keys() == second.keys() and all(same(value, second[key]) for key, value in first.items())
    if isinstance(first, (list, tuple)) and isinstance(second, (list, tuple)):
        return len(first) == len(second) and all(map(same, first, second))
    if hasattr(first, "numpy"):
        first, second = first.numpy(), second.numpy()
    if hasattr(first, "tobytes"):
        return type(first) is type(second) and bool(first.tobytes() == second.tobytes())
    return bool(first == second)


STATES: Tuple[State, ...] = (
    State("@cwd", "os", os.getcwd, os.chdir, frozenset(("chdir", "fchdir", "run_line_magic"))),
    State("@warnings", "warnings", lambda: list(warnings.filters), _warnings_set, frozenset(
        ("filterwarnings", "simplefilter", "resetwarnings", "filters", "catch_warnings"))),
    State("@pandas.options", "pandas._config.config", _pandas_get, _pandas_set, frozenset(
        ("set_option", "options", "option_context", "reset_option", "set_eng_float_format")),
        initial=_pandas_initial),
    State("@matplotlib.rcParams", "matplotlib", _rc_get, _rc_set, frozenset(
        ("rcParams", "rc", "use", "rcdefaults", "rc_file", "style", "set_theme", "set_style", "set_context", "set_palette", "set",
         "switch_backend", "run_line_magic")), initial=_rc_initial),
    State("@matplotlib.figures", "matplotlib._pylab_helpers", _figures_get, _figures_set, late=True, initial=list),
    # Making Keras's generator draws from the others, so that it comes before them.
    State("@keras.random", _KERAS, _keras_get, _keras_set, random=True, late=True,
        initial=lambda: {"seed": None, "generator": None, "names": {}}),
    State("@random", "random", random.getstate, random.setstate, random=True, late=True),
    State("@numpy.random", "numpy.random", _numpy_get, _numpy_set, random=True, late=True,
        initial=_numpy_initial),
    State("@torch.random", "torch", _torch_get, _torch_set, random=True, late=True),
)  # fmt: skip
BY_NAME: Dict[str, State] = {state.name: state for state in STATES}


def drawn_unseeded(name: str, before: Any, after: Any) -> bool:
    """Return whether a generator only went on from `before`, without being seeded: a matter of chance in the notebook too.

    Looks some millions of draws ahead, which takes well under a tenth of a second.
    """
    if name == "@random":
        step = random.Random()  # noqa: S311 (it follows a generator of the notebook)
        step.setstate(before)
        for _ in range(1000):
            if step.getstate()[1][:-1] == after[1][:-1]:
                return True
            step.getrandbits(32 * 624)
        return False
    if name == "@numpy.random" and before.get("bit_generator") == after.get("bit_generator") == "MT19937":
        numpy = sys.modules["numpy"]
        ahead = numpy.random.RandomState()
        ahead.set_state(before)
        for _ in range(10_000):
            if (ahead.get_state(legacy=False)["state"]["key"] == after["state"]["key"]).all():
                return True
            ahead.bytes(4 * 624)
        return False
    if name == "@keras.random":
        return bool(after["seed"] is None and after["names"] == before["names"])
    return False
