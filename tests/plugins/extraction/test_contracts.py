"""Every extractor of ours against the contract kit: those that need no parameters as they come, the others below."""

import json
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import ClassVar

import torch
from safetensors.torch import save_file

from steerstack.catalog.manager import plugins
from steerstack.testing import ExtractorContract
from steerstack.testing.models import WIDTH
from steerstack.testing.planted import planted_direction
from steerstack_plugins.extraction.actadd import ActAdd
from steerstack_plugins.extraction.bipo import BiPO
from steerstack_plugins.extraction.melbo import Melbo
from steerstack_plugins.extraction.persona import PersonaVector
from steerstack_plugins.extraction.random_direction import RandomDirection
from steerstack_plugins.extraction.reft_r1 import ReftR1
from steerstack_plugins.extraction.sae import SaeFeature
from steerstack_plugins.extraction.shuffled_labels import ShuffledLabels
from steerstack_plugins.extraction.supervised import Supervised
from steerstack_plugins.extraction.trained.prompt_only import PromptOnly
from steerstack_plugins.extraction.trained.reps import RePS

OWN_PROMPTS = "it reads one pair of prompts of the user's own, and the data not at all"
UNSUPERVISED = "unsupervised: it looks for a direction of large effect, and the pairs' sides are not read"
BY_ITS_ANSWERS = "it reads what the model itself answers under system prompts, which a random model does not heed"
ONE_SIDE = "the answers of the other side are not used, so they may be the same"
NOT_READ = "the direction is a row of the autoencoder: the pairs are not read"
A_NULL = "a null: it is to find nothing of the behaviour"


class TestActAdd(ExtractorContract):
    method = ActAdd(positive="Love", negative="Hate")
    exempt: ClassVar = {
        "recovers_the_planted_direction": OWN_PROMPTS,
        "sign_flips_when_the_classes_swap": OWN_PROMPTS,
        "equal_sides_are_an_error": OWN_PROMPTS,
    }


class TestRandomDirection(ExtractorContract):
    method = RandomDirection()
    exempt: ClassVar = {"recovers_the_planted_direction": A_NULL, "sign_flips_when_the_classes_swap": A_NULL}


class TestShuffledLabels(ExtractorContract):
    method = ShuffledLabels()
    exempt: ClassVar = {"recovers_the_planted_direction": A_NULL}


class TestBiPO(ExtractorContract):
    method = BiPO(epochs=2)
    pairs = 16


class TestReftR1(ExtractorContract):
    method = ReftR1(epochs=12, batch=8, learning_rate=0.2, l1=0)
    least_cosine = 0.85  # w has to detect as well as to steer, which draws it towards the activations themselves
    pairs = 16
    exempt: ClassVar = {
        "pair_order": "minibatches are drawn from the items in their order, by its seed, so w ends elsewhere",
        "equal_sides_are_an_error": ONE_SIDE,
    }


class TestRePS(ExtractorContract):
    method = RePS(epochs=4, batch=4, learning_rate=0.5)
    least_cosine = 0.9  # what is left of the random start is the same whichever side exhibits
    pairs = 8


class TestPromptOnly(ExtractorContract):
    method = PromptOnly(batch=4, learning_rate=1.0)
    pairs = 8


class TestSupervised(ExtractorContract):
    method = Supervised(epochs=2)
    pairs = 16
    exempt: ClassVar = {"equal_sides_are_an_error": ONE_SIDE}


class TestMelbo(ExtractorContract):
    method = Melbo(steps=20)
    pairs = 8
    exempt: ClassVar = {
        "recovers_the_planted_direction": UNSUPERVISED,
        "sign_flips_when_the_classes_swap": UNSUPERVISED,
        "equal_sides_are_an_error": UNSUPERVISED,
    }


class TestPersonaVector(ExtractorContract):
    method = PersonaVector(temperature=0, max_new_tokens=6)
    pairs = 8
    exempt: ClassVar = {"recovers_the_planted_direction": BY_ITS_ANSWERS}


@cache
def autoencoder():
    """A folder as sae-lens writes it, whose feature 3 is the planted direction; kept for the whole run."""
    folder = TemporaryDirectory()
    rows = torch.randn(8, WIDTH, generator=torch.Generator().manual_seed(0))
    rows[3] = planted_direction("resid_post", 2, WIDTH)
    tensors = {"W_enc": rows.T.contiguous(), "W_dec": rows, "b_enc": torch.zeros(8), "b_dec": torch.zeros(WIDTH)}
    save_file(tensors, Path(folder.name) / "sae_weights.safetensors")
    config = {"d_in": WIDTH, "d_sae": 8, "dtype": "float32", "architecture": "standard", "model_name": "tiny"}
    (Path(folder.name) / "cfg.json").write_text(json.dumps({**config, "hook_name": "blocks.2.hook_resid_post"}))
    return folder


class TestSaeFeature(ExtractorContract):
    exempt: ClassVar = {"sign_flips_when_the_classes_swap": NOT_READ, "equal_sides_are_an_error": NOT_READ}

    @property
    def method(self):
        return SaeFeature(path=autoencoder().name, feature=3)


EXPLICIT = {
    cls().method.name
    for cls in list(globals().values())
    if getattr(cls, "__module__", "") == __name__ and hasattr(cls, "checks")
}
OURS = {
    name: cls for name, cls in plugins().offers("extractor").items() if cls.__module__.startswith("steerstack_plugins.")
}
PLAIN = {
    name: cls
    for name, cls in OURS.items()
    if name not in EXPLICIT and not any(row["required"] for row in cls.describe())
}

for _name, _class in PLAIN.items():
    _title = "Test" + _name.title().replace("-", "")
    globals()[_title] = type(_title, (ExtractorContract,), {"method": _class.make(), "__module__": __name__})


def test_every_extractor_of_ours_is_checked():
    assert set(OURS) == set(PLAIN) | (EXPLICIT & set(OURS))
