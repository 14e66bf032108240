import json

import pytest

from tests.validation.fake import HOST_DIGEST, write

REGISTRATION = {
    "host_digest": HOST_DIGEST,
    "model_version": "7",
    "registered_at": "2026-11-24T09:00:00+00:00",
    "seed": 7,
}


@pytest.fixture(scope="session")
def results(tmp_path_factory):
    """SYNTHETIC: two workloads, four presets, one network; one cell that spreads and one that failed."""
    root = tmp_path_factory.mktemp("results") / "fake"
    for workload, scale in (("web", 1.0), ("tensorflow", 10.0)):
        for strategy, total in (("full", 4.0), ("lazy", 2.0), ("prefetch", 1.0), ("background", 1.1)):
            middle = scale * total
            wide = 0.2 if (workload, strategy) == ("web", "background") else 0.01
            totals = [middle * (1 - wide), middle, middle * (1 + wide)]
            write(root, workload, strategy, "real", totals)
            write(root, workload, strategy, "model", [1.03 * middle])
    write(root, "web", "lazy", "real", [None] * 3, rtt="80ms")
    write(root, "web", "lazy", "model", [1.0], rtt="80ms")
    (root / "registration.json").write_text(json.dumps(REGISTRATION))
    return root
