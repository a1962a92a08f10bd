"""
Read the MLflow registry
========================

Every study leaves its vectors in MLflow, with where they came from and what they did. It is an ordinary MLflow store:
steerstack's commands read it, and so does MLflow itself.
"""

# %%
# A store with something in it
# ----------------------------
# Two small studies on the twenty pairs of the tutorial, by two methods.

import os
import tempfile
from pathlib import Path

import matplotlib.pyplot as plt
import mlflow

import steerstack

pairs = Path("../../docs/tutorial/enthusiasm.csv").resolve()
folder = Path(tempfile.mkdtemp())
store = f"sqlite:///{folder / 'registry.db'}"
os.environ["MLFLOW_TRACKING_URI"] = store

model = steerstack.open_model("smollm2")
for method in ("mean-difference", "pca"):
    study = steerstack.Stack(
        data=str(pairs), behavior="enthusiasm", method=method, finetunes=(), few_shot=None, layers=(14,), shares=(0.2,),
        nulls=1,
    )  # fmt: skip
    result = study.run(model, folder=folder / method)
    recorded = result.record(files=result.save(folder / method).to_record)
    print(method, "is", recorded.model_uri)

# %%
# By steerstack
# -------------
# What ``steerstack registry list``, ``lineage`` and ``verify`` print is there from Python, too: which vectors there
# are, where one comes from, and whether what is claimed of it still holds. ``verify`` recomputes the digests, reopens
# the model, and measures a few of the recorded items again.

from steerstack_registry.read.lineage import lineage
from steerstack_registry.read.listing import list_vectors
from steerstack_registry.read.verify import verify

rows = list_vectors()
newest = f"models:/{rows[0]['name']}/{rows[0]['version']}"
about = lineage(newest)
print(about["vector"]["uri"], "from", about["data"]["n_pairs"], "pairs, data", about["data"]["digest"][:12])
for check in verify(newest, items=2):
    print(f"{check['what']:14} {'holds' if check['holds'] else check['holds']}: {check['detail']}")

# %%
# By MLflow itself
# ----------------
# Effects are metrics of the run and of the logged model; ``steerstack ui`` opens the pages on the same store.

runs = mlflow.search_runs(search_all_experiments=True)
columns = sorted(name for name in runs if name.startswith("metrics.effect/"))
print("\n".join(columns[:12]))

figure, axes = plt.subplots(figsize=(6.4, 2.4), layout="constrained")
for place, row in enumerate(rows):
    effect = row["effects"]["effect/alone"]
    axes.plot([effect["ci_low"], effect["ci_high"]], [place, place], color="C0", lw=2)
    axes.plot(effect["value"], place, "o", color="C0")
axes.set_yticks(range(len(rows)), [f"{row['method']}, version {row['version']}" for row in rows])
axes.set_ylim(-0.6, len(rows) - 0.4)
axes.axvline(0, color="0.6", lw=1)
axes.set_xlabel("effect alone, log-odds per token (95 %)")
plt.show()
