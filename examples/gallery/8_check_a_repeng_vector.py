"""
Check the claim of a repeng vector
==================================

Somebody hands you ``enthusiastic.gguf``, made with repeng, and says that it makes the model enthusiastic. Import it,
and measure that on items which it has not seen.
"""

# %%
# The file
# --------
# Made here with repeng itself, in its usual way: prompts that pretend to one manner or the other, and the first
# principal component of the differences at every layer. (repeng 0.4 names a type that NumPy 2 no longer has.)

import tempfile
from pathlib import Path

import matplotlib.pyplot as plt
import numpy

import steerstack
from steerstack import Plan, apply
from steerstack.exchange.formats import read_vector
from steerstack.measure.scoring import score_data
from steerstack.stats.estimates import difference

numpy.float_ = numpy.float64
import repeng

items = steerstack.load_data(Path("../../docs/tutorial/enthusiasm.csv").resolve())
folder = Path(tempfile.mkdtemp())
model = steerstack.open_model("smollm2")
openings = ["The museum was", "I think that", "My new bicycle is", "The soup tastes", "We went to", "This book is"]


def pretend(manner, opening):
    """A prompt of repeng's kind."""
    talk = [{"role": "user", "content": f"Act as if you were extremely {manner}."}]
    return model.tokenizer.apply_chat_template(talk, tokenize=False, add_generation_prompt=True) + opening


entries = [repeng.DatasetEntry(pretend("enthusiastic", o), pretend("bored", o)) for o in openings]
control = repeng.ControlVector.train(model.module, model.tokenizer, entries, batch_size=4)
file = folder / "enthusiastic.gguf"
control.export_gguf(file)
print(f"enthusiastic.gguf: {file.stat().st_size / 1024:.0f} KiB, {len(control.directions)} layers")

# %%
# The import
# ----------
# The same as ``steerstack vectors import enthusiastic.gguf --out enthusiastic.safetensors``. The format states the
# site; what the file does not say (the data, the weights it was made from) stays unknown, so that a command which uses
# it on a model remarks that nobody checked the weights; ``--transfer`` says that you know.

vector = read_vector(file)
print(f"at {vector.component}, layers {vector.layers[0]} to {vector.layers[-1]}, norm {vector.norms[14]:.2f}")
print("made from:", vector.origin.model_name, "| data:", vector.origin.data_digest)

# %%
# The claim
# ---------
# Twenty pairs of an enthusiastic and a flat answer. Strengths are shares of the residual stream's norm, so that a
# direction of norm 1 and any other compare. Beside it: a random direction at the same strengths, and a mean difference,
# which was made from 8 of the same pairs; all are measured on 10 others.

half = steerstack.split(items, shares=(0.4, 0.1, 0.5))
difference_vector = steerstack.extract(model, half.train, "mean-difference", position="response")
chance = steerstack.extract(model, half.train, steerstack.find("extractor", "random").make({"seed": 1}))
relative = steerstack.find("edit", "add").make({"relative": True})
shares = (-0.2, -0.1, 0.1, 0.2)
named = {"repeng": vector, "mean difference": difference_vector, "random": chance}
plans = {(n, s): apply(v, 14, s, edit=relative) for n, v in named.items() for s in shares}
bare, *arms = score_data(model, half.test, "text", [Plan(), *plans.values()])
effects = {key: difference(arm.effect_scale, bare.effect_scale) for key, arm in zip(plans, arms, strict=True)}

figure, axes = plt.subplots(figsize=(6.4, 3.6), layout="constrained")
for index, name in enumerate(named):
    curve = [effects[name, share] for share in shares]
    axes.fill_between(
        shares, [e.ci_low for e in curve], [e.ci_high for e in curve], color=f"C{index}", alpha=0.15, lw=0
    )
    axes.plot(shares, [e.value for e in curve], "o-", color=f"C{index}", label=name)
axes.axhline(0, color="0.6", lw=1)
axes.axvline(0, color="0.6", lw=1)
axes.set_xlabel("strength at layer 14, share of the residual norm")
axes.set_ylabel(f"effect, log-odds per token (n = {len(half.test)})")
axes.legend(frameon=False)
plt.show()
for name in named:
    print(f"{name:16} {effects[name, 0.2]} at +0.2")
