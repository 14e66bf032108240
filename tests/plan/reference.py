"""A slow, obvious compile: walks from every operation to its ancestors, one at a time."""

LOOKUPS = {"lookup", "getattr", "open", "readlink", "getxattr"}
CHANGES = {"write", "create", "rename", "unlink", "mkdir"}


def compile_slowly(trace, layout):
    """What `compile_program` must find, as plain lists: steps and marks with anchor, gap and hits."""
    marks = [(row["name"], row["at_ns"]) for row in trace.marks.to_pylist()]
    last = max((at for _, at in marks), default=float("inf"))
    ops = [
        row
        for row in trace.operations.to_pylist()
        if row["layer"] >= 0 and row["kind"] not in CHANGES and row["start_ns"] <= last
    ]
    entries = layout.entries.to_pylist()
    row_of = {(entry["layer"], entry["path"]): row for row, entry in enumerate(entries)}
    extents = layout.extents.to_pylist()
    for number, one in enumerate(ops):
        one["before"] = last_ended(ops[:number], one["start_ns"])
        one["units"] = []
        if one["kind"] == "read":
            one["entry"] = row_of[one["layer"], one["path"]]
            while entries[one["entry"]]["kind"] == "hardlink":
                one["entry"] = row_of[one["layer"], entries[one["entry"]]["link"]]
            size = entries[one["entry"]]["size"]
            first, end = min(one["offset"], size), min(one["offset"] + one["length"], size)
            one["first"], one["bytes"] = first, end - first
            for extent in extents:
                begins = extent["file_offset"]
                overlaps = begins < end and first < begins + extent["length"] and first < end
                if extent["entry"] == one["entry"] and overlaps and extent["unit"] not in one["units"]:
                    one["units"].append(extent["unit"])
        touched = set()
        for ancestor in way(ops, one["before"]):
            touched.update(ops[ancestor]["units"])
        one["step"] = not set(one["units"]) <= touched
    steps = [row for row, one in enumerate(ops) if one["step"]]
    found = []
    for row in steps:
        one = ops[row]
        after = between(ops, steps, one["before"], one["start_ns"])
        found.append((*after, one["entry"], one["first"], one["bytes"], one["units"], one["copy_up"]))
    ends = [(name, *between(ops, steps, last_ended(ops, at), at)) for name, at in marks]
    return found, ends, len(ops)


def last_ended(ops, at_ns):
    ended = [(one["end_ns"], row) for row, one in enumerate(ops) if one["end_ns"] <= at_ns]
    return max(ended)[1] if ended else -1


def way(ops, row):
    while row >= 0:
        yield row
        row = ops[row]["before"]


def between(ops, steps, before, at_ns):
    """Anchor, gap in ns and (reads, bytes, lookups, readdirs) on the way back to the nearest step."""
    gap, hits = 0, [0, 0, 0, 0]
    later = at_ns
    for row in way(ops, before):
        one = ops[row]
        gap += later - one["end_ns"]
        if one["step"]:
            return steps.index(row), gap, tuple(hits)
        hits[0] += one["kind"] == "read"
        hits[1] += one.get("bytes", 0)
        hits[2] += one["kind"] in LOOKUPS
        hits[3] += one["kind"] == "readdir"
        later = one["start_ns"]
    return -1, gap + later, tuple(hits)
