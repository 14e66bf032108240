"""Cases follow what distribution/reference v0.6.0 accepts and refuses (reference_test.go, normalize_test.go)."""

import pytest

from sim.core.errors import BadInput
from sim.oci.reference import parse_reference

F64 = "sha256:" + "f" * 64

GOOD = [
    ("ubuntu", "docker.io", "library/ubuntu", None, None),
    ("ubuntu:22.04", "docker.io", "library/ubuntu", "22.04", None),
    ("docker.io/ubuntu", "docker.io", "library/ubuntu", None, None),
    ("index.docker.io/ubuntu", "docker.io", "library/ubuntu", None, None),
    ("library/foo/bar", "docker.io", "library/foo/bar", None, None),
    ("org/app", "docker.io", "org/app", None, None),
    ("test.com:5000", "docker.io", "library/test.com", "5000", None),  # no slash: a tag, not a port
    ("test:5000/repo", "test:5000", "repo", None, None),
    (f"test:5000/repo:tag@{F64}", "test:5000", "repo", "tag", F64),
    ("localhost/a", "localhost", "a", None, None),
    ("LOCALDOMAIN/a", "LOCALDOMAIN", "a", None, None),
    ("[2001:db8::1]:5000/repo:tag", "[2001:db8::1]:5000", "repo", "tag", None),
    ("xn--n3h.com/myimage:xn--n3h.com", "xn--n3h.com", "myimage", "xn--n3h.com", None),
    ("dock__er/docker---x", "docker.io", "dock__er/docker---x", None, None),
    ("lowercase:Uppercase", "docker.io", "library/lowercase", "Uppercase", None),
    ("docker.io/" + "1a" * 32, "docker.io", "library/" + "1a" * 32, None, None),
    ("example.com/" + "a" * 255, "example.com", "a" * 255, None, None),
    ("a.b/c:" + "t" * 128, "a.b", "c", "t" * 128, None),
]
BAD = [
    *("", ":justtag", f"@{F64}", "repo@sha256:" + "f" * 34, "name@wrong:" + "f" * 64, f"repo@{F64.upper()}"),
    *("Uppercase:tag", "test:5000/Upper/lower:tag", "docker/Docker", "aa/asdf$$^/aa", "https://github.com/a/b"),
    *("-docker", "docker-/docker", "docker///docker", "docker/", "dock..er/a", "dock_.er/a", "____/____"),
    *("[2001:db8::1]", "[fe80::1%eth0]:5000/repo", "fc00::1:5000/debian", "1a" * 32, "a\nb", "ubuntu\n"),
    *("example.com/" + "a" * 256, "a.b/c:" + "t" * 129, "a.b/c:-x"),
]


@pytest.mark.parametrize(("text", "domain", "path", "tag", "digest"), GOOD)
def test_accepted(text, domain, path, tag, digest):
    found = parse_reference(text)
    assert (found.domain, found.path, found.tag, found.digest) == (domain, path, tag, digest)
    assert parse_reference(str(found)) == found


@pytest.mark.parametrize("text", BAD)
def test_refused_in_one_line(text):
    with pytest.raises(BadInput) as caught:
        parse_reference(text)
    assert "\n" not in str(caught.value)


def test_the_digest_wins_over_the_tag():
    assert parse_reference(f"a:b@{F64}").wanted == F64
    assert parse_reference("a").wanted == "latest"
