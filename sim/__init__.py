"""lazypull: how long until a container is ready, where the time went, and which layout would be better."""
