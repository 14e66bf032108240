"""What the registry client tries again, how often and how long it waits."""

import random
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest

from sim.core.errors import RunFailed
from sim.oci import RegistryAccess, Retry, open_image
from sim.oci.retry import Fault, Tries, retry_after_s
from sim.testing.image_source import refused
from tests.oci.fake_image import LAYER
from tests.oci.fake_registry import reset, status


@pytest.mark.parametrize("number", [408, 429, 500, 502, 503, 504])
def test_what_passes_by_itself_is_tried_again(fake, blob, number):
    fake.faults["GET blob"] = [status(number, Retry_After="0"), reset, status(number)]
    assert blob.read_at(0, 5) == LAYER[:5]


def test_attempts_are_counted(fake, blob):
    fake.faults["GET blob"] = [status(503)] * 50
    assert "4 attempts" in str(refused(lambda: blob.read_at(0, 5), RunFailed))
    assert len(fake.asked("GET", "blob")) == 4


def test_a_registry_that_asks_to_wait_an_hour_is_down(fake, blob):
    fake.faults["GET blob"] = [status(429, Retry_After="3600")]
    assert "3600 s" in str(refused(lambda: blob.read_at(0, 5), RunFailed))


def test_a_registry_that_is_not_there_is_named():
    access = RegistryAccess(retry=Retry(attempts=2, first_wait_s=0.001))
    error = str(refused(lambda: open_image("127.0.0.1:1/a", access=access), RunFailed))
    assert "127.0.0.1:1/v2/a/manifests/latest" in error
    assert "refused" in error


def test_waits_double_are_jittered_and_are_the_same_for_a_seed():
    policy = Retry(attempts=9, first_wait_s=1.0, longest_wait_s=8.0)

    def waits(seed):
        tries = Tries(policy, random.Random(seed))
        for tries._failed in range(1, 7):
            yield tries.wait_s(Fault("x"))

    draws = [list(waits(seed)) for seed in range(400)]
    assert list(waits(7)) == draws[7]
    for number, most in enumerate([1, 2, 4, 8, 8, 8]):
        column = [draw[number] for draw in draws]
        assert 0 <= min(column) < 0.1 * most  # 400 even draws miss the lowest tenth once in 10^18
        assert 0.9 * most < max(column) <= most


def test_retry_after_is_seconds_or_a_date():
    assert retry_after_s("7") == 7
    assert retry_after_s(None) is None
    assert retry_after_s("soon") is None
    assert retry_after_s("-1") is None
    assert retry_after_s("Fri, 31 Dec 1999 23:59:59 GMT") == 0
    in_an_hour = retry_after_s(format_datetime(datetime.now(UTC) + timedelta(hours=1), usegmt=True))
    assert 3500 < in_an_hour <= 3600
