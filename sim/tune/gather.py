"""Gathering a `Subject`: from the catalog, by the name of a workload, or from any image."""

from collections.abc import Sequence
from pathlib import Path

from sim.catalog import Workload, workload
from sim.catalog.cache import cached_layers
from sim.catalog.workloads import recipe
from sim.core.bundle import HEADER_FILE
from sim.core.errors import BadInput, ContentMismatch
from sim.core.host import Host
from sim.core.layout import Layout
from sim.core.network import Network
from sim.core.trace import Trace
from sim.experiment.inputs import Inputs
from sim.formats.blocks import measure_image
from sim.oci import RegistryAccess, open_image
from sim.plan.compile import compile_program
from sim.plan.plain import way_s
from sim.tune.subject import Recorded, Subject

TRACE_SUFFIX = ".trace"


def subject_of_workload(
    name: str, traces: Sequence[Path], judge: Sequence[Path], *, networks: dict[str, Network], host: Host
) -> Subject:
    """Gather a workload of the catalog.

    traces: to tune on; none: its throttled recording. judge: to judge on; none: its second throttled recording, where
    it has one that is not tuned on.
    Raises `BadInput` where something is missing and `ContentMismatch` where a trace is of other files.
    """
    found, inputs = workload(name), Inputs()
    gzip = inputs.layout(found.layouts["gzip"])
    inputs.check_blocks(found)
    local = inputs.trace(found.traces["local"])
    way = 0.0
    if local.header.plain_ready_s is not None:
        way = way_s(compile_program(local, gzip), local.header.plain_ready_s)
    tuned = list(traces) or [found.traces["throttled"]]
    judged = list(judge) or [path for path in (found.second_trace,) if _is_another(path, tuned)]
    return Subject(
        name=name,
        tree=inputs.tree(found.tree),
        gzip=gzip,
        blocks=inputs.blocks(found.blocks),
        host=host,
        tuned=read_recordings(tuned, gzip.content_id, bound=local, way=way),
        judged=read_recordings(judged, gzip.content_id, bound=local, way=way),
        networks=networks,
        layers=_layers_at_hand(found),
        references=tuple(_references(found, inputs, tuned)),
    )


def subject_of_image(
    ref: str,
    traces: Sequence[Path],
    judge: Sequence[Path],
    *,
    networks: dict[str, Network],
    host: Host,
    scratch: Path,
    platform: str | None = None,
    access: RegistryAccess | None = None,
) -> Subject:
    """Gather any image that `sim.oci.open_image` opens; its layers are fetched to `scratch` and measured there.

    traces, judge: recordings to tune and to judge on. Raises `BadInput` without a trace to tune on, and what
    opening, fetching and measuring raise.
    """
    if not traces:
        raise BadInput(f"{ref}: needs a recording to tune on; pass a trace (`lazypull trace record`) after the image")
    layers = []
    with open_image(ref, platform=platform, access=access or RegistryAccess()) as image:
        for number, descriptor in enumerate(image.layers):
            layers.append(scratch / f"layer-{number}")
            image.fetch(descriptor, layers[-1])
    tree, gzip, blocks = measure_image(layers)
    return Subject(
        name=ref,
        tree=tree,
        gzip=gzip,
        blocks=blocks,
        host=host,
        tuned=read_recordings(traces, tree.content_id),
        judged=read_recordings(judge, tree.content_id),
        networks=networks,
        layers=tuple(layers),
    )


def read_recordings(
    paths: Sequence[Path], content_id: str, *, bound: Trace | None = None, way: float = 0.0
) -> tuple[Recorded, ...]:
    """Read traces of one image. bound: what the clairvoyant replays; None: each trace itself."""
    inputs, found = Inputs(), []
    for path in paths:
        trace = inputs.trace(path)
        if trace.header.content_id != content_id:
            raise ContentMismatch(
                f"{path}: was recorded on content {_short(trace.header.content_id)} but the image has "
                f"{_short(content_id)}: they are not the same files; record it on this image"
            )
        found.append(Recorded(_label(path, paths), trace, bound or trace, way))
    return tuple(found)


def _is_another(path: Path, others: Sequence[Path]) -> bool:
    return (path / HEADER_FILE).exists() and path.resolve() not in {other.resolve() for other in others}


def _label(path: Path, paths: Sequence[Path]) -> str:
    """The trace's own name, or its whole path where two have the same name."""
    name = path.name.removesuffix(TRACE_SUFFIX)
    return str(path) if sum(other.name == path.name for other in paths) > 1 else name


def _layers_at_hand(found: Workload) -> tuple[Path, ...]:
    layers = tuple(layer.blob for layer in cached_layers(recipe(found.name), found.folder))
    return layers if all(layer.is_file() for layer in layers) else ()


def _references(found: Workload, inputs: Inputs, tuned: Sequence[Path]) -> list[tuple[str, Layout]]:
    """Catalog layouts that are a baseline's real one; the landmark one was made from the throttled recording."""
    listed = [("default", found.layouts["estargz"])]
    if [path.resolve() for path in tuned] == [found.traces["throttled"].resolve()]:
        listed.append(("full landmark", found.layouts["estargz-landmark"]))
    return [(name, inputs.layout(path)) for name, path in listed if (path / HEADER_FILE).exists()]


def _short(content_id: str) -> str:
    return f"{content_id.removeprefix('sha256:')[:12]}…"
