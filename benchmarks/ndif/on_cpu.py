"""Two adjustments by which ndif 0.1.2 serves a model on a CPU, with nnsight 0.8.1.

Imported by ndif's own processes, in the server's environment. Everything else is ndif as released.
"""

import functools

import ray
import torch
from ndif.services.ray.deployments.controller.controller import _ControllerActor
from ndif.services.ray.deployments.modeling.base import BaseModelDeployment
from nnsight.modeling.huggingface import HuggingFaceModel


class _OnCpu(BaseModelDeployment):
    """Loads onto the CPU; ndif places models on GPUs only."""

    def load_from_disk(self):
        torch.cuda.synchronize = lambda *args: None
        torch.set_num_threads(1)
        self.gpu_mem_bytes_by_id = {}
        model = HuggingFaceModel.from_model_key(self.model_key, dispatch=True, dtype=self.dtype_name, **self.kwargs)
        model._module.requires_grad_(False)
        return model


class _Controller(_ControllerActor):
    """Asks nnsight about checkpoints without ``trust_remote_code``, which 0.8.1 reads from the key alone."""

    def __init__(self, *args, **kwargs):
        from nnsight.modeling.mixins.remotable import Remotable  # in the actor: Ray sends this class by value

        for name in ("describe_checkpoint", "max_tp_size"):
            setattr(Remotable, name, _without_trust(getattr(Remotable, name)))
        super().__init__(*args, **kwargs)


def _without_trust(method):
    @functools.wraps(method)
    def asked(*args, trust_remote_code=False):
        return method(*args)

    return asked


ModelActor = ray.remote(num_cpus=1, max_restarts=-1)(_OnCpu)
ControllerActor = ray.remote(num_cpus=1, num_gpus=0, max_restarts=-1, resources={"head": 1})(_Controller)
