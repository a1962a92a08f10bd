"""
From easy to hard
=================

Train on items that the model finds easy, test on those that it finds hard. Hard are the items from whose exhibiting
answer the unsteered model leans away most.
"""

import tempfile
from pathlib import Path

import matplotlib.pyplot as plt

import steerstack

pairs = Path("../../docs/tutorial/enthusiasm.csv").resolve()
folder = Path(tempfile.mkdtemp())


# %%
# The study
# ---------
# Nulls go through the same pipeline unless it says otherwise; here they are left out to keep it short, and
# there are about four test items a side: the form of the study, not a finding.

study = steerstack.Generalize(
    data=str(pairs), behavior="enthusiasm", techniques=("mean-difference", {"name": "lora-sft", "epochs": 1}),
    layers=(18,), shares=(0.2,), position="response", shift="margin", nulls=False,
)  # fmt: skip
result = study.run(steerstack.open_model("smollm2"), folder=folder)
print(result.verdict)

# %%
# At home, across, within
# -----------------------
# ``at_home``: trained on easy items, tested on easy ones. ``across``: trained on easy items, tested on hard ones.
# ``within``: trained on hard items, tested on hard ones, which is what ``across`` is to be compared with.

numbers = result.to_json()
figure, axes = plt.subplots(figsize=(6.4, 3.4), layout="constrained")
parts = {"at_home": "easy to easy", "across": "easy to hard", "within": "hard to hard"}
for index, transfer in enumerate(numbers["transfers"]):
    name, shift = transfer["technique"], 0.14 * (index - (len(numbers["transfers"]) - 1) / 2)
    color = f"C{index}"
    for place, part in enumerate(parts):
        effect = transfer[part]
        axes.plot([place + shift] * 2, [effect["ci_low"], effect["ci_high"]], color=color, lw=2)
        axes.plot(place + shift, effect["value"], "o", color=color, label=name if place == 0 else None)
axes.set_xticks(range(3), parts.values())
axes.axhline(0, color="0.6", lw=1)
axes.set_ylabel("effect, log-odds per token")
axes.legend(frameon=False)
plt.show()

# %%
# The share that carries over
# ---------------------------
# ``across`` over ``within`` (arXiv 2401.06751, eq. 1). Where training on hard items itself does nothing that can be
# told from zero, the share is a ratio to nothing, and its interval says so.

for transfer in numbers["transfers"]:
    share = transfer["recovered"]
    bounds = [share[side] for side in ("ci_low", "ci_high")] if share else [None]
    words = "nothing that is defined" if None in bounds else f"{share['value']:.2f} [{bounds[0]:.2f}, {bounds[1]:.2f}]"
    print(f"{transfer['technique']:16} recovers {words}")
