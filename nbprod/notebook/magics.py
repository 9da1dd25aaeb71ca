"""What magics and shell commands do to the notebook's names, files and hidden state."""

from __future__ import annotations

import ast
import itertools
import re
import shlex
from typing import TYPE_CHECKING

from nbprod.notebook.effects import Sure
from nbprod.notebook.syntax import CellMagic, parse_code

if TYPE_CHECKING:
    from nbprod.notebook.calls import CallReader

SETUP = frozenset(
    """matplotlib config load_ext reload_ext unload_ext autoreload aimport precision colors xmode alias alias_magic automagic
    gui pprint pdb page autocall autoindent autosave pylab rehashx logstart logoff logon""".split()
)
"""Magics that set the shell up for all cells that follow."""
_PLAIN = frozenset(
    """pip conda mamba micromamba uv lsmagic magic quickref pwd ls ll la lf lk ldir ls cat less more man pinfo pinfo2 pfile pdoc pdef
    psource psearch history hist notebook load save edit recall rerun tb debug pycat dhist popd_ bookmark colors connect_info
    qtconsole clear cls mkdir rmdir rm cp mv html javascript js latex markdown svg HTML SVG perl ruby script mem memit""".split()
)
_TIMED = {"time": "", "timeit": "", "prun": "", "memit": "", "lprun": ""}
_LISTING = frozenset({"who", "whos", "who_ls", "psearch"})
_SHELLS = frozenset({"bash", "sh", "cmd", "script", "!", "sx", "system"})
_HARMLESS = re.compile(
    r"^\s*(pip3?|python3? -m pip|uv|conda|mamba|echo|ls|pwd|cat|head|tail|wc|nvidia-smi|free|df|du|which|whoami|date|uname|lscpu|nproc|"
    r"env|printenv|hostname|id|tree|git (status|log|diff|rev-parse)|true|sleep|jupyter|apt(-get)?|npm|node --version)\b"
)
_NAME = re.compile(r"[A-Za-z_]\w*")
_DOLLAR = re.compile(r"(?<![\\$])\$\{?([A-Za-z_]\w*)")


def read_cell_magic(reader: CallReader, magic: CellMagic) -> None:
    """Take in a cell magic whose body is no code of the notebook, or the header of one whose body is."""
    name, argument = magic.name, magic.argument
    if name == "capture":
        word = next((w for w in argument.split() if not w.startswith("-")), None)
        if word and word.isidentifier():
            reader.bind(word)
    elif name in ("writefile", "file"):
        path = argument.removeprefix("-a").strip().strip("\"'")
        interpolate(reader, argument, magic.line)
        reader.out.files_written.add(path)
        if argument.startswith("-a"):
            reader.out.files_read.add(path)
    elif name in _SHELLS:
        interpolate(reader, argument, magic.line)
        _out_names(reader, argument)
        if not all(_HARMLESS.match(line) for line in magic.body.splitlines() if line.strip()) or ">" in magic.body:
            _run_shell(reader, magic.body)
    elif name in ("python", "python2", "python3", "pypy"):
        _out_names(reader, argument)
    elif name not in _PLAIN and name not in ("time", "timeit", "prun"):
        reader.out.words |= set(_NAME.findall(argument + "\n" + magic.body))
        reader.out.anything = reader.out.anything or magic.line


def read_shell_call(reader: CallReader, method: str, node: ast.Call) -> None:
    """Take in `get_ipython().method(...)`, which is what magics and `!commands` are turned into."""
    texts = [a.value for a in node.args if isinstance(a, ast.Constant) and isinstance(a.value, str)]
    if method in ("system", "getoutput", "getoutput_") and texts:
        _shell(reader, texts[0], node.lineno)
    elif method in ("run_line_magic", "magic") and texts:
        name, argument = (
            (texts[0], texts[1] if len(texts) > 1 else "")
            if method == "run_line_magic"
            else [*texts[0].split(), ""][:2]
        )
        _line_magic(reader, name, argument, node)
    elif method == "run_cell_magic" and len(texts) == 3:
        read_cell_magic(reader, CellMagic(texts[0], texts[1], texts[2], node.lineno))
        if texts[0] in ("time", "capture", "prun"):
            _code(reader, texts[2], node.lineno)
    else:
        reader.visit(node.func)
        reader.visit_all([*node.args, *(keyword.value for keyword in node.keywords)])


