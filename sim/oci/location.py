"""Where an image lies, as the command line names it: a folder, an archive or a registry."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from sim.core.errors import BadInput
from sim.oci.reference import Reference, parse_reference

Kind = Literal["oci", "oci-archive", "docker-archive"]
KINDS: tuple[Kind, ...] = ("oci", "oci-archive", "docker-archive")
REGISTRY_PREFIX = "docker://"
FORMS = "oci:FOLDER[:TAG], oci-archive:FILE[:TAG], docker-archive:FILE[:REPO:TAG] or [docker://]NAME[:TAG][@DIGEST]"


@dataclass(frozen=True, slots=True)
class LocalLocation:
    """A folder or archive; `tag` is what the image is called inside, None for the only one."""

    kind: Kind
    path: Path
    tag: str | None


Location = LocalLocation | Reference


def parse_location(text: str) -> Location:
    """Tell where `text` points. Raises `BadInput`.

    A bare text is a path if something is there, or if it starts with "/", "./" or "../"; else it is a name.
    As in skopeo, the first colon after a kind ends the path.
    """
    kind, colon, rest = text.partition(":")
    for known in KINDS:
        if kind == known and colon:
            path, _, tag = rest.partition(":")
            if not path:
                raise BadInput(f"image {text!r} names no path; write {FORMS}")
            return LocalLocation(known, Path(path), tag or None)
    if text.startswith(REGISTRY_PREFIX):
        return parse_reference(text.removeprefix(REGISTRY_PREFIX))
    if Path(text).exists():
        return _existing(Path(text))
    if text.startswith(("/", "./", "../")):
        raise BadInput(f"image {text!r}: nothing is there; to write a new one, say {FORMS}")
    return parse_reference(text)


def _existing(path: Path) -> LocalLocation:
    if path.is_dir():
        return LocalLocation("oci", path, None)
    return LocalLocation("docker-archive", path, None)  # its reader takes OCI archives too
