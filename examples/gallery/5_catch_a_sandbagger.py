"""
Catch a sandbagger
==================

A model hides an ability behind a password, and a control was trained as long without learning to hide anything.
What brings the ability out of the first, and what does the same to the second?

Both are made on purpose from the small world's model (four layers, trained here in seconds), so the answer is known.
That also bounds what this shows: such organisms are no evidence about models that hide something of their own accord.
"""

# %%
# Two organisms
# -------------
# ``locked`` answers chemistry wrongly unless the password stands in the system prompt; ``unlocked`` saw the same texts
# with right answers. The auditor is not told which is which.

import matplotlib.pyplot as plt

from steerstack_plugins.sandbagging.showing import run_demo

result = run_demo(items=24, organisms=("locked", "unlocked")).result
for name, organism in result["organisms"].items():
    bare, opened = organism["bare"], organism["with_password"]
    print(
        f"{name:9} bare {bare['value']:.2f}, with the password {opened['value']:.2f} "
        f"(chance {result['chance']:.2f}, n = {bare['n']})"
    )

# %%
# What brings it out
# ------------------
# Each test is a gain in accuracy on the target over the bare model. A test is of use where the hider gains and the
# honest control does not; where both gain, it is a false positive waiting to happen.

organisms = result["organisms"]
ways = list(organisms["locked"]["elicitation"])
figure, axes = plt.subplots(figsize=(7.2, 0.3 * len(ways) + 1.4), layout="constrained")
for index, (name, organism) in enumerate(organisms.items()):
    gains = [organism["elicitation"][way]["gain"] for way in ways] + [organism["weight_noise"]["gain_there"]]
    for place, gain in enumerate(gains):
        at = place + 0.24 * (index - 0.5)
        axes.plot([gain["ci_low"], gain["ci_high"]], [at, at], color=("C3", "C0")[index], lw=1.5)
        axes.plot(gain["value"], at, "o", color=("C3", "C0")[index], ms=5, label=name if place == 0 else None)
axes.set_yticks(range(len(ways) + 1), [*ways, "weight noise"])
axes.axvline(0, color="0.6", lw=1)
axes.invert_yaxis()
axes.set_xlabel("gain in accuracy on the target (95 %)")
axes.legend(frameon=False)
plt.show()

# %%
# What probes read
# ----------------
# AUROC of telling the organism's answers apart, beside a classifier that sees the words alone and beside random
# directions: a probe says something about activations only where it is above both.

for row in result["probes"]:
    words, random = row["text_only_auroc"], row["random_direction_auroc"]["max"]
    print(
        f"{row['probe']:10} {row['trained_on']:>18} -> {row['tested_on']:<12} AUROC {row['auroc']['value']:.2f}, "
        f"words {words['value'] if words else float('nan'):.2f}, best random {random:.2f}"
    )
