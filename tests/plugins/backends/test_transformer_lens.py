"""TransformerLens against nnsight, in both bases, on models whose norms have gains and shifts of their own."""

from functools import cache

import pytest
import torch

from steerstack.catalog.lookup import find
from steerstack.catalog.manager import plugins
from steerstack.engine.score import score
from steerstack.errors import ModelError, ParameterError, SiteError
from steerstack.steering.edits import Ablate, Add, Project
from steerstack.steering.intervention import Plan
from steerstack.steering.site import COMPONENTS, Site
from steerstack.steering.tokens import Tokens, TokenSequence
from steerstack.study.crosscheck import steered_logits
from steerstack.testing.models import LAYERS, WIDTH, tiny_model, tiny_tokenizer
from steerstack.trace.open import open_model
from steerstack_plugins.backends.bridge import Bridge
from steerstack_plugins.backends.transformer_lens import TransformerLens

SEQUENCE = TokenSequence((5, 9, 2, 77, 130, 8, 61), 3, 5)
FAMILIES = ("gpt2", "llama", "gemma2", "gemma3")
EDITS = (Add, Ablate, Project)


def uneven(architecture):
    """A tiny model whose norms and biases are not those of a new one, so that folding has something to fold."""
    module = tiny_model(architecture)
    generator = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for name, weight in module.named_parameters():
            if weight.ndim == 1:
                noise = 0.3 * torch.randn(weight.shape, generator=generator)
                weight.copy_(noise + (weight.mean() if "bias" not in name else 0))
    return module


@cache
def ours(architecture):
    return open_model(uneven(architecture), tokenizer=tiny_tokenizer())


@cache
def theirs(architecture, basis):
    return Bridge(uneven(architecture), tiny_tokenizer(), folded=basis == "folded")


def direction(width=WIDTH):
    return torch.randn(width, generator=torch.Generator().manual_seed(3)) + 0.5


def gap(architecture, basis, plan):
    pair = steered_logits(ours(architecture), SEQUENCE, plan), theirs(architecture, basis).logits(SEQUENCE, plan)
    if basis == "folded":
        pair = tuple(logits.log_softmax(-1) for logits in pair)
    return float((pair[0] - pair[1]).abs().max())


@pytest.mark.parametrize("architecture", FAMILIES)
def test_raw_logits_agree_at_every_site_under_every_edit(architecture):
    assert gap(architecture, "raw", Plan()) < 1e-4
    unsteered = steered_logits(ours(architecture), SEQUENCE, Plan())
    for component in COMPONENTS:
        site = Site(component, 1)
        for edit in EDITS:
            plan = Plan((edit(site, direction(ours(architecture).width(site)), selection=Tokens("response")),))
            moved = (steered_logits(ours(architecture), SEQUENCE, plan) - unsteered).abs().max()
            assert moved > 1e-2, "an edit that does nothing agrees with everything"
            assert gap(architecture, "raw", plan) < 1e-4, f"{edit.__name__} at {site}"
            assert theirs(architecture, "raw").portable(plan) == []


@pytest.mark.parametrize("architecture", FAMILIES)
def test_folded_agrees_wherever_it_says_nothing(architecture):
    """And where it does say something, there is a difference to speak of."""
    assert gap(architecture, "folded", Plan()) < 1e-4
    opened = theirs(architecture, "folded")
    for component in COMPONENTS:
        site = Site(component, 1)
        drawn = direction(ours(architecture).width(site))
        for edit in EDITS:
            for way in (drawn, drawn - drawn.mean()):
                plan = Plan((edit(site, way, selection=Tokens("all")),))
                if opened.portable(plan):
                    assert gap(architecture, "folded", plan) > 1e-3
                else:
                    assert gap(architecture, "folded", plan) < 1e-4, f"{edit.__name__} at {site}"


def test_what_is_not_portable_is_said_before_the_run():
    site = Site("resid_post", 1)
    mean_free = direction() - direction().mean()
    opened = theirs("gpt2", "folded")
    assert opened.portable(Plan((Add(site, direction()),))) == []
    for edit in (Ablate, Project):
        (reason,) = opened.portable(Plan((edit(site, direction()),)))
        assert "resid_post.1" in reason
        assert "mean over d_model" in reason
        assert opened.portable(Plan((edit(site, mean_free),))) == []
        assert theirs("llama", "folded").portable(Plan((edit(site, direction()),))) == []
    assert opened.portable(Plan((Add(site, mean_free, relative=True),))), "its norm is that of the whole activation"


def test_plans_of_several_edits_and_scores_of_the_engine():
    plan = Add(Site("resid_post", 0), direction(), 2.0, selection=Tokens("all")) >> Ablate(
        Site("resid_pre", 2), direction(), selection=Tokens("last")
    )
    logp = theirs("llama", "raw").logits(SEQUENCE, plan).log_softmax(-1)
    expected = [float(logp[p - 1, SEQUENCE.ids[p]]) for p in range(SEQUENCE.answer_start, len(SEQUENCE))]
    assert score(ours("llama"), [[SEQUENCE]], [plan])[0].tokens[0][0] == pytest.approx(expected, abs=1e-4)


def test_it_opens_a_folder_with_a_model_of_its_own(tiny_folder):
    assert plugins().offers("backend")["transformer-lens"] is TransformerLens
    model = open_model(tiny_folder)
    opened = find("backend", "transformer-lens").make({"dtype": "float64"}).open(str(tiny_folder))
    before = model.fingerprint
    plan = Plan((Add(Site("resid_post", LAYERS - 1), direction(), selection=Tokens("all")),))
    assert (opened.logits(SEQUENCE, plan) - steered_logits(model, SEQUENCE, plan)).abs().max() < 1e-4
    assert model.path(Site("mlp_out", 0)) == "model.layers.0.mlp"
    assert open_model(tiny_folder).fingerprint == before


def test_errors_say_what_to_do(tmp_path):
    with pytest.raises(ParameterError):
        TransformerLens.make({"basis": "centred"})
    with pytest.raises(ModelError, match="could not be loaded"):
        TransformerLens().open(str(tmp_path))
    with pytest.raises(SiteError, match=r"no hook for resid_post\.9"):
        theirs("llama", "raw").logits(SEQUENCE, Plan((Add(Site("resid_post", 9), direction()),)))
    module = tiny_model("llama")
    module.__class__ = type("UnheardOfForCausalLM", (type(module),), {})
    module.config.model_type = "unheard_of"
    with pytest.raises(ModelError, match="cannot open UnheardOf"):
        Bridge(module, tiny_tokenizer(), folded=False)
