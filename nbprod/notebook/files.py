"""Files that code names literally: which calls read them, which write them."""

from __future__ import annotations

import ast

from nbprod.notebook.effects import Effects
from nbprod.notebook.scope import dotted

_READS = frozenset(
    """read_csv read_table read_json read_excel read_parquet read_feather read_pickle read_hdf read_html read_xml read_orc read_sas
    read_stata read_spss read_fwf read_ndjson read_ipc scan_csv scan_parquet load loadtxt genfromtxt fromfile load_model imread
    read_image read_text read_bytes load_workbook open_dataset load_dataset read_file chdir listdir scandir glob rglob iglob iterdir
    walk exists isfile isdir is_file is_dir getsize stat""".split()
)
_WRITES = frozenset(
    """to_csv to_json to_excel to_parquet to_feather to_pickle to_hdf to_html to_xml to_orc to_stata to_latex to_markdown write_csv
    write_parquet write_json write_ipc write_html write_image savefig savetxt save savez savez_compressed tofile imsave imwrite
    dump save_model save_weights write_text write_bytes save_pretrained to_file to_netcdf to_zarr mkdir makedirs unlink rmtree rmdir
    touch copy copyfile copytree move rename urlretrieve make_archive unpack_archive extractall""".split()
)
_BOTH = frozenset("copy copyfile copytree move rename urlretrieve make_archive unpack_archive".split())
_OPENERS = frozenset({"open"})


def note(out: Effects, node: ast.Call) -> None:
    """Note the file that a call reads or writes, when its path is a literal; `*` for one that it reads from a path unknown."""
    func = node.func
    name = func.attr if isinstance(func, ast.Attribute) else func.id if isinstance(func, ast.Name) else ""
    if name in _OPENERS:
        _open(out, node)
    elif name in _READS:
        out.files_read.add(_literal_path(node) or "*")
    elif name in _BOTH:
        paths = [path for argument in node.args[:2] if (path := _text(argument) or _path_object(argument))]
        out.files_written.update(paths)
        out.files_read.update(paths[:1])
    elif name in _WRITES:
        path = _literal_path(node)
        if path:
            out.files_written.add(path)


def _open(out: Effects, node: ast.Call) -> None:
    path = _literal_path(node)
    mode = "r"
    of_path = isinstance(node.func, ast.Attribute) and bool(_path_object(node.func.value))
    for value in [*node.args[0 if of_path else 1 :][:1], *(k.value for k in node.keywords if k.arg == "mode")]:
        if isinstance(value, ast.Constant) and isinstance(value.value, str):
            mode = value.value
    if any(sign in mode for sign in "wax+"):
        if path:
            out.files_written.add(path)
            if "w" not in mode and "x" not in mode:
                out.files_read.add(path)
    else:
        out.files_read.add(path or "*")


def _literal_path(node: ast.Call) -> str | None:
    if isinstance(node.func, ast.Attribute) and (path := _path_object(node.func.value)):
        return path
    for argument in [
        *node.args[:2],
        *(k.value for k in node.keywords if k.arg in ("path", "file", "filename", "fname", "path_or_buf", "io")),
    ]:
        if path := _text(argument) or _path_object(argument):
            return path
    return None


def _text(node: ast.AST) -> str | None:
    return (
        node.value
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and "://" not in node.value
        else None
    )


def _path_object(node: ast.AST) -> str | None:
    """Return the path of `Path("a.csv")`, or of `Path("a") / "b.csv"`."""
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Div):
        left, right = _path_object(node.left), _text(node.right)
        return f"{left}/{right}" if left and right else None
    if isinstance(node, ast.Call) and dotted(node.func)[-1:] in {("Path",), ("PurePath",), ("open",)} and node.args:
        return _text(node.args[0])
    return None
