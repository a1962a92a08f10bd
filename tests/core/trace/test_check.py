"""The check on opening: hybrids and mixtures open with the components they have, and what cannot be steered is refused."""

import pytest
from transformers import AutoModelForCausalLM, BertConfig, LlamaConfig

from steerstack.errors import ModelError, SiteError
from steerstack.steering.site import Site
from steerstack.testing.architectures import small_config, small_model
from steerstack.testing.models import tiny_model, tiny_tokenizer
from steerstack.trace.open import open_model


def opened(name):
    return open_model(small_model(small_config(name)), tokenizer=tiny_tokenizer())


def layers(model, component):
    return [layer for layer in range(model.n_layers) if model.has(Site(component, layer))]


@pytest.mark.parametrize(
    ("architecture", "attention", "heads", "feed_forward"),
    [
        ("lfm2", [1, 3], [1, 3], [0, 1, 2, 3]),
        ("jamba", [1, 3], [1, 3], [0, 1, 2, 3]),
        ("nemotron_h", [1], [1], [2, 3]),
        ("recurrent_gemma", [1, 3], [1, 3], [0, 1, 2, 3]),
        ("mamba", [], [], []),
        ("rwkv", [0, 1, 2, 3], [], [0, 1, 2, 3]),
        ("gpt_neo", [0, 1, 2, 3], [0, 1, 2, 3], [0, 1, 2, 3]),
        ("ctrl", [0, 1, 2, 3], [0, 1, 2, 3], [0, 1, 2, 3]),
        ("mpt", [0, 1, 2, 3], [0, 1, 2, 3], [0, 1, 2, 3]),
        ("granitemoeshared", [0, 1, 2, 3], [0, 1, 2, 3], []),  # its sum after routing is in no module
    ],
)
def test_components_are_where_a_block_has_them(architecture, attention, heads, feed_forward):
    model = opened(architecture)
    components = [layers(model, component) for component in ("attn_out", "head_out", "mlp_out")]
    assert components == [attention, heads, feed_forward]
    assert layers(model, "resid_post") == layers(model, "resid_pre") == [0, 1, 2, 3]


def test_only_the_use_of_an_absent_component_is_an_error():
    model = opened("lfm2")
    model.check_site(Site("attn_out", 3))
    with pytest.raises(SiteError, match=r"(?s)no attn_out in block 2 of .*conv \(.*of a layer that has it: 1, 3"):
        model.check_site(Site("attn_out", 2))
    with pytest.raises(SiteError, match="Use resid_pre or resid_post"):
        opened("mamba").check_site(Site("mlp_out", 0))


def test_what_has_no_one_place_to_steer_is_refused():
    with pytest.raises(ModelError, match=r"(?s)not \[batch, token, d_model\].*several streams"):
        opened("gemma3n_text")
    with pytest.raises(ModelError, match="No one list of blocks"):
        opened("hrm_text")
    looking_ahead = AutoModelForCausalLM.from_config(
        BertConfig(hidden_size=32, num_hidden_layers=2, num_attention_heads=4, intermediate_size=64, vocab_size=300)
    ).eval()
    with pytest.raises(ModelError, match="its tokens read those that come later"):
        open_model(looking_ahead, tokenizer=tiny_tokenizer())


def llama(rows):
    config = LlamaConfig(
        hidden_size=32, num_hidden_layers=2, num_attention_heads=4, intermediate_size=64, vocab_size=rows,
        bos_token_id=None, eos_token_id=None,
    )  # fmt: skip
    return AutoModelForCausalLM.from_config(config).eval()


def test_tokens_beyond_the_embedding_are_refused():
    tokenizer = tiny_tokenizer()
    open_model(llama(len(tokenizer)), tokenizer=tokenizer)
    with pytest.raises(ModelError, match=r"(?s)has 4 tokens that its embedding lacks.*'Yes'.*of 258 rows.*resize"):
        open_model(llama(258), tokenizer=tokenizer)
    tokenizer.add_special_tokens({"additional_special_tokens": ["<image_soft_token>"]})
    open_model(llama(len(tokenizer) - 1), tokenizer=tokenizer)  # no text becomes it
    tokenizer.chat_template = "<image_soft_token>" + tokenizer.chat_template
    with pytest.raises(ModelError, match="image_soft_token"):
        open_model(llama(len(tokenizer) - 1), tokenizer=tokenizer)


def test_a_model_that_is_not_what_it_declares_is_refused():
    module = tiny_model()
    module.config.num_hidden_layers = 5
    with pytest.raises(ModelError, match="declares 5 layers"):
        open_model(module, tokenizer=tiny_tokenizer())
