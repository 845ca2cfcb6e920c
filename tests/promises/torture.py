"""``make torture``: kill a crawl of a faulty API again and again, and see whether it counts exactly.

It prints what it met on the way, and ``exact: yes`` if every key has its true count.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections import Counter
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from time import monotonic

sys.path.insert(0, str(Path(__file__).resolve().parent.parent.parent))

from tests.conftest import FIRST
from tests.promises.conftest import Crawls, running_api

#: What a crawl may have to live with: arguments, the beginning of its command, and variables.
CONDITIONS: dict[str, tuple[list[str], list[str], dict[str, str]]] = {
    "none": ([], [], {}),
    "few descriptors": ([], ["sh", "-c", 'ulimit -n 64; exec "$@"', "sh"], {}),
    "a slow disk": ([], [], {"PYTHONPATH": str(Path(__file__).with_name("slow_disk"))}),
    # Nobody reads what the crawls of this program write to standard error.
    "a full log": (["-s", "LOG_LEVEL=DEBUG"], [], {}),
}
SPILL_EVERY = 10
SUBSETS = 40


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--records", type=int, default=200_000)
    parser.add_argument("--share", type=float, default=0.003, help="of each of some sixty kinds of fault")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    last = FIRST + int(options.records / 0.95)
    faults = [f"--fault=all:{options.share}", f"--seed={options.seed}", "--fault-limit=3"]
    with (
        TemporaryDirectory() as directory,
        running_api(f"--first-id={FIRST}", f"--last-id={last}", *faults) as api,
    ):
        crawls = Crawls(Path(directory))
        crawls.configure(
            url=api.url + "/foodstats?offset={cursor}&limit={limit}",
            first_id=FIRST,
            last_id=last,
            results_per_page=100,
            subsets=SUBSETS,
            rate_limit=100,
            spill_every=SPILL_EVERY,
            counters={"foods": {"field": "food_id", "top": options.records}},
        )
        kills = torture(crawls, api, options.kills, Random(options.seed))
        return conclude(crawls, api, kills) or int(kills < options.kills)


def torture(crawls: Crawls, api, kills: int, random: Random) -> int:
    """Start a crawl in one of the conditions, and kill it a moment after its first request, again and again."""
    for done in range(kills):
        before = len(api.get("/log")["requests"])
        arguments, prefix, variables = CONDITIONS[random.choice(list(CONDITIONS))]
        usual = ["-s", "DOWNLOAD_TIMEOUT=2", "-s", "LOG_LEVEL=ERROR"]
        with crawls.start(*usual, *arguments, prefix=prefix, **variables) as process:
            while len(api.get("/log")["requests"]) == before and process.poll() is None:
                pass
            until = monotonic() + random.uniform(0, 1.0)
            while monotonic() < until and process.poll() is None:
                pass
            if process.poll() is not None:
                return done
            process.kill()
    return kills


def conclude(crawls: Crawls, api, kills: int) -> int:
    """Let the crawl finish, compare it with the truth, and print the figures."""
    finished = crawls.run("-s", "DOWNLOAD_TIMEOUT=2", "-s", "LOG_LEVEL=ERROR", seconds=3000)
    requests, truth, met = api.get("/log")["requests"], api.get("/truth"), api.get("/faults")
    good = Counter(cursor for _, cursor, _, status, fault in requests if status == 200 and not fault)
    counted = {}
    if finished.returncode == 0:
        rows = crawls.report()["counters"]["foods"]["top"]
        counted = {row["key"]: row["count"] for row in rows}
    exact = counted == dict(truth["fields"]["food_id"]["counts"])
    figures = {
        "kills survived": kills,
        "faults met": sum(met.values()),
        "kinds of fault": sum(many > 0 for many in met.values()),
        "requests": len(requests),
        "pages asked twice": sum(good.values()) - len(good),
        "of them allowed": kills * (2 * SPILL_EVERY + SUBSETS),
        "records": truth["records"],
        "exact": "yes" if exact else "NO",
    }
    for name, figure in figures.items():
        sys.stdout.write(f"{name}: {figure}\n")
    if not exact:
        sys.stdout.write(finished.stderr + json.dumps(met) + "\n")
    return 0 if exact else 1


if __name__ == "__main__":
    sys.exit(main())
