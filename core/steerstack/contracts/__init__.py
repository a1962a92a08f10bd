"""What a plugin may bring: the abstract classes, one file for each kind.

Nothing here imports torch, so that importing a plugin costs nothing.
"""

from steerstack.contracts.auditor import Auditor, AuditOutcome, AuditTest, Examination, Opinion, Questions
from steerstack.contracts.backend import Backend, BatchingModel, GeneratingModel, Opened
from steerstack.contracts.baseline import Baseline, Tuned
from steerstack.contracts.data import BehaviorSource, DataFormat
from steerstack.contracts.edit import Edit
from steerstack.contracts.engine import Engine
from steerstack.contracts.extractor import Extractor, Fitted
from steerstack.contracts.judge import Judge, Verdict
from steerstack.contracts.labeller import Labeller
from steerstack.contracts.listener import Event, Listener
from steerstack.contracts.method import Method
from steerstack.contracts.metric import Measured, Metric
from steerstack.contracts.offline.fine_tune import FineTune, TrainWith
from steerstack.contracts.offline.train_with import (
    AblateInTraining,
    AddInTraining,
    PromptInTraining,
    SteerAfterTraining,
)
from steerstack.contracts.online.learner import OnlineLearner
from steerstack.contracts.online.reward import Reward, Rollout
from steerstack.contracts.organism import Built, Organism
from steerstack.contracts.pairs import OneLayer, PairBatch, PairStream
from steerstack.contracts.probe import FittedProbe, Probe
from steerstack.contracts.vector_format import VectorFormat

__all__ = [
    "AblateInTraining",
    "AddInTraining",
    "AuditOutcome",
    "AuditTest",
    "Auditor",
    "Backend",
    "Baseline",
    "BatchingModel",
    "BehaviorSource",
    "Built",
    "DataFormat",
    "Edit",
    "Engine",
    "Event",
    "Examination",
    "Extractor",
    "FineTune",
    "Fitted",
    "FittedProbe",
    "GeneratingModel",
    "Judge",
    "Labeller",
    "Listener",
    "Measured",
    "Method",
    "Metric",
    "OneLayer",
    "OnlineLearner",
    "Opened",
    "Opinion",
    "Organism",
    "PairBatch",
    "PairStream",
    "Probe",
    "PromptInTraining",
    "Questions",
    "Reward",
    "Rollout",
    "SteerAfterTraining",
    "TrainWith",
    "Tuned",
    "VectorFormat",
    "Verdict",
]
