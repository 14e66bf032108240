"""Train a small classifier for five steps on digits that lie in the image; each step's end is a mark on the output."""

import numpy as np
import tensorflow as tf

STEPS = 5
BATCH = 2_000

tf.random.set_seed(1)
images = np.load("/srv/images.npy", mmap_mode="r")  # each step reads its own part of the file
labels = np.load("/srv/labels.npy")

model = tf.keras.Sequential(
    [
        tf.keras.layers.Input((28, 28, 1)),
        tf.keras.layers.Rescaling(1 / 255),
        tf.keras.layers.Conv2D(16, 3, activation="relu"),
        tf.keras.layers.Flatten(),
        tf.keras.layers.Dense(10),
    ]
)
model.compile(optimizer="adam", loss=tf.keras.losses.SparseCategoricalCrossentropy(from_logits=True))
for step in range(STEPS):
    batch = slice(step * BATCH, (step + 1) * BATCH)
    model.train_on_batch(np.asarray(images[batch]), labels[batch])
    print(f"lazypull-mark step {step + 1}")
