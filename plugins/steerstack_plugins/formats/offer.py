"""The formats of vector files that come with steerstack."""

from collections.abc import Sequence

from steerstack import hookimpl
from steerstack.contracts import VectorFormat
from steerstack_plugins.formats.caa import CaaTensor
from steerstack_plugins.formats.easysteer import EasySteerPayload
from steerstack_plugins.formats.gguf_control import ControlVector
from steerstack_plugins.formats.lm_eval_steered import LmEvalSteered
from steerstack_plugins.formats.lm_eval_table import LmEvalTable
from steerstack_plugins.formats.peft_bias import PeftBias
from steerstack_plugins.formats.plain import PlainTensors
from steerstack_plugins.formats.saelens import SaeLensFeature
from steerstack_plugins.formats.steering_lite import SteeringLite
from steerstack_plugins.formats.steering_vectors import SteeringVectors
from steerstack_plugins.formats.steerkit import SteerKit
from steerstack_plugins.formats.svec import Svec
from steerstack_plugins.formats.vllm_lens import VllmLens


@hookimpl
def steerstack_vector_formats() -> Sequence[type[VectorFormat]]:
    """Each of them."""
    return [
        CaaTensor,
        EasySteerPayload,
        ControlVector,
        LmEvalSteered,
        LmEvalTable,
        PeftBias,
        PlainTensors,
        SaeLensFeature,
        SteeringLite,
        SteeringVectors,
        SteerKit,
        Svec,
        VllmLens,
    ]
