"""Parts of the world as SimPy processes."""