def interpolate(reader: CallReader, text: str, line: int) -> None:
    """Read the names of `{expression}` and `$name` in a shell command or a magic's arguments."""
    sure, reader.sure = reader.sure, Sure.MAYBE if reader.sure is Sure.CERTAIN else reader.sure
    for name in _DOLLAR.findall(text):
        reader.sure = Sure.GUARDED  # an environment variable, where there is no such name
        reader.read(name, line)
    for expression in _braced(text):
        reader.sure = Sure.GUARDED
        _code(reader, expression, line)
    reader.sure = sure


def _line_magic(reader: CallReader, name: str, argument: str, node: ast.Call) -> None:
    out, line = reader.out, node.lineno
    if name in _TIMED:
        interpolated = _without_options(argument)
        if name == "timeit":
            for statement in parse_code(interpolated):
                for part in ast.walk(statement):
                    if isinstance(part, ast.Name) and isinstance(part.ctx, ast.Load):
                        reader.read(part.id, line)
        else:
            _code(reader, interpolated, line)
        return
    if name in ("pinfo", "pinfo2", "pdoc", "psource", "pfile", "pdef"):
        word = _NAME.match(argument.strip())
        if word:
            sure, reader.sure = reader.sure, Sure.GUARDED
            reader.read(word[0], line)
            reader.sure = sure
        return
    interpolate(reader, argument, line)
    if name in SETUP:
        out.setup.add(name)
        if name == "pylab":
            out.star.add("pylab")
    elif name in ("env", "set_env"):
        if argument.strip() and (" " in argument.strip() or "=" in argument):
            out.hidden_writes.add("@environ")
    elif name in ("cd", "pushd", "popd"):
        out.hidden_writes.add("@cwd")
    elif name in ("sx", "system"):
        _shell(reader, argument, line)
    elif name in ("run", "store", "reset", "reset_selective", "xdel", "macro", "load_ext_"):
        if name != "store" or "-r" in argument:
            reader.whole(f"%{name}", line)
            out.anything = out.anything or line
            out.replaces = True
        else:
            out.words |= set(_NAME.findall(argument))
        if name == "run":
            out.files_read |= set(argument.split()[:1])
    elif name in _LISTING:
        reader.whole(f"%{name}", line)
    elif name not in _PLAIN:
        out.words |= set(_NAME.findall(argument))
        out.anything = out.anything or line


def _code(reader: CallReader, text: str, line: int) -> None:
    from nbprod.notebook.calls import _moved

    for statement in parse_code(text):
        reader.visit(_moved(statement, line))


def _shell(reader: CallReader, command: str, line: int) -> None:
    interpolate(reader, command, line)
    if not _HARMLESS.match(command) or ">" in command:
        _run_shell(reader, command)


def _run_shell(reader: CallReader, script: str) -> None:
    """A command may read and write any file: `*`, and the files it names."""
    reader.out.files_read.add("*")
    reader.out.files_written.add("*")
    try:
        words = shlex.split(script, comments=True)
    except ValueError:
        words = script.split()
    reader.out.files_written |= {word.rsplit("/", 1)[-1] if "://" in word else word for word in words if "." in word}


def _out_names(reader: CallReader, argument: str) -> None:
    words = argument.split()
    for option, name in itertools.pairwise(words):
        if option in ("--out", "--err", "--proc") and name.isidentifier():
            reader.bind(name)


def _without_options(argument: str) -> str:
    """Drop `-n 10 -r 3 -q` in front of the code of `%timeit` and `%prun`."""
    return re.sub(r"^\s*((--?[a-zA-Z-]+(\s*\d+)?|-[stlDT]\s+\S+)\s+)+", "", argument + " ").strip()


def _braced(text: str) -> list[str]:
    found, depth, start = [], 0, 0
    for at, sign in enumerate(text):
        if sign == "{":
            depth += 1
            start = at + 1 if depth == 1 else start
        elif sign == "}" and depth:
            depth -= 1
            if depth == 0:
                found.append(text[start:at].split("!", maxsplit=1)[0])
    return found
