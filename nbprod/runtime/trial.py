"""Modules of which it is not known whether they may be imported ahead: tried in one process, and imported in another meanwhile.

So that the first kernels wait for one import and not for two. The other one is a copy of the prepared process, and takes over when the trial
has gone well; if not, it is thrown away.
"""

from __future__ import annotations

import json
import os
import signal
import socket
from typing import Any, Callable, Dict, List, Optional, Set

import becoming  # type: ignore[import-not-found]  # beside this file
import forksafe  # type: ignore[import-not-found]

_DATAGRAM = 1 << 18


class Trial:
    """A trial under way, as the prepared process sees it.

    Args:
        request: What was asked for (`load`).
        unknown: The modules of which it is not known.
        let_go: Closes, in a process that is forked here, what is the prepared process's own.
    """

    def __init__(self, request: Dict[str, Any], unknown: List[str], let_go: Callable[[], None]) -> None:
        self.request = request
        self.hoped = {**{name: forksafe.where(name) for name in unknown}, **request["known"]}
        """What will be known of all modules if the trial goes well."""
        self.loaded = False
        """Whether the copy has imported all, and was found fit to fork."""
        self.failed = False
        """Whether what was tried together does not go: each module is tried alone, which takes its time."""
        self.verdicts: Optional[Dict[str, str]] = None
        """What the trial has found, once it has ended."""
        self._text = b""
        self._reader, writer = os.pipe()
        self._judge = os.fork()
        if self._judge == 0:
            try:
                os.setsid()
                signal.set_wakeup_fd(-1)
                os.close(self._reader)
                let_go()
                with open(writer, "w", encoding="utf-8") as file:

                    def tell(found: Any) -> None:
                        print(json.dumps(found), file=file, flush=True)

                    tell(forksafe.judge(unknown, request["limit"], tell))
            finally:
                os._exit(0)
        os.close(writer)
        self._copy: Optional[int] = None
        self._line: Optional[socket.socket] = None

    @property
    def sources(self) -> List[Any]:
        """What there may be to read."""
        return [*([self._reader] if self.verdicts is None else []), *([self._line] if self._line is not None else [])]

    def let_go(self) -> Set[int]:
        """Return what is open here, and leave it, in a process that was forked, to who asks."""
        reader = {self._reader} if self.verdicts is None else set()
        return reader | ({self._line.detach()} if self._line is not None else set())

    @property
    def known(self) -> Dict[str, str]:
        """What is known now of all modules that were asked for; what the trial does not tell it did not come to."""
        told = dict.fromkeys(self.request["modules"], "its trial ended early")
        return {**told, **self.request["known"], **(self.verdicts or {})}

    def fork(self) -> Optional[socket.socket]:
        """Fork the copy, and return in the copy its line to here."""
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        try:
            pid = os.fork()
        except OSError:
            ours.close()
            theirs.close()
            return None
        if pid:
            theirs.close()
            self._copy, self._line = pid, ours
            return None
        os.close(self._reader)
        ours.close()
        return theirs

    def hear(self, readable: List[Any]) -> None:
        """Read what there is to read."""
        if self._line is not None and self._line in readable:
            self.loaded = bool(_received(self._line))
            if not self.loaded:
                self.throw_away()
        if self._reader in readable:
            block = os.read(self._reader, _DATAGRAM)
            self._text += block
            lines = self._text.split(b"\n")
            self.failed = len(lines) > 1 and json.loads(lines[0]) not in ("", forksafe.DRAWS)
            if not block:
                os.close(self._reader)
                os.waitpid(self._judge, 0)
                self.verdicts = json.loads(lines[1]) if len(lines) > 2 else {}

    def has_copy(self) -> bool:
        """Return whether there is a copy."""
        return self._copy is not None

    def hand_over(self) -> None:
        """Have the copy take over, and stay until it ends; what ends this process ends it too."""
        assert self._copy is not None
        assert self._line is not None
        try:
            self._line.send(json.dumps(self.verdicts).encode())
        except OSError:
            pass  # it has just died; whoever waits for kernels sees that
        _, status = os.waitpid(self._copy, 0)
        os._exit(max(0, os.waitstatus_to_exitcode(status)))

    def throw_away(self) -> None:
        """End the copy."""
        if self._copy is not None and self._line is not None:
            self._line.close()
            becoming.kill(self._copy)
            os.waitpid(self._copy, 0)
        self._copy = self._line = None
        self.loaded = False

    def close(self) -> None:
        """End both."""
        self.throw_away()
        if self.verdicts is None:
            becoming.kill(self._judge)


def _received(line: socket.socket) -> bytes:
    try:
        return line.recv(_DATAGRAM)
    except OSError:
        return b""
