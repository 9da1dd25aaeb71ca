"""The generated `service.py`: a BentoML service with a typed row model, as a person would write it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nbprod.promotion.formats import quoted
from nbprod.promotion.signature import Column, Input, Signature

if TYPE_CHECKING:
    from jinja2 import Template

IMPORTED = frozenset("Annotated Any AwareDatetime Base64Bytes BaseModel ConfigDict Field Literal NaiveDatetime".split())
"""Names that generated code imports."""
PYDANTIC = ("AwareDatetime", "Base64Bytes", "BaseModel", "ConfigDict", "Field", "NaiveDatetime")
ROWS = ("frame", "records")
ROW = ("series", "record")
MAX_LINE = 118
BEFORE = "Request ids, limits, the API key, batches, the log of predictions, /metrics, /info, /feedback and /v2 are its business."


@dataclass(frozen=True)
class ServiceText:
    """What the header of a service says."""

    name: str
    version: str
    notebook: str
    run: str
    serve: str
    kind: str
    module: str
    workers: int = 1
    host: str = "127.0.0.1"


def write_service(about: ServiceText, signature: Signature) -> str:
    """Return the text of `service.py`."""
    names = row_names(signature)
    models = [_row_model(item, names[item.name]) for item in signature.inputs if item.name in names]
    tables = [_table(item, names[item.name]) for item in signature.inputs if item.kind == "frame"]
    routes = [_route(route, answer, about, signature, names) for route, answer in signature.answers.items()]
    fields = [line for model in models for line in model["fields"]]
    body = "\n".join([*fields, *(text for route in routes for text in (*route["arguments"], route["answer"]))])
    text = template("service.py.jinja").render(
        **vars(about),
        class_name=class_name(about.name),
        doc=_doc(signature.doc) or f"Answers with `{about.serve}` of the notebook.",
        imports=_imports(body),
        rows=models,
        pydantic=", ".join(name for name in PYDANTIC if _uses(name, bool(models), body)),
        tables=tables,
        batches=quoted(_batches(signature)) if _batches(signature) else "",
        before=BEFORE,
        routes=routes,
        waits=signature.waits,
    )
    compile(text, "service.py", "exec")
    return text


def declarations(signature: Signature) -> str:
    """Return the row models as `service.py` has them, and for each route `Input_ROUTE`, a model of its arguments, and `Answer_ROUTE`."""
    names = row_names(signature)
    inputs = sorted(signature.inputs, key=_comes_last)
    lines = ["from datetime import date, datetime", "from typing import Annotated, Any, Literal"]
    lines += [f"from pydantic import {', '.join(PYDANTIC)}"]
    for model in (_row_model(item, names[item.name]) for item in signature.inputs if item.name in names):
        config = 'ConfigDict(extra="forbid", strict=True, allow_inf_nan=False)'
        body = [f'"""{model["doc"]}"""', f"model_config = {config}", *model["fields"]]
        lines += [f"class {model['name']}(BaseModel):", *(f"    {line}" for line in body)]
    for route, answer in signature.answers.items():
        lines += [f"class Input_{route}(BaseModel):", "    pass", *(f"    {_argument(one, names)}" for one in inputs)]
        lines += [f"Answer_{route} = {answer}"]
    return "\n".join(lines)


def template(name: str) -> Template:
    """A template of this package."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    loader = FileSystemLoader(Path(__file__).parent / "templates")
    environment = Environment(  # noqa: S701 - makes Python and Markdown, no HTML
        loader=loader, undefined=StrictUndefined, keep_trailing_newline=True
    )
    return environment.get_template(name)


def class_name(name: str) -> str:
    """The service's name as a class.

    >>> class_name("wine-quality")
    'WineQuality'
    """
    text = "".join(part[:1].upper() + part[1:] for part in re.split(r"[^A-Za-z0-9]+", name) if part)
    if text in IMPORTED or text.endswith("Row"):
        return f"{text}Service"
    return text if text and not text[0].isdigit() else f"Service{text}"


def row_names(signature: Signature) -> dict[str, str]:
    """The class of the rows of each argument that has some: `Row`, or one per argument."""
    tables = [item.name for item in signature.inputs if item.kind in ROWS + ROW]
    if len(tables) == 1:
        return {tables[0]: "Row"}
    return {name: class_name(name) + "Row" for name in tables}


def _uses(name: str, models: bool, body: str) -> bool:
    if name in ("BaseModel", "ConfigDict"):
        return models
    return ("Field(" if name == "Field" else name) in body


def _imports(body: str) -> list[str]:
    lines = []
    dates = [name for name in ("date", "datetime") if re.search(rf"\b{name}\b", body)]
    if dates:
        lines.append(f"from datetime import {', '.join(dates)}")
    typing = [name for name in ("Annotated", "Any", "Literal") if re.search(rf"\b{name}\b", body)]
    if typing:
        lines.append(f"from typing import {', '.join(typing)}")
    return [*lines, ""] if lines else [""]


