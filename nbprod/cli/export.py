"""`nbprod export`: a model version as an image, manifests, a stack with monitoring, or a model file."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from nbprod.cli.common import command, model_name, print_json, short

if TYPE_CHECKING:
    from nbprod.promotion.exports.export import Export
    from nbprod.promotion.version import ModelVersion

KINDS = ("container", "kubernetes", "kserve", "compose", "onnx", "litert", "tfjs")


@command(
    click.argument("kind", type=click.Choice(KINDS)),
    click.argument("name", metavar="NAME[/vN]"),
    click.option(
        "-o", "--output", type=click.Path(path_type=Path), help="The folder to write; NAME-vN-KIND without it."
    ),
    click.option("--image", help="What the image is called, with its registry; NAME:vN without it."),
    click.option("--base", metavar="IMAGE", help="What the image is made from; Python's slim one without it."),
    click.option("--no-build", is_flag=True, help="Do not build the image."),
    epilog="container, kubernetes, kserve and compose need an image; onnx, litert and tfjs write the model alone.",
)
def export(
    kind: str, name: str, output: Path | None, image: str | None, base: str | None, no_build: bool, as_json: bool
) -> None:
    """Export a model version for others to deploy, and say what of it was tested here.

    NAME is a model or a pipeline: its champion, or what follows it: wine/v3, wine@previous.
    """
    version = _version(name)
    folder = (output or Path(f"{version.model}-v{version.version}-{kind}")).absolute()
    made = _export(kind, version, folder, image, base, build=not no_build)
    if as_json:
        return print_json(made.to_json())
    click.echo(f"{click.style(version.name, bold=True)}, {kind}: {short(made.folder)}")
    for file in made.files:
        click.echo(f"  {file}")
    for text in made.tested:
        click.echo(f"{click.style('tested', fg='green')}: {text}")
    for text in made.untested:
        click.echo(f"{click.style('not tested', fg='yellow')}: {text}")
    return None


def _version(name: str) -> ModelVersion:
    from nbprod.errors import NotFoundError
    from nbprod.project import Project
    from nbprod.promotion.registry import Registry

    project = Project.find()
    if not project.has_records:
        raise NotFoundError(f"nothing has been promoted to {name!r} yet", fix="Promote a run first: nbprod promote.")
    pipelines = project.pipelines
    model = next((one for one in pipelines if name == one or name.startswith((f"{one}/", f"{one}@"))), None)
    if model is not None:  # a pipeline's model may have a name of its own
        name = model_name(pipelines[model]) + name.removeprefix(model)
    return Registry(project).named(name, any_status=False)


def _export(
    kind: str, version: ModelVersion, folder: Path, image: str | None, base: str | None, *, build: bool
) -> Export:
    from nbprod.promotion.exports import compose, container, kserve, kubernetes, modelfile

    match kind:
        case "container":
            return container.export_container(version, folder, image=image, base=base, build=build)
        case "compose":
            return compose.export_compose(version, folder, image=image, base=base)
        case "kubernetes":
            return kubernetes.export_kubernetes(version, folder, image=image)
        case "kserve":
            return kserve.export_kserve(version, folder, image=image)
        case _:
            return modelfile.export_model(kind, version, folder)
