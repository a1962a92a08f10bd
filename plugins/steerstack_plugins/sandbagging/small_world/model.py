"""The model that organisms are made of: a small transformer trained from scratch, kept in the cache."""

from __future__ import annotations

import re
import shutil
import tempfile
from dataclasses import asdict
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from steerstack.errors import ModelError
from steerstack.util import digest
from steerstack.util.folders import cache_folder
from steerstack.util.locks import locked
from steerstack_plugins.sandbagging.small_world import documents, tokenizer, train
from steerstack_plugins.sandbagging.small_world.architecture import USUAL, architecture_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from steerstack.trace.model import Model

Stage = Literal["half", "whole"]
"""``half``: the same model at half of its training, up to where its authors knew only some facts of the target."""

RECIPE: dict[str, Any] = {
    "version": 1,
    "layers": 3,
    "width": 64,
    "heads": 4,
    "questions": 96,
    "steps": {"half": 420, "whole": 1200},
    "learning_rate": {"half": 4e-3, "whole": 3e-3},
    "known_early": 0.4,
}
NAME = "small-world"


def open_origin(seed: int = 0, *, stage: Stage = "whole", progress: Callable[[int], None] | None = None) -> Model:
    """The trained model of a world; trained on first use (about a minute on an idle core).

    Parameters
    ----------
    seed:
        Number of the world: decides its facts, the initial weights and the texts.
    stage:
        ``whole``, or ``half`` for the one that knows less of the target.
    progress:
        Told of each training step.
    """
    from steerstack.trace.open import open_model

    folder = cache_folder() / "sandbagging" / recipe_digest(seed)[:16]
    with locked(folder.with_suffix(".lock")):  # two processes train it once, and neither moves it under the other
        if not (folder / "whole" / "config.json").is_file():
            _train(folder, seed, progress)
    model = open_model(folder / stage)
    model.name = f"{NAME}-{seed}" if stage == "whole" else f"{NAME}-{seed}-half"
    return model


def world_of(model: Model) -> int:
    """The number of the world whose model this is, or was made of.

    Raises
    ------
    ModelError
        It is another model.
    """
    match = re.match(rf"{NAME}-(\d+)", model.name)
    if not match:
        raise ModelError(
            "Organisms of the small world are made of its own model only.",
            seen=model.name,
            fix="Use steerstack_plugins.sandbagging.small_world.model.open_origin().",
        )
    return int(match[1])


@cache
def recipe_digest(seed: int) -> str:
    """Digest of all that decides the weights: the recipe, and a sample of the texts."""
    import numpy as np

    samples = []
    for share in (RECIPE["known_early"], 1.0):
        generator = np.random.default_rng(0)
        texts = [documents.pretraining(generator, RECIPE["questions"], world=seed, known=share) for _ in range(8)]
        samples += [[text.ids.tolist(), text.learned.tolist()] for text in texts]
    return digest.of_json([recipe(seed), samples, seed])


def recipe(seed: int) -> dict[str, Any]:
    """The recipe of a world: the usual one, with the family and size of its model where that is another."""
    own = architecture_of(seed)
    return RECIPE if own == USUAL else RECIPE | asdict(own)


def _train(folder: Path, seed: int, progress: Callable[[int], None] | None) -> None:
    import numpy as np
    import torch

    word_tokenizer = tokenizer.tokenizer()
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        module: Any = architecture_of(seed).module(word_tokenizer)
    generator = np.random.default_rng([seed, 1])
    with tempfile.TemporaryDirectory(dir=folder.parent) as scratch:
        for stage, share in (("half", RECIPE["known_early"]), ("whole", 1.0)):
            module.requires_grad_(True)
            train.train(
                module,
                lambda _step, known=share: documents.pretraining(  # type: ignore[misc]
                    generator, RECIPE["questions"], world=seed, known=known
                ),
                steps=RECIPE["steps"][stage],
                learning_rate=RECIPE["learning_rate"][stage],
                progress=progress,
            )
            module.save_pretrained(Path(scratch) / "made" / stage)
            word_tokenizer.save_pretrained(Path(scratch) / "made" / stage)
        shutil.rmtree(folder, ignore_errors=True)
        (Path(scratch) / "made").rename(folder)
