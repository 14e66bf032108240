"""Images in OCI folders, put together from layers that the reference tool wrote or that are made on the spot."""

import gzip
import hashlib
import io
import json
import tarfile
from dataclasses import dataclass, field

from sim.oci import Descriptor, create_image
from sim.oci.documents import encode_manifest
from tests.formats.samples import DATA, FACTS, blob_path, reference_dump, tar_path

OCI = "application/vnd.oci.image"
DOCKER = "application/vnd.docker"
GZIP, ZSTD = f"{OCI}.layer.v1.tar+gzip", f"{OCI}.layer.v1.tar+zstd"
TOC_DIGEST = "containerd.io/snapshot/stargz/toc.digest"
LAYER_DIGEST = "containerd.io/snapshot/stargz/layer.digest"
UNCOMPRESSED_SIZE = "io.containers.estargz.uncompressed-size"


def sha(data):
    return f"sha256:{hashlib.sha256(data).hexdigest()}"


@dataclass
class Layer:
    """A layer to be: its blob, and what config and manifest say of it."""

    data: bytes
    diff_id: str
    media_type: str = GZIP
    annotations: dict = field(default_factory=dict)


def reference_layer(name, **annotations):
    """A blob of the reference tool, with the annotations that its converter gives a layer."""
    facts, data = dict(FACTS[name]), blob_path(name).read_bytes()
    if name == "legacy":  # written by hand, so only the reference reader spoke of it
        raw = gzip.decompress(data)
        facts |= {
            "toc_digest": reference_dump(name)[0]["toc_digest"],
            "diff_id": sha(raw),
            "uncompressed_size": len(raw),
        }
    said = {TOC_DIGEST: facts["toc_digest"], UNCOMPRESSED_SIZE: str(facts["uncompressed_size"])}
    said |= facts.get("annotations", {})
    media_type = ZSTD if name.startswith("zstd") else GZIP
    return Layer(data, facts["diff_id"], media_type, said | annotations)


def reference_toc(name):
    """The TOC's blob of a layer that has its TOC apart."""
    data = (DATA / f"{name}.toc").read_bytes()
    return Layer(data, sha(gzip.decompress(data)), GZIP, {LAYER_DIGEST: FACTS[name]["digest"]})


def tar_layer(name):
    """The ordinary layer that the reference tool made a blob of."""
    data = tar_path(name).read_bytes()
    return Layer(data, sha(gzip.decompress(data)))


def made_layer(entries):
    """An ordinary layer. entries: name → bytes of a file, None for a folder, "-> target" for a symbolic link."""
    raw = io.BytesIO()
    with tarfile.open(fileobj=raw, mode="w", format=tarfile.PAX_FORMAT) as archive:
        for name, content in entries.items():
            member = tarfile.TarInfo(name)
            member.mode = 0o755
            if content is None:
                member.type = tarfile.DIRTYPE
            elif isinstance(content, str):
                member.type, member.linkname = tarfile.SYMTYPE, content.removeprefix("-> ")
            else:
                member.size = len(content)
            archive.addfile(member, io.BytesIO(content) if isinstance(content, bytes) else None)
    return Layer(gzip.compress(raw.getvalue(), mtime=0), sha(raw.getvalue()))


def put_image(ref, layers, *, tmp, annotations=None, config=None, docker=False):
    """Write an image; returns the descriptor of its manifest."""
    kinds = (f"{DOCKER}.container.image.v1+json", f"{DOCKER}.distribution.manifest.v2+json")
    config_type, manifest_type = kinds if docker else (f"{OCI}.config.v1+json", f"{OCI}.manifest.v1+json")
    whole = {
        "os": "linux",
        "architecture": "amd64",
        "rootfs": {"type": "layers", "diff_ids": [layer.diff_id for layer in layers]},
    } | (config or {})
    with create_image(ref) as sink:
        descriptors = []
        for layer in layers:
            file = tmp / "blob-to-put"
            file.write_bytes(layer.data)
            descriptors.append(
                Descriptor(
                    media_type=layer.media_type,
                    digest=sha(layer.data),
                    size=len(layer.data),
                    annotations=layer.annotations,
                )
            )
            sink.put_blob(descriptors[-1], file)
            file.unlink()
        at = sink.put_document(config_type, json.dumps(whole).encode())
        raw = encode_manifest(at, descriptors, annotations=annotations or {}, media_type=manifest_type)
        manifest = sink.put_document(manifest_type, raw)
        sink.finish(manifest)
    return manifest


def read_blob(folder, digest):
    return (folder / "blobs" / "sha256" / digest.removeprefix("sha256:")).read_bytes()


def manifest_of(folder, tag=None):
    """Manifest and config in an OCI folder, read without the package."""
    entries = json.loads((folder / "index.json").read_bytes())["manifests"]
    named = [entry for entry in entries if tag in (None, entry["annotations"]["org.opencontainers.image.ref.name"])]
    manifest = json.loads(read_blob(folder, named[0]["digest"]))
    return manifest, json.loads(read_blob(folder, manifest["config"]["digest"]))
