"""The addresses that ``steerstack ui`` prints."""

from steerstack_registry.pages.links import experiment_links
from steerstack_registry.write.outbox import record


def test_experiments_open_in_the_view_for_training_runs(store, make_run):
    assert list(experiment_links("http://127.0.0.1:5000", store)) == []
    record(make_run())
    ((name, address),) = experiment_links("http://127.0.0.1:5000/", store)
    assert name == "steerstack/myopia"
    assert address == "http://127.0.0.1:5000/#/experiments/1?workflowType=machine_learning"
