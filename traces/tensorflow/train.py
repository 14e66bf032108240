"""Train a small classifier on made-up digits for five steps; each step's end is a mark on the output."""

import numpy as np
import tensorflow as tf

STEPS = 5
BATCH = 64

tf.random.set_seed(1)
numbers = np.random.default_rng(1)
images = numbers.random((STEPS * BATCH, 28, 28, 1), dtype=np.float32)
labels = numbers.integers(0, 10, STEPS * BATCH)

model = tf.keras.Sequential(
    [
        tf.keras.layers.Input((28, 28, 1)),
        tf.keras.layers.Conv2D(16, 3, activation="relu"),
        tf.keras.layers.Flatten(),
        tf.keras.layers.Dense(10),
    ]
)
model.compile(optimizer="adam", loss=tf.keras.losses.SparseCategoricalCrossentropy(from_logits=True))
for step in range(STEPS):
    batch = slice(step * BATCH, (step + 1) * BATCH)
    model.train_on_batch(images[batch], labels[batch])
    print(f"lazypull-mark step {step + 1}")
