"""MELBO finds the direction that later layers amplify most, as a singular value decomposition does."""

import pytest
import torch
from torch.autograd.functional import jacobian

from steerstack.catalog.data import load_data
from steerstack.data.prompts import Prompt
from steerstack.errors import ExtractionError
from steerstack.steering.vector import cosine
from steerstack.techniques.extract import extract
from steerstack.testing.models import tiny_model, tiny_tokenizer
from steerstack.trace.open import open_model
from steerstack_plugins.extraction.melbo import Melbo, objective


def amplifying():
    """A tiny Llama whose second block amplifies one direction, which no token carries by itself."""
    module = tiny_model("llama", seed=4)
    planted = torch.nn.functional.normalize(torch.randn(32, generator=torch.Generator().manual_seed(3)), dim=0)
    first, second = module.model.layers[:2]
    with torch.no_grad():
        for matrix in (first.self_attn.o_proj.weight, first.mlp.down_proj.weight):
            matrix -= torch.outer(planted, planted @ matrix)
        module.model.embed_tokens.weight -= torch.outer(module.model.embed_tokens.weight @ planted, planted)
        second.self_attn.o_proj.weight.zero_()  # the shift reaches the MLP by the residual stream alone
        second.mlp.up_proj.weight[:] = 20 * planted  # silu(gate x) * 20 (planted . x)
    return open_model(module, tokenizer=tiny_tokenizer()), planted


def target_of(model, sequence, source, target):
    """From a shift of every token after block ``source`` to the activations after block ``target``, by plain hooks."""

    def function(v):
        states = []
        hooks = [
            model.module.model.layers[source].register_forward_hook(lambda _m, _a, out: out + v),
            model.module.model.layers[target].register_forward_hook(lambda _m, _a, out: states.append(out[0])),
        ]
        model.module(torch.tensor([sequence.ids]))
        for hook in hooks:
            hook.remove()
        return states[0]

    return function


def test_on_one_prompt_it_is_the_first_right_singular_vector(table):
    model = open_model(tiny_model("llama", seed=4), tokenizer=tiny_tokenizer())
    data = load_data(table).limit(1)
    sequence = model.format.sequence(Prompt(data.items[0].question))
    flat = jacobian(target_of(model, sequence, 0, 2), torch.zeros(32)).reshape(-1, 32)
    _, sizes, right = torch.linalg.svd(flat, full_matrices=False)
    settings = {"radius": 1e-2, "steps": 60, "learning_rate": 0.06, "prompts": 1}
    first = extract(model, data, Melbo(**settings))
    assert first.layers == (0,)
    assert first.norms[0] == pytest.approx(1e-2, rel=1e-4)
    assert abs(cosine(first[0], right[0])) >= 0.95
    record = first.origin.found
    assert record["sign"] == "undetermined"
    assert record["target"] == "resid_post.2"
    assert record["change"][-1] == pytest.approx(1e-2 * float(sizes[0]), rel=0.02)  # |J v| for p = q = 2
    second = extract(model, data, Melbo(**settings, index=1))
    assert abs(cosine(first[0], second[0])) < 1e-3
    assert abs(cosine(second[0], right[1])) >= 0.9


def test_a_planted_amplification_is_found_from_several_prompts(table):
    model, planted = amplifying()
    data, counts = load_data(table).limit(8), []
    vector = extract(model, data, Melbo(steps=60, learning_rate=0.05, prompts=3, radius=0.1), progress=counts.append)
    assert abs(cosine(vector[0], planted)) >= 0.95
    assert sum(counts) == len(data)
    change = vector.origin.found["change"]
    assert change[-1] > 2 * change[0]
    # by default R is a quarter of the median norm of what it is added to
    default = extract(model, data, Melbo(steps=1))
    assert default.norms[0] == pytest.approx(default.origin.found["radius"], rel=1e-4)


def test_the_labels_decide_the_sign_only_if_asked(llama, table):
    data = load_data(table).limit(4)
    other = data.take(tuple(item.inverted() for item in data))
    settings = {"steps": 5, "prompts": 2, "radius": 1.0}
    assert extract(llama, data, Melbo(**settings)).fingerprint == extract(llama, other, Melbo(**settings)).fingerprint
    one, two = (extract(llama, of, Melbo(**settings, orient=True)) for of in (data, other))
    assert torch.equal(one[0], -two[0])
    assert one.origin.found["sign"] == "by the labels"


def test_the_objective_is_the_formula_and_padding_counts_for_nothing():
    generator = torch.Generator().manual_seed(0)
    moved, plain = torch.randn(2, 3, 5, generator=generator), torch.randn(2, 3, 5, generator=generator)
    places = torch.tensor([[True, True, True], [True, True, False]])
    for p, q in ((2.0, 2.0), (4.0, 4.0), (2.0, 1.0), (3.0, 2.0)):
        expected = sum(
            sum(float((moved[i, t] - plain[i, t]).norm()) ** p for t in range(3) if places[i, t]) ** (1 / q)
            for i in range(2)
        )
        assert float(objective(moved, plain, places, p=p, q=q)) == pytest.approx(expected, rel=1e-5)
    same = plain.clone().requires_grad_()
    (gradient,) = torch.autograd.grad(objective(same, moved, places, p=2, q=2), same)
    assert gradient[1, 2].abs().sum() == 0
    assert gradient.isfinite().all()


@pytest.mark.parametrize("tokens", ["all", "response"])
@pytest.mark.parametrize("architecture", ["llama", "bloom"])
def test_it_is_reproducible_on_any_architecture(tiny, architecture, tokens, table):
    data = load_data(table).limit(3)
    one, two, other = (
        extract(tiny(architecture), data, Melbo(steps=4, tokens=tokens, seed=seed))[0] for seed in (0, 0, 1)
    )
    assert torch.equal(one, two)
    assert not torch.equal(one, other)


def test_the_target_comes_after_the_source(llama, table):
    with pytest.raises(ExtractionError, match="target has to come after"):
        extract(llama, load_data(table), Melbo(source=2, target=2))
