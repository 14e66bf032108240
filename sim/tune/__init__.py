"""Which layout and which client settings start a recorded workload soonest on a network."""
