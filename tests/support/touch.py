"""Tests that belong to the quick tier whatever they cost: nothing cheaper runs anything of their modules."""

_STUDIES = "Efficiency", "Gates", "Generalize", "LabelErrors", "OnlineRL", "Prevention", "ReadOut", "Stack", "Sweep"
TOUCH = frozenset({
    *(f"tests/core/study/test_study.py::Test{study}::test_page" for study in _STUDIES),
    "tests/core/cli/test_starter_files.py::test_a_new_behaviour_is_checked_and_split_as_written",
    "tests/core/study/frontier/test_points.py::test_the_forecast_counts_every_point_without_reading_the_test",
    "tests/core/study/stack/test_companions.py::test_order_is_tried_at_one_layer_and_decided_by_the_pass_at_two",
    "tests/core/study/test_forecast.py::test_the_forecast_counts_fits_and_items_and_reads_no_test_item",
    "tests/core/trace/remote/test_server.py::test_extraction_is_one_request",
    "tests/core/trace/remote/test_server.py::test_it_is_the_same_model",
    "tests/plugins/baselines/common/test_nearness.py::test_the_loss_is_that_of_a_loop_written_out_and_every_benign_token_is_edited",
    "tests/plugins/evidence/test_run.py::test_pages_are_built_without_a_model_and_a_changed_digit_makes_them_stale",
    "tests/plugins/sandbagging/audit/test_probes.py::test_sides_are_activations_and_answers_of_the_same_items",
    "tests/plugins/sandbagging/commands/test_game.py::test_opinions_from_elsewhere_must_be_whole",
    "tests/plugins/sandbagging/commands/test_record.py::test_an_audit_is_kept_without_the_answer",
    "tests/registry/test_commands.py::test_a_flipped_byte_in_the_vector_is_named",
})  # fmt: skip
"""By node id without parameters."""
