"""Images: references, manifests, folders, archives and registries."""

from sim.oci.access import Credentials, RegistryAccess, Retry
from sim.oci.descriptor import Descriptor, Platform
from sim.oci.image import ImageSink, ImageSource
from sim.oci.opener import create_image, open_image

__all__ = [
    "Credentials",
    "Descriptor",
    "ImageSink",
    "ImageSource",
    "Platform",
    "RegistryAccess",
    "Retry",
    "create_image",
    "open_image",
]
