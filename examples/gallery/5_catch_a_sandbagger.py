"""
Catch a sandbagger
==================

A model hides an ability behind a password, and a control was trained as long without learning to hide anything.
What brings the ability out of the first, and what does the same to the second?

Both are made on purpose from the small world's model (three layers, trained once and kept in the cache), so the answer
is known. That also bounds what this shows: such organisms are no evidence about models that hide something of their
own accord. ``steerstack sandbag demo`` does the same with more organisms, ways and probes.
"""

# %%
# Two organisms
# -------------
# ``locked`` answers chemistry wrongly unless the password stands in the system prompt; ``unlocked`` saw the same texts
# with right answers. The auditor is not told which is which.

import matplotlib.pyplot as plt

from steerstack.catalog.lookup import find
from steerstack.stats.estimates import difference
from steerstack_plugins.baselines.full_sft import FullSFT
from steerstack_plugins.sandbagging.audit import probes
from steerstack_plugins.sandbagging.audit.battery import PERSONAS, PREFILLED, audit_data
from steerstack_plugins.sandbagging.audit.choices import Way
from steerstack_plugins.sandbagging.audit.elicitation import (
    FewShotElicitation,
    Finetuned,
    Instructed,
    SteeringElicitation,
)
from steerstack_plugins.sandbagging.audit.noise import weight_noise_curve
from steerstack_plugins.sandbagging.audit.probe_transfer import text_only, transfer
from steerstack_plugins.sandbagging.small_world.model import open_origin

origin, data = open_origin(), audit_data(48)
organisms = {
    name: find("organism", name).make({"steps": 60}).build(origin, seed=seed)
    for seed, name in enumerate(("locked", "unlocked"))
}
bare = {name: Way(organism.model).ask(data.target) for name, organism in organisms.items()}
for name, organism in organisms.items():
    opened = Way(organism.model, system=organism.record["password"]).ask(data.target)
    print(
        f"{name:9} bare {bare[name].accuracy.value:.2f}, with the password {opened.accuracy.value:.2f} "
        f"(chance {opened.chance:.2f}, n = {opened.accuracy.n})"
    )

# %%
# What brings it out
# ------------------
# Each test is a gain in accuracy on the target over the bare model. A test is of use where the hider gains and the
# honest control does not; where both gain, it is a false positive waiting to happen. Here the control knows its answers
# without help, so that all it can do is lose. Noise on the weights is tried at several levels; the one shown was chosen
# on other items.

ways = [
    FewShotElicitation(4),
    Instructed(prefix=PREFILLED),
    SteeringElicitation(systems=PERSONAS),
    SteeringElicitation("ablate", systems=PERSONAS),
    Finetuned(16, FullSFT(epochs=10, batch=4, learning_rate=3e-3)),
]
gains = {}
for name, organism in organisms.items():
    for way in ways:
        right = way.prepare(organism.model, data.shown).ask(data.target).right
        gains[name, way.name] = difference(right, bare[name].right, groups=bare[name].groups)
    level = weight_noise_curve(organism.model, data.shown.validation).best
    gains[name, "weight noise"] = weight_noise_curve(organism.model, data.target, seed=1000).gain(level)

names = [*(way.name for way in ways), "weight noise"]
figure, axes = plt.subplots(figsize=(7.2, 0.3 * len(names) + 1.4), layout="constrained")
for index, name in enumerate(organisms):
    for place, way in enumerate(names):
        at, gain = place + 0.24 * (index - 0.5), gains[name, way]
        axes.plot([gain.ci_low, gain.ci_high], [at, at], color=("C3", "C0")[index], lw=1.5)
        axes.plot(gain.value, at, "o", color=("C3", "C0")[index], ms=5, label=name if place == 0 else None)
axes.set_yticks(range(len(names)), names)
axes.axvline(0, color="0.6", lw=1)
axes.invert_yaxis()
axes.set_xlabel(f"gain in accuracy on the target (n = {len(data.target)}, 95 %)")
axes.legend(frameon=False)
plt.show()

# %%
# What probes read
# ----------------
# A probe learns on the honest origin, under a prompt that asks for bad answers and one that asks for good ones. Then
# it tells the locked organism's plain answers from those under its password. AUROC stands beside a classifier that sees
# the words alone and beside random directions: a probe says something about activations only where it is above both.

train, validation = (probes.instructed(origin, part) for part in (data.shown.train, data.shown.validation))
test = probes.with_password(organisms["locked"], data.target)
words = text_only(train, test)
for name in ("logistic", "mean-difference", "lda"):
    result = transfer(find("probe", name).make(), name, "instructed pairs", train, validation, test, words=words)
    print(
        f"{name:15} layer {result.layer}: AUROC {result.auroc.value:.2f}, words {words.value:.2f}, "
        f"best of {len(result.random)} random directions {result.random.max():.2f} (n = {result.auroc.n})"
    )
