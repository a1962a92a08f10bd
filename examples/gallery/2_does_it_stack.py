"""
Does it stack?
==============

One study measures the vector alone, on top of system prompts for and against the behaviour, and on top of a LoRA
fine-tune, all on the same test items, with intervals, interactions and nulls.
"""

# %%
# The study
# ---------
# The fine-tune is one epoch of LoRA. Layer and strength are chosen on validation items; here there is one of each, and
# there are 5 test items, to keep it short. On the fine-tune the vector is used twice: taken over from the base model,
# and extracted again.

import tempfile
from pathlib import Path

import matplotlib.pyplot as plt

import steerstack

folder = Path(tempfile.mkdtemp())


study = steerstack.Stack(
    data="power-seeking", limit=12, finetunes=({"name": "lora-sft", "epochs": 1},), few_shot=None, layers=(18,),
    shares=(0.2,), neighbors=0, nulls=1,  # 39 and more to claim something
)  # fmt: skip
result = study.run(steerstack.open_model("smollm2"), folder=folder)
result.save(folder)  # report.html, result.json, items.parquet, the vectors
print(result.verdict)

# %%
# The arms
# --------
# Each is the difference from the bare model. Where a prompt or a fine-tune already moves the behaviour, what counts is
# the distance of the filled point from the open one on the same line: what the vector adds there.

numbers = result.to_json()
rows = {}
for arm in numbers["arms"]:
    place = "no prompt" if arm["prompt"] == "none" else f"prompt {'for' if arm['prompt'] == 'positive' else 'against'}"
    place += "" if arm["finetune"] == "none" else f", {arm['finetune']}, vector {arm['vector_origin']}"
    rows.setdefault(place, {})[arm["vector"]] = arm["effect"]
figure, axes = plt.subplots(figsize=(7.2, 0.36 * len(rows) + 1.2), layout="constrained")
marks = {"none": ("o", "white", "0.3", 0.0), "positive": ("o", "C0", "C0", -0.16), "negative": ("s", "C3", "C3", 0.16)}
for place, row in enumerate(rows.values()):
    for vector, (shape, fill, color, shift) in marks.items():
        effect = row[vector]
        axes.plot([effect["ci_low"], effect["ci_high"]], [place + shift] * 2, color=color, lw=1)
        name = {"none": "no vector", "positive": "vector +", "negative": "vector -"}[vector] if place == 0 else None
        axes.plot(effect["value"], place + shift, shape, mfc=fill, mec=color, ms=5, ls="", label=name)
axes.set_yticks(range(len(rows)), rows)
axes.axvline(0, color="0.6", lw=1)
axes.invert_yaxis()
figure.supxlabel(f"difference from the bare model, log-odds per token (n = {numbers['n']['test']})", fontsize="medium")
figure.legend(loc="outside upper right", ncols=3, frameon=False)
plt.show()

# %%
# Does the effect on top differ from the effect alone?
# ----------------------------------------------------
# That difference is the interaction. Zero means that the effects add up on this scale; an interval that holds zero
# means that this sample cannot tell.

for entry in numbers["interactions"]:
    if entry["scale"] == "log-odds":
        estimate, where = entry["estimate"], " ".join(entry.get(key) or "" for key in ("finetune", "vector_origin"))
        print(
            f"{' x '.join(entry['of']):18} {entry['direction']:9} {where:22} {estimate['value']:+.3f} "
            f"[{estimate['ci_low']:+.3f}, {estimate['ci_high']:+.3f}]"
        )
for null in numbers["nulls"]:
    print(f"null, {null['null']}: {null['effect']['value']:+.3f}")
