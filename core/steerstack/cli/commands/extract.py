"""``steerstack extract``: make a vector."""

from pathlib import Path

import typer

from steerstack.catalog.lookup import find
from steerstack.cli import assignments, console, options, progress_bars


@options.spread
def extract(
    *,
    data: str = options.DATA,
    out: Path = typer.Option(..., help="Vector file to write (.safetensors)."),
    source: options.DataOptions,
    model: options.ModelOptions,
    method: str = typer.Option("mean-difference", help="Extractor; `steerstack plugins list` shows all."),
    set_: list[str] = options.SET,
    position: str | None = typer.Option(None, help="answer, last or response; the method's own by default."),
    component: str | None = typer.Option(None, help="resid_pre, attn_out, mlp_out, resid_post; the method's own."),
    dump: Path | None = options.DUMP,
    form: str | None = typer.Option(None, help="Answer form at --position answer: '(A' (the usual one), 'A', ..."),
    record: bool = typer.Option(False, help="Keep the vector in the registry too."),
    tracking_uri: str | None = options.TRACKING,
    json: str | None = options.HEADER,
) -> None:
    """Make a steering vector from contrast pairs, at every layer."""
    console.quiet()
    from steerstack.catalog.recorder import check_places
    from steerstack.data.questions import contrast_pairs
    from steerstack.measure.dump_tokens import dump_pairs
    from steerstack.records.vector import record_vector
    from steerstack.steering.site import Site
    from steerstack.techniques.extract import extract as extract_vector
    from steerstack.util.files import check_target

    for target in (out, dump, None if json == "-" else json):
        if target:
            check_target(Path(target))
    if record and (away := check_places(record=True, tracking_uri=tracking_uri)):
        console.note(away)
    extractor = find("extractor", method).make(assignments.settings(set_))
    pairs = source.items(data)
    opened = model.opened(form=form)
    site = Site(component or extractor.component, 0)  # type: ignore[arg-type]  # checked there
    position = position or extractor.position
    if dump:
        dump_pairs(dump, contrast_pairs(opened.format, pairs, position))
    with progress_bars.bars() as bars:
        progress = bars.of("pairs", len(pairs))
        vector = extract_vector(
            opened, pairs, extractor, position=position, component=site.component, progress=progress
        )
    vector.save(out)
    if record:
        record_vector(vector, opened, pairs, tracking_uri=tracking_uri)
    if not console.wrote({"path": str(out), "fingerprint": vector.fingerprint, **vector.header()}, json):
        console.out.print(
            f"{out}: {len(vector.layers)} layers of width {vector.d_model} from {len(pairs)} pairs of "
            f"{pairs.behavior}, at {vector.component}, read at {position}; it acts by {vector.edit}",
            highlight=False,
        )