def _row_model(item: Input, name: str) -> dict[str, Any]:
    doc = "One row, as the model was trained on; what was seen in training is told, not enforced."
    return {"name": name, "doc": doc, "fields": [_field(column) for column in item.columns]}


def _field(column: Column) -> str:
    kind = f"Literal[{', '.join(map(quoted, column.categories))}]" if column.categories else column.type
    if kind == "datetime" and column.dtype:  # pandas does not mix times with a zone and without one
        kind = "AwareDatetime" if "," in column.dtype else "NaiveDatetime"
    if (column.nullable or column.optional) and kind not in ("Any", "None"):
        kind += " | None"
    options = ["default=None"] if column.optional else []
    if column.field != column.name:
        options.append(f"alias={quoted(str(column.name))}")
    if column.low is not None:
        options.append(f"description={quoted(f'{_short(column.low)} to {_short(column.high)} in training')}")
    elif column.seen:
        options.append(f"description={quoted(_clip('in training: ' + ', '.join(column.seen)))}")
    line = f"{column.field}: {kind}" + (f" = Field({', '.join(options)})" if options else "")
    if len(line) <= MAX_LINE - 4:
        return line
    if kind.startswith("Literal"):
        line = line.replace(", ", ",\n        ") if len(kind) > MAX_LINE else line
    return line


def _short(value: Any) -> str:
    return f"{value:.6g}" if isinstance(value, float) else str(value)


def _clip(text: str) -> str:
    return text if len(text) <= 70 else text[:67] + "..."


def _table(item: Input, row: str) -> dict[str, Any]:
    lines = [f"{quoted(name)}: {quoted(kind)}," for name, kind in types_of(item).items()]
    return {"name": types_name(row), "lines": lines}


def types_of(item: Input) -> dict[str | int, Any]:
    """Return the pandas type of each column, as `as_table` of `support` takes them."""
    found: dict[str | int, Any] = {}
    for column in item.columns:
        found[column.name] = column.dtype
        if column.dtype == "category":
            found[column.name] = {"categories": column.categories, "ordered": column.ordered}
        elif column.nan:
            found[column.name] = {"dtype": column.dtype, "missing": "nan"}
    return found


def types_name(row: str) -> str:
    """The constant that holds the pandas types of a row model.

    >>> types_name("Row"), types_name("LeftRow")
    ('TYPES', 'LEFT_TYPES')
    """
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", row.removesuffix("Row") + "Types").upper()


def _argument(item: Input, names: Mapping[str, str]) -> str:
    kind = item.type
    if item.kind in ROWS:
        kind = f"Annotated[list[{names[item.name]}], Field(min_length=1)]"
    elif item.kind in ROW:
        kind = names[item.name]
    return f"{item.name}: {kind}" + (f" = {item.default}" if item.default is not None and item.kind == "value" else "")


def _comes_last(item: Input) -> bool:
    return item.default is not None and item.kind == "value"


def _given(item: Input, names: Mapping[str, str]) -> str:
    """The expression that gives the function what the notebook gave it."""
    if item.kind == "frame":
        return f"nbprod_support.as_table({item.name}, {types_name(names[item.name])})"
    nan = ", ".join(quoted(str(column.name)) for column in item.columns if column.nan)
    missing = f", nan=[{nan}]" if nan else ""
    if item.kind == "series":
        return f"nbprod_support.as_series({item.name}, {quoted(item.dtype)}{missing})"
    if item.kind == "record":
        return f"nbprod_support.as_dict({item.name}{missing})"
    if item.kind == "records":
        return f"[nbprod_support.as_dict(row{missing}) for row in {item.name}]"
    if item.kind == "array":
        return f"nbprod_support.as_array({item.name}, {quoted(item.dtype)})"
    if item.kind == "image":
        return f"nbprod_support.as_image({item.name})"
    return item.name


def _batches(signature: Signature) -> dict[str, str]:
    """For each route the argument whose rows may be answered together with other requests'."""
    rows = [item.name for item in signature.inputs if item.kind in (*ROWS, "array")]
    if not signature.rowwise or signature.waits or len(rows) != 1:
        return {}
    return dict.fromkeys(signature.answers, rows[0])


def _route(
    route: str, answer: str, about: ServiceText, signature: Signature, names: Mapping[str, str]
) -> dict[str, Any]:
    inputs = sorted(signature.inputs, key=_comes_last)
    if about.kind == "function":
        given = [f"{item.name}={_given(item, names)}" for item in signature.inputs]
        call, doc = f"self.model.{about.serve}({', '.join(given)})", _doc(signature.doc)
    else:
        call, doc = f"self.model.{about.serve}.{route}({_given(signature.inputs[0], names)})", ""
    return {
        "name": route,
        "arguments": ["self", *(_argument(item, names) for item in inputs)],
        "answer": answer,
        "doc": doc or f"Answer with the notebook's `{call.removeprefix('self.model.').partition('(')[0]}`.",
        "call": call,
    }


def _doc(text: str) -> str:
    """The first paragraph of a docstring, safe inside another one."""
    return " ".join(text.partition("\n\n")[0].split()).replace("\\", "\\\\").replace('"""', "'''").rstrip('"')
