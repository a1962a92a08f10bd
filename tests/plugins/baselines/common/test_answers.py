"""Log-probabilities of answers under a plain module, beside one pass for each of them."""

import pytest
import torch

from steerstack.data.questions import ask
from steerstack.steering.intervention import Plan
from steerstack.testing import planted_data
from steerstack.testing.naive import naive_score
from steerstack_plugins.baselines.common.answers import answer_logp, label_logp, last_tokens, training_loss
from steerstack_plugins.baselines.common.sft import rows


def test_answers_of_all_lengths_are_scored_in_their_order_and_the_head_sees_only_them(llama):
    sides = [side for question in ask(llama.format, planted_data(4), "text") for side in question.pair]
    sizes = []
    head = llama.module.get_output_embeddings()
    with head.register_forward_hook(lambda _head, args, _output: sizes.append(args[0].shape[:-1].numel())):
        logp = answer_logp(llama.module, sides)
    assert sum(sizes) == sum(len(side) - side.answer_start for side in sides)
    assert logp.tolist() == pytest.approx([sum(naive_score(llama, side, Plan())) for side in sides], abs=1e-4)


def test_without_output_embeddings_the_answers_are_read_from_all_logits(llama):
    class Bare(torch.nn.Module):
        def __init__(self, inner):
            super().__init__()
            self.inner = inner

        def forward(self, **given):
            return self.inner(**given)

    sides = list(ask(llama.format, planted_data(1), "text")[0].pair)
    assert answer_logp(Bare(llama.module), sides).tolist() == pytest.approx(answer_logp(llama.module, sides).tolist())


def test_the_loss_of_training_is_the_model_s_own_and_its_head_sees_only_what_precedes_labels(llama):
    module = llama.module
    sides = [question.exhibits for question in ask(llama.format, planted_data(3), "text")]
    padded = {
        name: torch.nn.utils.rnn.pad_sequence([torch.tensor(row) for row in of], batch_first=True, padding_value=fill)
        for (name, of), fill in zip(rows(sides).items(), (0, -100), strict=True)
    }
    ids, labels = padded["input_ids"], padded["labels"]
    mask = torch.stack([torch.arange(ids.shape[1]) < len(side) for side in sides]).long()
    head = module.get_output_embeddings()
    inside = torch.nn.Parameter(torch.zeros(head.in_features))
    sizes = []
    with (
        torch.enable_grad(),
        head.register_forward_pre_hook(lambda _head, args: (args[0] + inside,)),
        head.register_forward_hook(lambda _head, args, _output: sizes.append(args[0].shape[:-1].numel())),
    ):
        total, count = training_loss(module, ids, mask, labels)
        (gradient,) = torch.autograd.grad(total / count, inside)
        (own,) = torch.autograd.grad(module(input_ids=ids, attention_mask=mask, labels=labels).loss, inside)
    assert count == sizes[0] == sum(len(side) - side.answer_start for side in sides)
    assert gradient.tolist() == pytest.approx(own.tolist(), abs=1e-5)


def test_last_tokens_are_scored_as_all_logits_score_them_and_the_head_sees_only_what_precedes_them(llama):
    module, count, temperature = llama.module, 3, 0.7
    ids = torch.arange(24).reshape(2, 12)
    mask = torch.ones_like(ids)
    mask[0, :4] = 0  # prompts are filled up on the left
    own = (module(input_ids=ids, attention_mask=mask).logits / temperature).log_softmax(-1)[:, -count - 1 : -1]
    sizes = []
    head = module.get_output_embeddings()
    with head.register_forward_hook(lambda _head, args, _output: sizes.append(args[0].shape[:-1].numel())):
        logp, entropy = last_tokens(module, ids, mask, count, temperature=temperature)
    assert sizes == [2 * count]
    assert logp == pytest.approx(own.gather(-1, ids[:, -count:, None])[..., 0].detach(), abs=1e-5)
    assert entropy == pytest.approx(torch.distributions.Categorical(logits=own).entropy().detach(), abs=1e-5)


def test_the_head_sees_one_token_of_a_question_for_its_labels(llama):
    questions = ask(llama.format, planted_data(2), "yes-no")
    sizes = []
    head = llama.module.get_output_embeddings()
    with head.register_forward_hook(lambda _head, args, _output: sizes.append(args[0].shape[:-1].numel())):
        logp = label_logp(llama.module, questions)
    assert sizes == [1] * len(questions)
    own = [[sum(naive_score(llama, side, Plan())) for side in question.pair] for question in questions]
    assert logp == pytest.approx(torch.tensor(own), abs=1e-4)
