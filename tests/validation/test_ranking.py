"""Order of presets: right, wrong, or too close to say."""

from sim.validation.compare import compare
from tests.validation.fake import write


def verdicts(folder):
    return {(row.strategy, row.later): row.verdict for row in compare(folder).ranking}


def test_pairs_apart_by_more_than_their__must_be_ordered_alike(tmp_path):
    write(tmp_path, "web", "full", "real", [2.9, 3.0, 3.1])
    write(tmp_path, "web", "lazy", "real", [1.9, 2.0, 2.1])
    write(tmp_path, "web", "prefetch", "real", [1.85, 1.95, 2.05])  # 0.05 sooner, ranges 0.2 + 0.2
    for strategy, total in (("full", 1.9), ("lazy", 2.0), ("prefetch", 1.8)):
        write(tmp_path, "web", strategy, "model", [total])
    assert verdicts(tmp_path) == {
        ("lazy", "full"): "wrong",
        ("prefetch", "full"): "right",
        ("prefetch", "lazy"): "undecided",
    }


def test_presets_of_different_networks_are_no_pair(tmp_path):
    for rtt, strategy in (("1ms", "full"), ("2ms", "lazy")):
        write(tmp_path, "web", strategy, "real", [1.0], rtt=rtt)
        write(tmp_path, "web", strategy, "model", [1.0], rtt=rtt)
    assert verdicts(tmp_path) == {}
