"""A kernel that was started before the job that needs it: told by the process that started it, taken over by the job's."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import socket
from pathlib import Path
from typing import Any

from nbprod.execution import prepared
from nbprod.execution.forked import ForkedKernel, Given
from nbprod.execution.kernels import Alive
from nbprod.execution.prepared import Prepared
from nbprod.execution.provisioner import ForkProvisioner, names_in
from nbprod.execution.starting import Kernel, Wish, manager_for


def key_of(wish: Wish) -> str:
    """Return what kernels of one kind have in common."""
    desire = wish.desire or prepared.Desire()
    env = sorted((wish.env or {}).items())
    parts = [wish.name, wish.folder, env, sorted(desire.modules), desire.may_draw]
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()


def hand_over(wish: Wish, kernel: Kernel) -> bool:
    """Leave a kernel to the worker that this process was forked from, and return whether it is there now; then end by `os._exit`."""
    process = kernel.alive.process
    if (
        prepared.keeper is None
        or not isinstance(process, ForkedKernel)
        or not isinstance(process.parent.process, Given)
    ):
        return False
    parent = process.parent
    command, env = next((list(key[0]), dict(key[1])) for key, one in prepared.kept() if one is parent)
    connection: dict[str, Any] = {**kernel.manager.get_connection_info()}
    state = {
        "command": command,
        "env": env,
        "pid": process.pid,
        "folder": kernel.folder,
        "log": str(kernel.log),
        "connection": {**connection, "key": connection["key"].decode()},
        "connection_file": kernel.manager.connection_file,
        "parent": {"ready": parent.process.pid, "top": sorted(parent.top), "loaded": list(parent.loaded)},
    }
    return prepared.keeper.leave(key_of(wish), state, parent.line)


def take(wish: Wish) -> Kernel | None:
    """Return the kernel that the worker has ready for this, if it has one."""
    if prepared.keeper is None or wish.desire is None:
        return None
    found = prepared.keeper.take(key_of(wish))
    if found is None:
        return None
    state, line = found
    if not _is_as_started(wish, state):
        line.close()  # it ends with it
        return None
    return _restored(wish, state, line)


def _is_as_started(wish: Wish, state: dict[str, Any]) -> bool:
    """Return whether one that is started now would find the same: its folder, and no module there in place of an installed one."""
    folder = wish.folder or os.getcwd()
    with contextlib.suppress(OSError):
        same = os.path.samestat(os.stat(f"/proc/{state['pid']}/cwd"), os.stat(folder))
        return same and not names_in(folder) & set(state["parent"]["top"])
    return False


def _restored(wish: Wish, state: dict[str, Any], line: socket.socket) -> Kernel:
    assert wish.desire is not None
    parent = Prepared(state["command"], state["env"], wish.desire, line)
    process = parent.adopt(state["parent"], state["pid"])
    prepared.keep(state["command"], state["env"], wish.desire, parent)
    manager = manager_for(wish)
    manager.load_connection_info(state["connection"])
    manager.connection_file = state["connection_file"]
    manager._connection_file_written = True  # noqa: SLF001  # so that it is removed with the kernel
    provisioner = ForkProvisioner(kernel_id=str(process.pid), kernel_spec=manager.kernel_spec, parent=manager)
    provisioner.process = process  # type: ignore[assignment]  # as much of a Popen as is used
    provisioner.pid = provisioner.pgid = process.pid
    provisioner.cwd = wish.folder
    provisioner.connection_info = manager.get_connection_info()
    manager.kernel_id, manager.provisioner = provisioner.kernel_id, provisioner
    return Kernel(manager, Alive(process, process.pid), Path(state["log"]), state["folder"])
