"""Pickles read as data: the program in a pickle is followed, and nothing that it names is imported, let alone called.

Python's own unpickler is a machine with a stack that builds what it is told to. So is this one, but where that calls
what the file names, this one writes down what would have been called (:class:`Record`); names that nobody asked for end
the reading. Long runs of bytes stay in the file (:class:`Payload`), so the numbers of a network cost no memory before
somebody wants them. What a file can make the machine hold is limited by the length of the file and a budget of values.
"""
