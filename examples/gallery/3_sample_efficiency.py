"""
Sample efficiency against LoRA
==============================

How many labelled items does a vector need, and from how many on is a fine-tune ahead? Both get the same nested
subsets, and the items with which they choose layer, strength or epochs count towards n.
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
# Declared before it is run; each technique can have parameters. Nulls go through the same pipeline unless it says
# otherwise; here they are left out to keep it short.

study = steerstack.Efficiency(
    data=str(pairs), behavior="enthusiasm", techniques=("mean-difference", {"name": "lora-sft", "epochs": 1}),
    sizes=(4, 12), seeds=1, layers=(18,), shares=(0.2,), position="response", nulls=False,
)  # fmt: skip
result = study.run(steerstack.open_model("smollm2"), folder=folder)
print(result.verdict)

# %%
# The curves
# ----------
# An interval is one over training samples and needs several seeds; ten are asked for before two curves are compared.
# One seed and two sizes show the form of the study, not a finding, and there is no band to draw;
# ``examples/studies/efficiency.yaml`` is a larger one.

numbers = result.to_json()
figure, axes = plt.subplots(figsize=(7.2, 3.6), layout="constrained")
for index, curve in enumerate(numbers["curves"]):
    name, color = curve["technique"], f"C{index}"
    sizes = [point["size"] for point in curve["points"]]
    axes.plot(sizes, [point["value"] for point in curve["points"]], "o-", color=color, label=name)
axes.axhline(0, color="0.6", lw=1)
axes.set_xscale("log", base=2)
axes.set_xticks(sizes, sizes)
axes.set_xlabel("labelled items")
axes.set_ylabel(f"effect, log-odds per token (n = {numbers['n_test']})")
axes.legend(frameon=False)
plt.show()

# %%
# What it cost
# ------------

for cost in numbers["costs"]:
    print(f"{cost['technique']:16} n = {cost['n']:<3} {cost['parameters']:>10,.0f} parameters {cost['seconds']:6.1f} s")
