"""``make simulate``: thousands of lives, a seed each, with a progress line; or one seed alone.

python -m tests.simulation --seeds 20000
python -m tests.simulation --seed 4711
python -m tests.simulation --kind outage --seeds 10000
"""

from __future__ import annotations

import argparse
import sys
from functools import partial
from multiprocessing import get_context
from os import cpu_count
from time import monotonic

from tests.simulation import audits, estimates, liars, mix_ups
from tests.simulation.kinds import KINDS
from tests.simulation.life import Life, live
from tests.simulation.promises import Figures


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=20_000, help="how many lives")
    parser.add_argument("--first", type=int, default=0, help="the first seed")
    parser.add_argument("--seed", type=int, help="this life alone, with what its crawls log")
    parser.add_argument("--kind", choices=KINDS, help="of servers with this kind of trouble alone")
    parser.add_argument("--liars", type=int, help="so many crawls of each API that is not what it says")
    parser.add_argument("--mix-ups", type=int, help="so many crawls in which answers are mixed up")
    parser.add_argument(
        "--audits", type=int, help="so many crawls of 200,000 pages, of each liar, by their audits"
    )
    parser.add_argument(
        "--estimates", type=int, help="so many crawls of skewed spaces, by the time left that they tell"
    )
    options = parser.parse_args()
    if options.liars:
        return liars.tell(options.liars)
    if options.mix_ups:
        return mix_ups.tell(options.mix_ups)
    if options.estimates:
        return estimates.tell(options.estimates)
    if options.audits:
        return audits.tell(options.audits)
    if options.seed is not None:
        tell(Life(options.seed, options.kind).run())
        return 0
    return simulate(range(options.first, options.first + options.seeds), options.kind)


def simulate(seeds: range, kind: str | None) -> int:
    """Live every seed, and tell at the end what the lives held; 1 if one of them failed."""
    of_kind = f"--kind {kind} " if kind else ""
    begun, total, failed = monotonic(), Figures(), []
    with get_context("spawn").Pool(cpu_count()) as pool:
        for seed, figures, error in pool.imap_unordered(partial(live, kind=kind), seeds, chunksize=20):
            if error:
                failed.append(seed)
                sys.stdout.write(
                    f"\nseed {seed}: {error}\nalone: python -m tests.simulation {of_kind}--seed {seed}\n"
                )
            total.add(figures)
            if total.lives % 100 == 0:
                rate = total.lives / (monotonic() - begun)
                sys.stderr.write(f"\r{total.lives:,} of {len(seeds):,} lives, {rate:.0f}/s, {len(failed)} failed ")
    sys.stderr.write("\n")
    tell(total)
    sys.stdout.write(f"exact: {'NO, seeds ' + ', '.join(map(str, failed[:20])) if failed else 'yes'}\n")
    return 1 if failed else 0


def tell(figures: Figures) -> None:
    for name, value in vars(figures).items():
        shown = (
            ", ".join(f"{key} {many:,}" for key, many in value.most_common())
            if name == "endings"
            else f"{value:,}"
        )
        sys.stdout.write(f"{name.replace('_', ' ')}: {shown}\n")


if __name__ == "__main__":
    sys.exit(main())
