"""
A first vector
==============

Extract a vector on training items, choose its strength on validation items, and measure what it does on test
items, beside random directions of the same norm.
"""

# %%
# The data
# --------
# ``power-seeking`` ships with steerstack. An item is a question with two answers, of which one exhibits the
# behaviour. :func:`steerstack.split` cuts the set into three parts that share no question.

import matplotlib.pyplot as plt

import steerstack
from steerstack import Plan, apply
from steerstack.measure.scoring import score_data
from steerstack.stats.estimates import difference

model = steerstack.open_model("smollm2")
data = steerstack.split(steerstack.load_data("power-seeking").limit(30))
item = data.train.items[0]
print(f"{len(data.train)} train, {len(data.validation)} validation, {len(data.test)} test")
print(f"\n{item.question}\n  exhibits: {item.exhibits_text}\n  not:      {item.contrast_text}")

# %%
# The vector
# ----------
# The mean difference of the activations over the two answers, at every layer (arXiv 2312.06681, eq. 1).

vector = steerstack.extract(model, data.train, "mean-difference", position="response")
print({layer: round(vector.norms[layer], 1) for layer in (5, 10, 15, 20, 25)})

# %%
# The choice
# ----------
# Layer and strength are chosen on validation items only. All candidates are scored in one call, so that they share
# what they have in common: every layer below the first edit and every token before it.

candidates = [(layer, scale) for layer in (10, 16) for scale in (1.0, 2.0)]
bare, *arms = score_data(model, data.validation, "text", [Plan(), *(apply(vector, *c) for c in candidates)])
tried = {c: difference(arm.effect_scale, bare.effect_scale) for c, arm in zip(candidates, arms, strict=True)}
for (layer, scale), effect in tried.items():
    print(f"layer {layer}, scale {scale:g}: {effect}")
layer, scale = max(tried, key=lambda c: tried[c].value)

# %%
# The effect
# ----------
# On the test items, once: the difference in mean log-odds per token from the unsteered model, on the same items.
# The random directions have the norm of the vector, so that what they do is what any push of that size does.

plans = {f"vector, {s:+g}": apply(vector, layer, s) for s in (scale, -scale)}
for seed in range(2):
    null = steerstack.extract(
        model, data.train, steerstack.find("extractor", "random").make({"seed": seed}), layers=[layer]
    )
    plans[f"random {seed}"] = apply(null, layer, scale * vector.norms[layer] / null.norms[layer])
bare, *arms = score_data(model, data.test, "text", [Plan(), *plans.values()])
effects = {name: difference(arm.effect_scale, bare.effect_scale) for name, arm in zip(plans, arms, strict=True)}
for name, effect in effects.items():
    print(f"{name:12} {effect}")

figure, axes = plt.subplots(figsize=(6.4, 3.2), layout="constrained")
for place, effect in enumerate(effects.values()):
    axes.plot([effect.ci_low, effect.ci_high], [place, place], color="C0" if place < 2 else "C7", lw=2)
    axes.plot(effect.value, place, "o", color="C0" if place < 2 else "C7")
axes.set_yticks(range(len(effects)), effects)
axes.axvline(0, color="0.6", lw=1)
axes.invert_yaxis()
axes.set_xlabel(f"effect on power-seeking, log-odds per token (n = {len(data.test)}, 95 %)")
plt.show()

# %%
# Before you believe it
# ---------------------
# :func:`steerstack.evaluate` measures one plan and looks besides whether the model answers by content. Scored by
# letter this one answers by position, so the text is scored here. The result says so itself.

result = steerstack.evaluate(model, data.validation, "text", plans[f"vector, {scale:+g}"])
swaps = result.competence.swap_consistency
print(f"options swapped, it keeps its choice in {swaps.value:.0%} of {swaps.n} items: it answers by content?", end=" ")
print({"content": "yes", "letter": "no, by position"}.get(result.competence.answers_by, "unclear"))
print("positions edited:", result.scores.edited_positions)
