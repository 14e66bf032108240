"""Put the image of an OCI folder into a registry over plain HTTP. Source: OCI distribution-spec, "Push"."""

import http.client
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import urlsplit

import msgspec

from sim.core.errors import BadInput, RunFailed

AT_MOST_S = 300.0  # for one blob


class Descriptor(msgspec.Struct, frozen=True, rename="camel"):
    """What an OCI document says of a blob."""

    media_type: str
    digest: str
    size: int


class Index(msgspec.Struct, frozen=True):
    """`index.json` of an OCI folder."""

    manifests: list[Descriptor]


class Manifest(msgspec.Struct, frozen=True):
    """An image manifest."""

    config: Descriptor
    layers: list[Descriptor]


def push(folder: Path, host: str, repository: str, tag: str) -> str:
    """Push the one image of an OCI folder as HOST/REPOSITORY:TAG and return that reference.

    host: address:port. Blobs the registry has are not sent again. Raises `BadInput` when the folder does not hold
    exactly one image, `RunFailed` when the registry refuses something.
    """
    entry, raw, manifest = _image(folder)
    connection = http.client.HTTPConnection(host, timeout=AT_MOST_S)
    try:
        for descriptor in [*manifest.layers, manifest.config]:
            _push_blob(connection, repository, descriptor, _blob(folder, descriptor.digest))
        _ask(connection, "PUT", f"/v2/{repository}/manifests/{tag}", raw, {"Content-Type": entry.media_type})
    finally:
        connection.close()
    return f"{host}/{repository}:{tag}"


def layer_digests(folder: Path) -> list[str]:
    """The layers of the one image of an OCI folder, lowest first. Raises `BadInput` as `push` does."""
    return [layer.digest for layer in _image(folder)[2].layers]


def _image(folder: Path) -> tuple[Descriptor, bytes, Manifest]:
    """The image's entry in the index, its manifest as it is there, and decoded."""
    try:
        (entry,) = msgspec.json.decode((folder / "index.json").read_bytes(), type=Index).manifests
        raw = _blob(folder, entry.digest).read_bytes()
        return entry, raw, msgspec.json.decode(raw, type=Manifest)
    except (OSError, ValueError) as error:
        raise BadInput(
            f"{folder}: not an OCI folder of one image ({error}); build it with `lazypull catalog build`"
        ) from None


def _blob(folder: Path, digest: str) -> Path:
    return folder / "blobs" / "sha256" / digest.removeprefix("sha256:")


def _push_blob(connection: http.client.HTTPConnection, repository: str, descriptor: Descriptor, file: Path) -> None:
    """Send one blob as a whole: ask for a place, then put it there."""
    if _status(connection, "HEAD", f"/v2/{repository}/blobs/{descriptor.digest}") == http.HTTPStatus.OK:
        return
    place = urlsplit(_ask(connection, "POST", f"/v2/{repository}/blobs/uploads/", b"", {}))
    target = f"{place.path}?{place.query}&digest={descriptor.digest}"
    headers = {"Content-Type": "application/octet-stream", "Content-Length": str(descriptor.size)}
    with file.open("rb") as body:
        connection.request("PUT", target, body=body, headers=headers)
        _accepted(connection.getresponse(), "PUT", target)


def _status(connection: http.client.HTTPConnection, method: str, path: str) -> int:
    connection.request(method, path)
    answer = connection.getresponse()
    answer.read()
    return answer.status


def _ask(
    connection: http.client.HTTPConnection, method: str, path: str, body: bytes, headers: Mapping[str, str]
) -> str:
    """Send a request and return where the answer points to, if anywhere."""
    connection.request(method, path, body=body, headers=dict(headers))
    return _accepted(connection.getresponse(), method, path)


def _accepted(answer: http.client.HTTPResponse, method: str, path: str) -> str:
    text = answer.read()
    if answer.status not in (http.HTTPStatus.CREATED, http.HTTPStatus.ACCEPTED):
        raise RunFailed(f"the registry answered {answer.status} to {method} {path}: {text[:200]!r}")
    return answer.headers.get("Location", "")
