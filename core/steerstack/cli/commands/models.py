"""``steerstack models``: look at a model."""

import typer

from steerstack.cli import console, options

app = typer.Typer(no_args_is_help=True, help="Look at models.")


@app.command("inspect")
def inspect(
    model: str = typer.Argument(..., help="Folder, Hugging Face id, or 'smollm2'."),
    revision: str | None = options.REVISION,
    dtype: str | None = options.DTYPE,
    device: str | None = options.DEVICE,
    remote: str | None = options.REMOTE,
    plain_http: bool = options.PLAIN_HTTP,
    json: str | None = options.JSON,
) -> None:
    """Print a model's sites, widths and residual norms by layer."""
    console.quiet()
    from rich.table import Table

    from steerstack.measure.residual_norms import residual_norms
    from steerstack.steering.site import COMPONENTS, Site
    from steerstack.trace.open import open_model

    opened = open_model(model, revision=revision, dtype=dtype, device=device, remote=remote)
    here = [
        component for component in COMPONENTS if any(opened.has(Site(component, i)) for i in range(opened.n_layers))
    ]
    norms = {component: residual_norms(opened, component) for component in here}
    about = {
        "model": opened.name,
        "architecture": type(opened.module).__name__,
        "n_layers": opened.n_layers,
        "d_model": opened.d_model,
        "dtype": str(opened.dtype).removeprefix("torch."),
        "device": str(opened.device),
        "chat_template": opened.format.chat,
        "template": opened.format.describe(),
        "fingerprint": opened.fingerprint,
        "sites": [
            {"site": str(site), "module": opened.path(site), "median_norm": norms[site.component][site.layer]}
            for layer in range(opened.n_layers)
            for site in (Site(component, layer) for component in here)
            if opened.has(site)
        ],
    }
    if console.wrote(about, json):
        return
    for key, value in about.items():
        if key != "sites":
            console.out.print(f"{key:14} {value}", highlight=False)
    table = Table("layer", *here, title="median norm over the tokens of neutral text")
    for layer in range(opened.n_layers):
        medians = (norms[component].get(layer) for component in here)
        table.add_row(str(layer), *("-" if norm is None else f"{norm:.2f}" for norm in medians))
    console.out.print(table)
    paths = ", ".join(f"{c} = {opened.path(Site(c, 0))}" for c in here if opened.has(Site(c, 0)))
    console.out.print(f"modules at layer 0: {paths}", highlight=False)
