"""Hard links of one layer: each must lead to something that is there."""

from collections.abc import Collection, Mapping

from sim.core.errors import BadBlob


def resolve_hardlinks(links: Mapping[str, str], targets: Collection[str], where: str) -> dict[str, str]:
    """Path of each hard link → path of what it finally names.

    links: clean path of a link → clean path of its target, which may be a link too.
    targets: paths that may be linked to. Raises `BadBlob` for a missing target or a cycle.
    """
    resolved: dict[str, str] = {}
    for first in links:
        chain: dict[str, None] = {}
        path = first
        while path in links and path not in resolved:
            if path in chain:
                raise BadBlob(f"{where}: hard link {first!r} leads back to itself; rebuild the layer")
            chain[path] = None
            path = links[path]
        end = resolved.get(path, path)
        if end not in targets:
            raise BadBlob(
                f"{where}: hard link {first!r} leads to {end!r}, which is no file of this layer; rebuild the layer"
            )
        resolved.update(dict.fromkeys(chain, end))
    return resolved
