"""What a sweep searches: choices and ranges of parameter values, from pipelines.yaml or the command line."""

from __future__ import annotations

import ast
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from nbprod.errors import ConfigError
from nbprod.notebook.parameters import check_value, parse_value
from nbprod.notebook.pipeline import Parameter

if TYPE_CHECKING:
    from optuna.distributions import BaseDistribution

_RANGE = re.compile(r"^\s*(?P<low>[^,:\s]+?)\.\.(?P<high>[^,:\s]+?)\s*(?P<options>(:[a-z]+(=[^:]+)?)*)\s*$")
_NUMERIC = ("int", "float")


@dataclass(frozen=True)
class Choices:
    """One of these values, in this order."""

    values: tuple[Any, ...]

    @property
    def example(self) -> Any:
        """Return a value of it."""
        return self.values[0]

    def distribution(self) -> BaseDistribution:
        """Return Optuna's form of it: the *index* of the value, since Optuna stores scalars only."""
        from optuna.distributions import CategoricalDistribution

        return CategoricalDistribution(tuple(range(len(self.values))))

    def value(self, proposed: Any) -> Any:
        """Return the parameter's value for what Optuna proposed."""
        return self.values[proposed]

    def grid(self, name: str) -> list[Any]:
        """Return what Optuna may propose, for a grid."""
        return list(range(len(self.values)))

    def proposal(self, value: Any) -> Any:
        """Return what Optuna would have proposed for `value`."""
        return self.values.index(value)


@dataclass(frozen=True)
class Range:
    """A number from `low` to `high`, both included; of whole numbers if both are."""

    low: float
    high: float
    log: bool = False
    step: float | None = None

    @property
    def example(self) -> Any:
        """Return a value of it."""
        return self.low

    @property
    def whole(self) -> bool:
        return isinstance(self.low, int) and isinstance(self.high, int) and not isinstance(self.step, float)

    def distribution(self) -> BaseDistribution:
        """Return Optuna's form of it."""
        from optuna.distributions import FloatDistribution, IntDistribution

        if self.whole:
            return IntDistribution(int(self.low), int(self.high), log=self.log, step=int(self.step or 1))
        return FloatDistribution(float(self.low), float(self.high), log=self.log, step=self.step)

    def value(self, proposed: Any) -> Any:
        """Return the parameter's value for what Optuna proposed."""
        return proposed

    def proposal(self, value: Any) -> Any:
        """Return what Optuna would have proposed for `value`."""
        return value

    def grid(self, name: str) -> list[Any]:
        """Return what Optuna may propose, for a grid. Raises `ConfigError` for a range that is not countable."""
        if self.log or (self.step is None and not self.whole):
            raise ConfigError(
                f"a grid cannot count the values of {name}: {self.low}..{self.high}",
                fix=f"give choices, as in {name}={self.low:g},{self.high:g}, or a step, "
                f"as in {name}={self.low:g}..{self.high:g}:step={(self.high - self.low) / 4:g}; or search with random or tpe",
            )
        step = self.step or 1
        # Half a step of slack, so that 0..1 by 0.1 ends with 1 in spite of binary fractions.
        count = math.floor((self.high - self.low) / step + 1e-9) + 1
        return [self.low + i * step for i in range(count)]


Space = Choices | Range


def parse_space(text: str, parameter: Parameter) -> Space | None:
    """Read the command line's form; `None` for a single value, which is no search.

    `2,4,8` are choices; `0.001..0.3:log`, `1..9` and `1..9:step=2` are ranges. Raises `ConfigError`.
    """
    if parameter.type in _NUMERIC and (match := _RANGE.match(text)):
        options = dict(part.partition("=")[::2] for part in match["options"].split(":")[1:])
        if unknown := set(options) - {"log", "step"}:
            raise ConfigError(
                f"{parameter.name}={text}: a range has no option {min(unknown)!r}",
                fix="write low..high, low..high:log or low..high:step=N",
            )
        numbers = [_number(part, text, parameter) for part in (match["low"], match["high"])]
        step = _number(options["step"], text, parameter) if "step" in options else None
        return _range(parameter, numbers[0], numbers[1], log="log" in options, step=step)
    parts = _split(text)
    if len(parts) < 2 or parameter.type in ("list", "tuple") and not _nested(text):
        return None
    return Choices(tuple(parse_value(parameter, part) for part in parts))


def space_from(value: Any, parameter: Parameter) -> Space:
    """Read the form of pipelines.yaml: a list of choices, or `{low, high, log, step}`. Raises `ConfigError`."""
    if isinstance(value, Mapping):
        return _range(parameter, value["low"], value["high"], log=bool(value.get("log")), step=value.get("step"))
    if isinstance(value, Sequence) and not isinstance(value, str):
        if not value:
            raise ConfigError(f"the space of {parameter.name} is empty", fix="list at least one value")
        return Choices(tuple(check_value(parameter, item) for item in value))
    return Choices((check_value(parameter, value),))


def _range(parameter: Parameter, low: float, high: float, *, log: bool, step: float | None) -> Range:
    text = f"{parameter.name}={low}..{high}"
    if parameter.type not in _NUMERIC:
        raise ConfigError(
            f"{text}: a range needs a number, and {parameter.name} is a {parameter.type}",
            fix="list the choices instead",
        )
    if parameter.type == "int" and not (float(low).is_integer() and float(high).is_integer()):
        raise ConfigError(
            f"{text}: {parameter.name} is a whole number", fix="give whole bounds, or make its default a float"
        )
    if low >= high:
        raise ConfigError(f"{text}: the lower bound is not below the upper one", fix="write it as low..high")
    if log and (low <= 0 or step is not None):
        raise ConfigError(f"{text}: a logarithmic range needs a lower bound above 0 and no step", fix="leave out log")
    if step is not None and step <= 0:
        raise ConfigError(f"{text}: the step is not above 0", fix="give a positive step")
    kind = int if parameter.type == "int" else float
    return Range(kind(low), kind(high), log=log, step=None if step is None else kind(step))


def _number(part: str, text: str, parameter: Parameter) -> float:
    try:
        return float(part)
    except ValueError:
        raise ConfigError(
            f"{parameter.name}={text}: {part!r} is no number",
            fix="write a range as low..high, low..high:log or low..high:step=N",
        ) from None


def _split(text: str) -> list[str]:
    """Split at the commas that stand in no bracket and no string."""
    try:
        tree = ast.parse(f"({text},)", mode="eval").body
    except SyntaxError:
        return [part.strip() for part in text.split(",")]
    if not isinstance(tree, ast.Tuple):
        return [text]
    return [ast.unparse(part) if not isinstance(part, ast.Name) else part.id for part in tree.elts]


def _nested(text: str) -> bool:
    return text.lstrip().startswith(("[", "("))
