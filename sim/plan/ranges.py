"""Byte ranges and regions of a blob: which regions a read needs, which are missing, what one GET asks for.

A region is `region_size` bytes of a blob, the last one shorter; the client fetches and caches whole regions.
"""


def to_regions(offset: int, length: int, blob_size: int, region_size: int) -> tuple[int, int]:
    """Widen bytes [offset, offset + length) to whole regions.

    Returns the numbers of the first and the last region (both needed). Bytes past `blob_size` are left
    out; nothing left gives (0, −1), an empty range.
    """
    end = min(offset + length, blob_size)
    if end <= offset:
        return 0, -1
    return offset // region_size, (end - 1) // region_size


def missing(present: bytearray, first: int, last: int) -> list[int]:
    """Numbers of the regions in [first, last] that are not there.

    present: one byte a region, 0 where it is missing.
    """
    found = []
    at = present.find(0, first, last + 1)
    while at >= 0:
        found.append(at)
        at = present.find(0, at + 1, last + 1)
    return found


def merge_adjacent(regions: list[int], region_size: int, blob_size: int) -> list[tuple[int, int]]:
    """Join neighbouring regions to byte ranges.

    regions: numbers, rising. Returns (first byte, last byte) as HTTP ranges name them, the last one cut
    at the blob's end.
    """
    merged: list[tuple[int, int]] = []
    start = previous = -2
    for region in regions:
        if region != previous + 1:
            if start >= 0:
                merged.append((start * region_size, (previous + 1) * region_size - 1))
            start = region
        previous = region
    if start >= 0:
        merged.append((start * region_size, min((previous + 1) * region_size, blob_size) - 1))
    return merged
