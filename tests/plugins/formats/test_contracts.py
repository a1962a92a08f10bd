"""Every vector format of ours against the contract kit."""

import json
from typing import ClassVar

from safetensors.torch import save_file

from steerstack.exchange.formats import write_vector
from steerstack.testing import VectorFormatContract
from steerstack.testing.planted import planted_model
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


class TestGguf(VectorFormatContract):
    format = ControlVector()
    suffix = ".gguf"
    layers = (1, 2, 3)


class TestLmEval(VectorFormatContract):
    format = LmEvalSteered()
    suffix = ".pt"


class TestCaa(VectorFormatContract):
    format = CaaTensor()
    suffix = "_layer_2_tiny.pt"
    layers = (2,)


class TestSvec(VectorFormatContract):
    format = Svec()
    suffix = ".svec"


class TestEasySteer(VectorFormatContract):
    format = EasySteerPayload()
    suffix = ".json"


class TestVllmLens(VectorFormatContract):
    format = VllmLens()
    suffix = ".json"


class TestSteeringLite(VectorFormatContract):
    format = SteeringLite()


class TestSteerKit(VectorFormatContract):
    format = SteerKit()
    suffix = ".probe.safetensors"
    layers = (2,)


class TestSteeringVectors(VectorFormatContract):
    format = SteeringVectors()


class TestPlain(VectorFormatContract):
    format = PlainTensors()


class TestPlainPt(VectorFormatContract):
    format = PlainTensors()
    suffix = ".pt"


class TestPlainRows(VectorFormatContract):
    format = PlainTensors()
    suffix = ".npy"
    layers = (1, 3)


class TestLmEvalTable(VectorFormatContract):
    """A table of one feature, since a vector cannot be written as one."""

    format = LmEvalTable()
    suffix = ".csv"
    layers = (2,)
    exempt: ClassVar = {
        "truncated_file_is_an_error": "a row cut short within its last column, a remark, is a whole row"
    }

    def written(self, folder):
        path = folder / "vector.csv"
        (folder / "sae" / "layers.2").mkdir(parents=True, exist_ok=True)
        save_file({"W_dec": self.vector()[2][None].contiguous()}, folder / "sae" / "layers.2" / "sae.safetensors")
        columns = "loader,action,sparse_model,hookpoint,feature_index,steering_coefficient,description"
        path.write_text(f"{columns}\nsparsify,add,sae,layers.2,0,1.0,the direction itself\n")
        return path


class TestSaeLens(VectorFormatContract):
    """An autoencoder of one feature, since a vector cannot be written as one."""

    format = SaeLensFeature()
    layers = (2,)

    def written(self, folder):
        path = folder / "sae_weights.safetensors"
        (folder / "cfg.json").write_text(json.dumps({"hook_name": "blocks.2.hook_resid_post"}))
        save_file({"W_dec": self.vector()[2][None].contiguous()}, path)
        return path


class TestPeft(VectorFormatContract):
    format = PeftBias()
    exempt: ClassVar = {
        "round_trip_keeps_directions": "a direction at resid_post is read back where its bias is, at mlp_out; "
        "that both do the same is tested in test_peft.py"
    }

    def written(self, folder):
        write_vector(self.vector(), folder / "adapter", "peft", model=planted_model())
        return folder / "adapter" / "adapter_model.safetensors"
