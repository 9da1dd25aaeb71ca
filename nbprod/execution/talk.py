"""Speaking to a kernel from its start to its end, in the loop of all kernels."""

from __future__ import annotations

import asyncio
import contextlib
import time
from queue import Empty
from typing import TYPE_CHECKING, Any

from nbprod.execution.kernels import end_of

if TYPE_CHECKING:
    from nbprod.execution.starting import Kernel

ASK_AGAIN = 0.2
"""Seconds after which a kernel that has answered, but was not heard to broadcast, is asked again."""
LOOK_SECONDS = 0.1
"""How often it is looked whether a kernel that does not answer yet still runs."""
PATIENCE = 60.0
"""Seconds that a kernel may take to answer."""


class Silent(Exception):
    """A kernel does not answer: it has ended with `code`, or, without one, takes too long."""

    def __init__(self, message: str, code: int | None = None) -> None:
        super().__init__(message)
        self.code = code


def greet(kernel: Kernel, patience: float = PATIENCE) -> asyncio.Future[Any]:
    """Begin to speak to a kernel, if nobody has; what it says about its language comes, or `Silent`. In the loop."""
    if kernel.answer is None:
        client = kernel.client = kernel.manager.client()
        client.start_channels(stdin=False, hb=False)
        kernel.answer = asyncio.ensure_future(_answer(kernel, client, patience))
        kernel.answer.add_done_callback(_heed)
    return kernel.answer


def _heed(answer: asyncio.Future[Any]) -> None:
    if not answer.cancelled():
        answer.exception()  # who wants the kernel is told; perhaps nobody does


async def _answer(kernel: Kernel, client: Any, patience: float) -> Any:
    """Wait for the kernel's answer and for its first broadcast, which shows that no output can be missed.

    jupyter_client's own check adds two fixed waits of 0.2 s.
    """
    began = asked = looked = time.monotonic()
    client.kernel_info()
    heard, language = False, None
    while not (heard and language):
        if not language and await client.shell_channel.msg_ready():
            message = await client.shell_channel.get_msg(timeout=0)
            if message["msg_type"] == "kernel_info_reply":
                client._handle_kernel_info_reply(message)  # noqa: SLF001
                language, asked = message["content"]["language_info"], time.monotonic()
        heard = heard or await client.iopub_channel.msg_ready()
        if language and not heard and time.monotonic() - asked > ASK_AGAIN:
            client.kernel_info()
            asked = time.monotonic()
        now = time.monotonic()
        if now > looked + LOOK_SECONDS:
            looked, code = now, kernel.alive.poll()
            if code is not None:
                raise Silent(f"{end_of(code)} when it started", code)
        if now > began + patience:
            raise Silent(f"the kernel did not answer within {patience} s of its start")
        await asyncio.sleep(0.005)
    return language


async def part(kernel: Kernel) -> None:
    """Ask a kernel to go, so that its exit handlers run and its files are flushed, and see that it does. In the loop.

    Its answer is waited for: the request is lost now and then when the channel closes at once.
    """
    client: Any = kernel.client
    try:
        client.shutdown()
        with contextlib.suppress(Empty):
            await client.control_channel.get_msg(timeout=1)
    finally:
        kernel.alive.end_gently()
        kernel.client = None
        client.stop_channels()
        kernel.forget()
