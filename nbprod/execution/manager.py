"""The manager of one kernel, as jupyter_client has it, with our provisioner."""

from __future__ import annotations

import uuid
from typing import Any

from jupyter_client.manager import AsyncKernelManager

from nbprod.execution.provisioner import ForkProvisioner


class Manager(AsyncKernelManager):
    """Starts a kernel by our provisioner, unless the kernel's spec asks for one of its own (a remote kernel, say)."""

    async def _async_pre_start_kernel(self, **kw: Any) -> Any:
        spec = self.kernel_spec
        if self.provisioner is None and spec is not None and "kernel_provisioner" not in spec.metadata:
            self.kernel_id = self.kernel_id or str(uuid.uuid4())
            self.provisioner = ForkProvisioner(kernel_id=self.kernel_id, kernel_spec=spec, parent=self)
        return await super()._async_pre_start_kernel(**kw)
