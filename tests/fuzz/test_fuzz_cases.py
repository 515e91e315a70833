"""Inputs that once failed do not fail any more."""

from fuzz.case import load_case
from fuzz.kinds import KINDS
from fuzz.ledger import ROOT
from fuzz.pool import Pool
from fuzz.worker import Task


def test_all_cases():
    paths = sorted((ROOT / "fuzz" / "cases").glob("*.json"))
    failed: list[str] = []
    with Pool(KINDS, 1) as pool:
        for path in paths:
            case = load_case(path)
            ((_, (outcome,)),) = pool.run([Task(case.kind, case=case)])
            if outcome.failed:
                failed.append(f"{path.name}: {outcome.said}: {outcome.detail}")
    assert failed == []
