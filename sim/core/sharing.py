"""Which chunks share a gzip member: the rule of the writer, and of the estimate, which packs nothing.

Chunks come in batches, whose bounds depend on raw sizes alone. In a batch they make runs: a run ends with the chunk at
which its chunks, each packed by itself less what it is likely to save behind others, reach the least size and an
eighth. Both sides know that exactly. A member is a run; while it is too short it takes in as many runs more as it has,
and a short last one joins the one before. Whether it is short depends on how well chunks deflate together, which is
estimated to a few percent only: so few cuts depend on that, and those that follow a wrong one do not.
"""

PART_BYTES = 1 << 10  # about what a chunk takes in memory beside its bytes and its JSON
BATCH_BYTES = 4 << 20  # of a batch, at least; half of what is on its way for eight threads
BATCH_MEMBERS = 32  # about so many members in a batch, as long as it is packed in memory whole
GZIP_WHOLE_BYTES = 16 << 20  # of a member that is packed in memory whole; the longest chunk the tuner tries
STRIDE_BYTES = 1 << 18  # of a file, of which the first 64 KiB stand for all in what it packs to alone
MOST_SAVED = 500  # bytes of a chunk, and at most half of them: what is usual in the catalogue's images


def batch_bytes(min_chunk_size: int, whole_bytes: int) -> int:
    """Bytes at which a batch ends, `PART_BYTES` of each chunk among them. whole_bytes: packed in memory whole."""
    return min(max(BATCH_BYTES, BATCH_MEMBERS * min_chunk_size), whole_bytes)


def run_bytes(min_chunk_size: int) -> int:
    """Joined bytes at which a run ends."""
    return min_chunk_size + min_chunk_size // 8


def joined_bytes(alone: int) -> int:
    """About what a chunk adds to a member. alone: packed bytes of it by itself, as strides tell."""
    return alone - min(alone // 2, MOST_SAVED)
