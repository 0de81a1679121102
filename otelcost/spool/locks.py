"""Advisory file locks: a writer holds its segment's lock for life, so a free lock means a dead writer.

The lock belongs to the open file, not to the process: a forked child must close its inherited copy, and
an `exec` closes it because Python opens files close-on-exec.
"""

from __future__ import annotations

import fcntl


def try_lock(descriptor: int) -> bool:
    """Take the exclusive lock without waiting. False: somebody else holds it."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
