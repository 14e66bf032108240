"""Read, write, check, merge and summarise traces."""
