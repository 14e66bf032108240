"""Opening and creating images by what the command line calls them."""

from sim.core.errors import BadInput
from sim.oci.archive_image import open_archive
from sim.oci.archive_sink import ArchiveSink
from sim.oci.folder_image import FolderSink, open_folder
from sim.oci.image import ImageSink, ImageSource
from sim.oci.location import LocalLocation, parse_location
from sim.oci.platform import parse_platform, this_platform


def open_image(ref: str, *, platform: str | None = None) -> ImageSource:
    """Open the image that `ref` points at.

    ref: oci:FOLDER[:TAG], oci-archive:FILE[:TAG], docker-archive:FILE[:REPO:TAG], [docker://]NAME or an existing path.
    platform: OS/ARCHITECTURE[/VARIANT], this machine's by default. Raises `BadInput`.
    """
    wanted = parse_platform(platform) if platform else this_platform()
    location = parse_location(ref)
    if isinstance(location, LocalLocation):
        opened = open_folder if location.kind == "oci" else open_archive
        return opened(location.path, location.tag, wanted)
    raise BadInput(f"image {ref!r}: only folders and archives can be opened yet")


def create_image(ref: str) -> ImageSink:
    """Begin to write an image at `ref`, of the same forms. Raises `BadInput`."""
    location = parse_location(ref)
    if isinstance(location, LocalLocation):
        if location.kind == "oci":
            return FolderSink(location.path, location.tag)
        return ArchiveSink(location.path, location.tag, docker=location.kind == "docker-archive")
    raise BadInput(f"image {ref!r}: only folders and archives can be written yet")
