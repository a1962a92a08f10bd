"""A plugin author's file, run by pytest: what passes, what fails, and what a report shows."""

from tests.support.inner_pytest import run_pytest

MINE = '''
"""A method of one's own."""

from steerstack.contracts import Extractor


class Mine(Extractor):
    """The difference of the first pair (arXiv 2312.06681, eq. 1, of one pair)."""

    name = "mine"
    paper = "arXiv 2312.06681"

    def fit(self, pairs):
        batch = next(iter(pairs))
        return dict(zip(pairs.layers, batch.positive[0] - batch.negative[0]))
'''
TEST = """
from mine import Mine
from steerstack.testing import ExtractorContract


class TestMine(ExtractorContract):
    method = Mine()


class TestExempt(ExtractorContract):
    method = Mine()
    exempt = {"pair_order": "it takes the first pair"}


class TestNoReason(ExtractorContract):
    method = Mine()
    exempt = {"pair_order": ""}
"""


def test_a_file_of_ones_own(tmp_path):
    (tmp_path / "mine.py").write_text(MINE)
    (tmp_path / "test_mine.py").write_text(TEST)
    options = ["--junitxml=report.xml", "-k", "pair_order or exemptions or recovers"]
    process = run_pytest(tmp_path / "test_mine.py", *options, cwd=tmp_path)
    failed = sorted(line.split(" - ")[0] for line in process.stdout.splitlines() if line.startswith("FAILED"))
    assert failed == [
        "FAILED test_mine.py::TestMine::test_pair_order",
        "FAILED test_mine.py::TestNoReason::test_exemptions_have_reasons",
        "FAILED test_mine.py::TestNoReason::test_pair_order",
    ], process.stdout
    assert "The direction depends on the order of the pairs." in process.stdout
    assert (
        '<property name="exempt" value="pair_order: it takes the first pair"' in (tmp_path / "report.xml").read_text()
    )
