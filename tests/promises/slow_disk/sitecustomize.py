"""A disk that takes its time: Python imports this module at its start, where PYTHONPATH names its directory."""

import os
import time

_SECONDS = 0.2
_fsync = os.fsync


def _slowly(descriptor: int) -> None:
    time.sleep(_SECONDS)
    _fsync(descriptor)


os.fsync = _slowly
