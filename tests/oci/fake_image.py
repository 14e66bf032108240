"""The image that the fake registry has, and how the tests speak to it."""

from sim.oci import Credentials, RegistryAccess, Retry
from sim.testing.sample_image import sample_image

LOGIN = Credentials(user="tester", password="s3cret-pass")
ACCESS = RegistryAccess(credentials=LOGIN, retry=Retry(attempts=4, first_wait_s=0.001, seed=1), timeout_s=5.0)
IMAGE = sample_image(sizes=(200_000,))
LAYER = IMAGE.layers[0]
