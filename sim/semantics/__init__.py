"""What the real components mean, as pure state machines without time."""
