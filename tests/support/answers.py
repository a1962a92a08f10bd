"""Whether what a result says follows from its frame alone, as it lies on the disk."""

from dataclasses import replace

import pandas as pd

from steerstack.report.html import write_frame


def held_to_its_frame(result, folder, column="effect"):
    """Read the result's frame again, compare what it says, and see it say otherwise once a number has changed."""
    table, _ = write_frame(result.rows(), folder)
    frame = pd.read_parquet(table)
    again = result.study.answer(replace(result.items, frame=frame))
    assert again.verdict == result.verdict
    assert again.tables == result.answer.tables
    assert again.plots == result.answer.plots
    assert set(again.lead) <= set(again.sentences) | {sentence.split(" Across, ")[0] for sentence in again.sentences}
    frame.loc[frame.index[-1], column] += 1.0
    assert result.study.answer(replace(result.items, frame=frame)).tables != again.tables
