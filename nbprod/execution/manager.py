"""The manager of one kernel, as jupyter_client has it, with our provisioner."""

from __future__ import annotations

import os
import uuid
from typing import Any

from jupyter_client.kernelspec import KernelSpec, KernelSpecManager
from jupyter_client.manager import AsyncKernelManager
from jupyter_core.paths import jupyter_path
from traitlets import default

from nbprod.execution.prepared import Desire
from nbprod.execution.provisioner import ForkProvisioner


class Specs(KernelSpecManager):
    """Finds an installed kernel where Jupyter looks first, without IPython.

    jupyter_client imports ipykernel and IPython to look elsewhere too. Kernels start in threads of their own while Ploomber is imported in
    another, which imports IPython as well, and two imports of that at once break each other.
    """

    def get_kernel_spec(self, kernel_name: str) -> KernelSpec:
        for folder in jupyter_path("kernels"):
            place = os.path.join(folder, kernel_name)
            if os.path.isfile(os.path.join(place, "kernel.json")):
                spec: KernelSpec = self.kernel_spec_class.from_resource_dir(place)
                return spec
        return super().get_kernel_spec(kernel_name)


class Manager(AsyncKernelManager):
    """Starts a kernel by our provisioner, unless the kernel's spec asks for one of its own (a remote kernel, say)."""

    @default("kernel_spec_manager")
    def _specs(self) -> Specs:
        return Specs(data_dir=self.data_dir)

    desire: Desire | None = None
    """What a process that it is forked from imports ahead; without it the kernel is started as usual."""

    async def _async_pre_start_kernel(self, **kw: Any) -> Any:
        spec = self.kernel_spec
        if self.provisioner is None and spec is not None and "kernel_provisioner" not in spec.metadata:
            self.kernel_id = self.kernel_id or str(uuid.uuid4())
            self.provisioner = ForkProvisioner(kernel_id=self.kernel_id, kernel_spec=spec, parent=self)
        return await super()._async_pre_start_kernel(**kw)
