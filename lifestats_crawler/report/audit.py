"""What audits tell of the pages that were not audited: how many can differ at most. Pure."""

from __future__ import annotations

from math import ceil, exp, inf, lgamma, log, log1p

_DOUBT = 0.05  # one-sided: in 95 of 100 runs the true share is not above the bound
_STEPS = 60


def at_most(ranges: int, differing: int, pages: int) -> float:
    """Return the share of pages that can differ from what the API holds, with 95 % confidence, rounded up.

    0 where every page was audited and none differed. Where none differed, 3 / ranges: the rule of three (Hanley
    and Lippman-Hand, JAMA 249, 1983). Else the exact bound of Clopper and Pearson (Biometrika 26, 1934).

    >>> at_most(20, 0, 5000), at_most(5000, 0, 5000), at_most(2, 0, 5000), at_most(20, 1, 5000)
    (0.15, 0.0, 1.0, 0.216107)
    """
    if not differing:
        return 0.0 if ranges >= pages else _rounded_up(min(1.0, 3 / ranges if ranges else inf))
    return _rounded_up(_clopper_pearson(ranges, differing))


def _clopper_pearson(trials: int, successes: int) -> float:
    """Return the largest share with which so few successes are not too improbable, found by bisection."""
    low, high = successes / trials, 1.0
    if successes >= trials:
        return high
    for _ in range(_STEPS):
        middle = (low + high) / 2
        low, high = (middle, high) if _at_most(successes, trials, middle) > _DOUBT else (low, middle)
    return high


def _at_most(successes: int, trials: int, share: float) -> float:
    """Return the probability of at most so many successes (binomial distribution)."""
    return sum(exp(_log_probability(some, trials, share)) for some in range(successes + 1))


def _log_probability(successes: int, trials: int, share: float) -> float:
    failures = trials - successes
    ways = lgamma(trials + 1) - lgamma(successes + 1) - lgamma(failures + 1)
    return ways + successes * log(share) + failures * log1p(-share)


def _rounded_up(share: float) -> float:
    # What floating point adds to an even number is not to be rounded up.
    return ceil(round(share * 1e6, 3)) / 1e6
