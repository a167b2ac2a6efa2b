"""Who does the work: this process, series after series, or processes of Dask, of this machine or of a cluster.

An engine takes tasks as it can use them, and gives each back with what became of it, in the order in which they end.
There is no third one: whatever has processes, machines and queues is Dask's.

May import: the rest of the room, but not what drives it (``run``, ``batch``).
"""
