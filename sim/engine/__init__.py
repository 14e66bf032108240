"""What SimPy lacks: fluid shared resources, named random streams, span recorder.

Modules: `shared` (the interface), its solvers `maxmin` (any topology, few flows) and `star` (many nodes, one
registry), `bucket`, `cpu`, `streams`, `spans`; inside: `beat`, `filling`, `lazyheap`, `codes`.
"""
