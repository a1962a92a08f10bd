"""Edits on rows of a flat batch, through blocks that hand on one stream, or two parts of it."""

import pytest
import torch
from torch import nn

from steerstack.errors import ModelError
from steerstack.steering.edits import Ablate, Add
from steerstack.steering.intervention import Plan
from steerstack.steering.site import Site
from steerstack.steering.tokens import Tokens, TokenSequence
from steerstack_plugins.backends.vllm_model.hooks import set_hooks
from steerstack_plugins.backends.vllm_model.request import Placement
from steerstack_plugins.backends.vllm_model.steering import Held, RowEdits, Segment

WIDTH, LAYERS = 6, 3


class OneStream(nn.Module):
    """A block as those of transformers."""

    def __init__(self):
        super().__init__()
        self.mlp = nn.Linear(WIDTH, WIDTH)

    def forward(self, hidden_states):
        return hidden_states + self.mlp(hidden_states)


class TwoParts(OneStream):
    """The same block, as vLLM writes it."""

    def forward(self, positions, hidden_states, residual):
        whole = hidden_states if residual is None else hidden_states + residual
        return self.mlp(whole), whole


class Whole(nn.Module):
    """Blocks and nothing else."""

    def __init__(self, block):
        super().__init__()
        torch.manual_seed(0)
        self.layers = nn.ModuleList(block() for _ in range(LAYERS))

    def forward(self, hidden):
        if isinstance(self.layers[0], TwoParts):
            residual = None
            for layer in self.layers:
                hidden, residual = layer(None, hidden, residual)
            return hidden + residual
        for layer in self.layers:
            hidden = layer(hidden[None])[0]
        return hidden


def direction(seed):
    return torch.randn(WIDTH, generator=torch.Generator().manual_seed(seed))


TEXTS = [TokenSequence((1, 2, 3, 4), 2, 4), TokenSequence((5, 6, 7), 1, 3), TokenSequence((8, 9), 1, 2)]
PLANS = [
    Plan((Add(Site("resid_post", 1), direction(1), 2.0), Ablate(Site("resid_post", 1), direction(2)))),
    Plan(),
    Plan((Add(Site("resid_pre", 0), direction(3), selection=Tokens("all")), Add(Site("mlp_out", 2), direction(4)))),
]


def plain(model, hidden, plan, text):
    """One text by itself, its edits made by hand in the blocks' own order."""

    def at(component, layer, stream):
        for edit in plan:
            if edit.site == Site(component, layer):
                rows = list(edit.tokens.positions(text))
                stream = stream.clone()
                stream[rows] = edit.edit(stream[rows])
        return stream

    for layer, block in enumerate(model.layers):
        hidden = at("resid_pre", layer, hidden)
        hidden = at("resid_post", layer, hidden + at("mlp_out", layer, block.mlp(hidden)))
    return hidden


@pytest.mark.parametrize("block", [OneStream, TwoParts])
@torch.no_grad()
def test_each_request_of_a_batch_is_edited_as_if_it_were_alone(block):
    model, steering = Whole(block), RowEdits()
    hidden = [
        torch.randn(len(text), WIDTH, generator=torch.Generator().manual_seed(9 + i)) for i, text in enumerate(TEXTS)
    ]
    wanted = [plain(model, *of) for of in zip(hidden, PLANS, TEXTS, strict=True)]
    unhooked = model(torch.cat(hidden))
    set_hooks(model, steering, LAYERS, "llama")
    place, begin, segments = Placement(PLANS), 0, []
    for key, text, plan in zip("abc", TEXTS, PLANS, strict=True):
        steering.held[key] = Held(place.request(key, text, plan).edits, keep=key == "c")
        segments.append(Segment(key, begin, begin + len(text)))
        begin += len(text)
    steering.begin(segments, torch.tensor([at for text in TEXTS for at in range(len(text))]))
    streams = model(torch.cat(hidden))
    steering.keep(streams)
    for segment, rows in zip(segments, wanted, strict=True):
        torch.testing.assert_close(streams[segment.begin : segment.end], rows)
    assert torch.equal(streams[4:7], unhooked[4:7])  # the request without a plan, bit for bit
    assert [[len(of) for of in steering.held[key].touched] for key in "abc"] == [[2, 2], [], [2, 1]]
    assert torch.equal(steering.held["c"].kept[0], streams[7:])


@torch.no_grad()
def test_a_text_that_comes_in_pieces_is_edited_at_its_own_positions():
    model, steering, hidden = Whole(TwoParts), RowEdits(), torch.randn(4, WIDTH)
    wanted = plain(model, hidden, PLANS[0], TEXTS[0])
    set_hooks(model, steering, LAYERS, "llama")
    steering.held["a"] = Held(Placement(PLANS).request("a", TEXTS[0], PLANS[0]).edits)
    pieces = []
    for piece in (range(3), range(3, 4)):
        steering.begin([Segment("a", 0, len(piece))], torch.tensor(piece))
        pieces.append(model(hidden[list(piece)]))
    torch.testing.assert_close(torch.cat(pieces), wanted)
    assert steering.held["a"].touched == [{2, 3}, {2, 3}]


@torch.no_grad()
def test_vectors_of_many_requests_are_added_at_once_and_bit_for_bit_as_one_by_one():
    site, hidden, steering = Site("resid_post", 1), torch.randn(9, WIDTH), RowEdits()
    edits = [Add(site, direction(seed), 0.3 * seed, relative=seed == 3, selection=Tokens("all")) for seed in (1, 2, 3)]
    edits += [Ablate(site, direction(4), selection=Tokens("all")), edits[0]]
    lengths, first, segments, positions = (2, 3, 1, 1, 2), 0, [], []
    place = Placement([Plan((edit,)) for edit in edits])
    for number, (edit, length) in enumerate(zip(edits, lengths, strict=True)):
        text = TokenSequence(tuple(range(length)), length - 1, length)
        steering.held[str(number)] = Held(place.request("a", text, Plan((edit,))).edits)
        segments.append(Segment(str(number), first, first + length))
        positions += range(length)
        first += length
    for _ in range(2):
        steering.begin(segments, torch.tensor(positions))
        out = steering.edit(site, hidden)
        for segment, edit in zip(segments, edits, strict=True):
            rows = slice(segment.begin, segment.end)
            assert torch.equal(out[rows], edit.edit(hidden[rows]))
        segments, edits = segments[1:], edits[1:]  # the vectors of the pass before are not those of the next
    assert [len(one.touched[0]) for one in steering.held.values()] == list(lengths)


def test_blocks_that_are_not_found_are_an_error():
    with pytest.raises(ModelError, match="were not found"):
        set_hooks(Whole(TwoParts), RowEdits(), LAYERS + 1, "llama")
