"""Tries deliberate faults: does a test notice each?

    python -m mutants                 all of them
    python -m mutants --new           those without a result, or whose file has changed since
    python -m mutants NAME...         these; --list shows all names and results

The tests of all chosen faults must pass without them first. Results go to mutants/results.json; the
exit code is 1 if a fault survived, or could not be tried.
"""

import argparse
import sys
import tempfile
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from queue import SimpleQueue

from mutants.all import MUTANTS
from mutants.mutant import RESULTS, Mutant, Result, read_results, write_results
from mutants.trial import Copy

_STATES = ("killed", "equivalent", "survived", "broken")
_MOST_SECONDS = 3600.0
"""For all tests together, without a fault."""


def main() -> int:
    """Try; the exit code says whether all were noticed."""
    arguments = _arguments()
    results = dict(read_results())
    if arguments.list:
        return _list(results)
    chosen = _chosen(arguments.names, results, new=arguments.new)
    with tempfile.TemporaryDirectory(prefix="mcucc-mutants-") as folder:
        copies: SimpleQueue[Copy] = SimpleQueue()
        for number in range(arguments.jobs):
            copies.put(Copy(Path(folder) / str(number)))
        tried = [mutant for mutant in chosen if not mutant.proof]
        if tried and not arguments.unproven and not _pass_without(tried, copies):
            return 1

        def one(mutant: Mutant) -> Result:
            if mutant.proof:
                return Result("equivalent", mutant.digest())
            copy = copies.get()
            try:
                return copy.try_mutant(mutant)
            finally:
                copies.put(copy)

        with ThreadPoolExecutor(arguments.jobs) as pool:
            for mutant, result in zip(chosen, pool.map(one, chosen), strict=True):
                results[mutant.name] = result
                print(_line(mutant, result), flush=True)
                write_results(results, MUTANTS, RESULTS)
    return _summary([results[mutant.name] for mutant in chosen])


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m mutants", description=(__doc__ or "").splitlines()[0]
    )
    parser.add_argument("names", nargs="*", metavar="NAME", help="a fault; default: all")
    parser.add_argument("--new", action="store_true", help="only what has no result of today")
    parser.add_argument("--jobs", type=int, default=1, help="faults that are tried at once")
    parser.add_argument("--list", action="store_true", help="show what there is, try nothing")
    parser.add_argument(
        "--unproven", action="store_true", help="believe that the tests pass without a fault"
    )
    return parser.parse_args()


def _chosen(names: Sequence[str], results: dict[str, Result], *, new: bool) -> list[Mutant]:
    unknown = [name for name in names if name not in MUTANTS]
    if unknown:
        sys.exit(f"no such mutant: {', '.join(unknown)}; --list shows all")
    chosen = [MUTANTS[name] for name in names or MUTANTS]
    return [mutant for mutant in chosen if not new or _is_stale(mutant, results)]


def _is_stale(mutant: Mutant, results: dict[str, Result]) -> bool:
    known = results.get(mutant.name)
    return known is None or known.digest != mutant.digest()


def _pass_without(mutants: Iterable[Mutant], copies: SimpleQueue[Copy]) -> bool:
    tests = dict.fromkeys(test for mutant in mutants for test in mutant.tests)
    copy = copies.get()
    ran = copy.run(tuple(tests), _MOST_SECONDS)
    copies.put(copy)
    print(f"{len(tests)} entries of tests without a fault: {ran.seconds:.0f} s", flush=True)
    if not ran.passed:
        print(f"they do not pass without a fault: {ran.failed}\n{ran.output[-3000:]}")
    return ran.passed


def _list(results: dict[str, Result]) -> int:
    for mutant in MUTANTS.values():
        print(_line(mutant, results.get(mutant.name)))
    return 0


def _line(mutant: Mutant, result: Result | None) -> str:
    if result is None:
        return f"{'untried':10} {mutant.name}"
    digest = mutant.digest()
    stale = "" if result.digest == digest else " (of an older file)"
    stale = stale if digest else " (its text is gone)"
    return f"{result.state:10} {mutant.name} {result.seconds:5.1f} s  {result.test}{stale}"


def _summary(results: Sequence[Result]) -> int:
    counts = {state: sum(r.state == state for r in results) for state in _STATES}
    print(", ".join(f"{count} {state}" for state, count in counts.items()))
    return int(counts["survived"] + counts["broken"] > 0)


if __name__ == "__main__":
    sys.exit(main())
