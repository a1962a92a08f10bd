"""Every test of the battery does what a test of an audit has to do."""

from steerstack.catalog.manager import plugins
from steerstack.testing import AuditTestContract
from steerstack_plugins.sandbagging.audit.battery import BESIDE, TESTS
from steerstack_plugins.sandbagging.audit_tests import gains, knowledge, noise, plain, reinforcement

FEW = {"n": 4, "baseline": "rank1-reft", "settings": {"epochs": 1}}


class TestShortfall(AuditTestContract):
    audit_test = plain.Shortfall()


class TestInconsistency(AuditTestContract):
    audit_test = plain.Inconsistency()


class TestContextGap(AuditTestContract):
    audit_test = plain.ContextGap()


class TestDemonstrationGain(AuditTestContract):
    audit_test = gains.DemonstrationGain(n=2)


class TestInstructionGain(AuditTestContract):
    audit_test = gains.InstructionGain()


class TestPrefillGain(AuditTestContract):
    audit_test = gains.PrefillGain()


class TestSteeringGain(AuditTestContract):
    audit_test = gains.SteeringGain()


class TestTrainedVectorGain(AuditTestContract):
    audit_test = gains.TrainedVectorGain(n=4, epochs=1)


class TestFineTuningGain(AuditTestContract):
    audit_test = gains.FineTuningGain(**FEW)


class TestDomainGap(AuditTestContract):
    audit_test = gains.DomainGap(**FEW)


class TestWeightNoiseGain(AuditTestContract):
    audit_test = noise.WeightNoiseGain(shares=(0.1,), draws=1)


class TestActivationNoiseGain(AuditTestContract):
    audit_test = noise.ActivationNoiseGain(shares=(1.0,), draws=1)


class TestKnowledgeProbe(AuditTestContract):
    audit_test = knowledge.KnowledgeProbe()


GRPO = {"steps": 1, "look": 1, "prompts": 1, "generations": 2, "answer_tokens": 1}


class TestReinforcementGain(AuditTestContract):
    audit_test = reinforcement.ReinforcementGain(n=4, reinforcement=GRPO)


class TestSFTThenGRPOGain(AuditTestContract):
    audit_test = reinforcement.SFTThenGRPOGain(n=4, baseline="full-sft", settings={"epochs": 1}, reinforcement=GRPO)


def test_every_test_is_checked_and_in_the_battery_or_beside_it():
    ours = {name: cls for name, cls in plugins().offers("audit-test").items() if "/" not in name}
    checked = {type(cls.audit_test) for cls in globals().values() if hasattr(cls, "audit_test")}
    assert set(ours.values()) == checked
    assert set(ours) == {*TESTS, *BESIDE}
