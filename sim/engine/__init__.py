"""What SimPy lacks: fluid shared resources, named random streams, span recorder."""
