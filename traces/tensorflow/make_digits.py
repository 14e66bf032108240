"""Write made-up digits as one array file: 10,000 grey images in 16 shades, half as random as a byte can be."""

import numpy as np

numbers = np.random.default_rng(1)
np.save("/srv/images.npy", numbers.integers(0, 16, (10_000, 28, 28, 1), dtype=np.uint8) * 17)
np.save("/srv/labels.npy", numbers.integers(0, 10, 10_000))
