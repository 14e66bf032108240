"""What the daemons are told: the settings whose absence makes a lazy pull silently a full one, and the like."""

import json
import shutil
import subprocess
import tomllib
from pathlib import Path

import pytest
import yaml

from sim.testbed import containerd, link, registry, snapshotter
from sim.testbed.link import Shape
from sim.testbed.names import Addresses

ADDRESSES = Addresses("198.18.0.1", "198.18.0.2")


def test_containerd_hands_image_names_to_the_lazy_snapshotter():
    place = containerd.Containerd(Path("/x/node"))
    config = tomllib.loads(containerd.render_config(place, snapshotter_socket=Path("/x/node/stargz.sock")))
    plugin = config["proxy_plugins"]["stargz"]
    assert plugin["address"] == "/x/node/stargz.sock"
    assert plugin["exports"] == {"enable_remote_snapshot_annotations": "true"}
    unpack = config["plugins"]["io.containerd.transfer.v1.local"]["unpack_config"]
    assert [entry["snapshotter"] for entry in unpack] == ["overlayfs", "stargz"]


def test_containerd_keeps_everything_in_its_folder():
    config = tomllib.loads(containerd.render_config(containerd.Containerd(Path("/x/node"))))
    paths = [config["root"], config["state"], config["grpc"]["address"], config["ttrpc"]["address"]]
    assert all(path.startswith("/x/node/") for path in paths)
    assert "proxy_plugins" not in config


@pytest.mark.parametrize(("prefetch", "background"), [(False, False), (True, False), (False, True)])
def test_the_snapshotter_fetches_only_what_the_strategy_says(prefetch, background):
    settings = snapshotter.Settings(prefetch=prefetch, background=background)
    config = json.loads(snapshotter.render_config(settings, ADDRESSES))
    assert config["noprefetch"] is not prefetch
    assert config["no_background_fetch"] is not background
    assert config["blob"] == {"chunk_size": 50_000}
    assert config["directory_cache"]["direct"] is True
    assert config["resolver"]["host"]["198.18.0.2:5000"]["mirrors"] == [{"host": "198.18.0.2:5000", "insecure": True}]


def test_the_registry_serves_from_its_folder_inside_the_namespace_only():
    config = yaml.safe_load(registry.render_registry(Path("/x/registry")))
    assert config["storage"]["filesystem"]["rootdirectory"] == "/x/registry/blobs"
    assert config["http"]["addr"].startswith("127.0.0.1:")


def test_nginx_accepts_its_configuration(tmp_path):
    """The reference is nginx itself; a listening address it cannot have yet is not looked at by -t with loopback."""
    nginx = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin")
    if nginx is None:
        pytest.skip("NGINX IS MISSING (apt-get install nginx-light): its configuration is not checked")
    (tmp_path / "nginx").mkdir()
    config = tmp_path / "nginx.conf"
    config.write_text(registry.render_nginx(tmp_path, Addresses("127.0.0.1", "127.0.0.1")))
    done = subprocess.run([nginx, "-t", "-p", tmp_path, "-c", config], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "proxy_buffering off" in config.read_text()


def test_a_link_without_a_rate_drops_nothing():
    assert json.loads(link.render_settings(Shape(rtt_s=0.02))) == {
        "rate_bytes_s": 0.0, "rtt_s": 0.02, "cut": False, "queue_bytes": 0,
    }  # fmt: skip


def test_the_queue_holds_more_than_a_receive_window_of_linux():
    settings = json.loads(link.render_settings(Shape(rate_bytes_s=2.5e6, rtt_s=0.02)))
    assert settings["queue_bytes"] > 2 * 6 * 1024 * 1024  # tcp(7): tcp_rmem, largest by default 6 MiB
