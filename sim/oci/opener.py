"""Opening and creating images by what the command line calls them."""

from sim.oci.access import RegistryAccess
from sim.oci.archive_image import open_archive
from sim.oci.archive_sink import ArchiveSink
from sim.oci.folder_image import FolderSink, open_folder
from sim.oci.image import ImageSink, ImageSource
from sim.oci.location import LocalLocation, parse_location
from sim.oci.platform import parse_platform, this_platform
from sim.oci.registry_image import RegistrySink, open_from_registry

ANYONE = RegistryAccess()


def open_image(ref: str, *, platform: str | None = None, access: RegistryAccess = ANYONE) -> ImageSource:
    """Open the image that `ref` points at.

    ref: oci:FOLDER[:TAG], oci-archive:FILE[:TAG], docker-archive:FILE[:REPO:TAG], [docker://]NAME or an existing path.
    platform: OS/ARCHITECTURE[/VARIANT], this machine's by default. access: login, TLS and patience for a registry.
    Raises `BadInput` or `BadBlob` for what is wrong, `RunFailed` when a registry cannot be spoken to.
    """
    wanted = parse_platform(platform) if platform else this_platform()
    location = parse_location(ref)
    if isinstance(location, LocalLocation):
        opened = open_folder if location.kind == "oci" else open_archive
        return opened(location.path, location.tag, wanted)
    return open_from_registry(location, access, wanted)


def create_image(ref: str, *, access: RegistryAccess = ANYONE) -> ImageSink:
    """Begin to write an image at `ref`, of the same forms as for `open_image`. Raises `BadInput`.

    A folder gets the image beside those it has; an archive is replaced.
    """
    location = parse_location(ref)
    if isinstance(location, LocalLocation):
        if location.kind == "oci":
            return FolderSink(location.path, location.tag)
        return ArchiveSink(location.path, location.tag, docker=location.kind == "docker-archive")
    return RegistrySink(location, access)
