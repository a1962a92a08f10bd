"""Work tells how far it is in events; who does not listen hears nothing."""

import pytest

from steerstack.run.progress import SILENT, Advance, Amount, Phase, Progress, Remark


def test_every_word_is_one_event_in_order():
    heard = []
    progress = Progress(heard.append)
    progress.phase("nulls")
    progress.expect("arms", 12, 4)
    progress.expect("texts", 3)
    progress.advance("arms")
    progress.advance("arms", 5)
    progress.note("few items")
    assert heard == [
        Phase("nulls"), Amount("arms", 12, 4), Amount("texts", 3, 0), Advance("arms", 1), Advance("arms", 5),
        Remark("few items"),
    ]  # fmt: skip


def test_a_counter_counts_its_own_kind_of_work():
    heard = []
    progress = Progress(heard.append)
    arms, texts = progress.counter("arms"), progress.counter("texts")
    arms(2)
    texts(1)
    arms(3)
    assert heard == [Advance("arms", 2), Advance("texts", 1), Advance("arms", 3)]


@pytest.mark.parametrize("silent", [SILENT, Progress()])
def test_without_a_listener_work_goes_on_in_silence(silent, capsys):
    silent.phase("nulls")
    silent.expect("arms", 2)
    silent.advance("arms", 1)
    silent.counter("arms")(1)
    silent.note("few items")
    assert capsys.readouterr() == ("", "")


def test_what_a_listener_raises_stops_the_work():
    def refuse(event):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        Progress(refuse).advance("arms")
