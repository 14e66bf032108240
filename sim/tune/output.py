"""Writing the winner: the image converted with a candidate's options."""

from sim.catalog.cache import image_folder
from sim.core.errors import BadInput, ContentMismatch
from sim.core.tree import Tree
from sim.formats.estargz import WriteOptions
from sim.image.convert import Converted, ConvertOptions, Step, convert_reference
from sim.image.layers import ANYONE
from sim.image.priorities import Priorities
from sim.oci import RegistryAccess
from sim.tune.candidate import Candidate, Written
from sim.tune.starts import priorities
from sim.tune.subject import Subject, merged_accesses


def source_of_workload(name: str) -> str:
    """Reference of a workload's image. Raises `BadInput` when it is not built on this machine."""
    folder = image_folder(name) / "oci"
    if not folder.is_dir():
        raise BadInput(f"{folder}: the image of {name} is not built here; run `lazypull catalog build {name}`")
    return f"oci:{folder}"


def write_options(written: Written) -> WriteOptions:
    """The converter's options of a candidate, its priorities apart."""
    return WriteOptions(chunk_size_bytes=written.chunk_size_bytes, min_chunk_size_bytes=written.min_chunk_size_bytes)


def write_image(
    subject: Subject,
    candidate: Candidate,
    source: str,
    target: str,
    *,
    platform: str | None = None,
    access: RegistryAccess = ANYONE,
    step: Step = lambda _text, _number: None,
) -> Converted:
    """Convert the image `source` to a candidate's layout at `target`; both as `sim.oci.open_image` takes them.

    step: hears what is done with which layer. Raises `ContentMismatch` when the image's files are not the subject's.
    """
    chosen = priorities(subject, candidate.written, merged_accesses(subject.tuned, subject.tree))

    def choose(tree: Tree, layers: int) -> Priorities:
        if tree.content_id != subject.tree.content_id:
            raise ContentMismatch(
                f"{source}: holds content {tree.content_id}, tuned was {subject.tree.content_id}: they are not the "
                "same files; build the image again or tune this one by its reference"
            )
        return Priorities(tuple(map(tuple, [*chosen, *([] for _ in range(layers - len(chosen)))])))

    options = ConvertOptions(write=write_options(candidate.written), choose=choose)
    return convert_reference(source, target, options, platform=platform, access=access, step=step)
