"""Images: references, manifests, folders, archives and registries."""

from sim.oci.descriptor import Descriptor, Platform
from sim.oci.image import ImageSink, ImageSource
from sim.oci.opener import create_image, open_image

__all__ = ["Descriptor", "ImageSink", "ImageSource", "Platform", "create_image", "open_image"]
