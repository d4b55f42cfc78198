"""The network behind :mod:`explorer.worlds.attributes`; a package of its own, so that listing the worlds needs no
torch."""
