"""Sessions: any calls of the library in any order come to what their ledger says."""

from session import Session
from strategies import examples


class SimulatedSession(Session):
    """Calls and simulated pools, of any seed."""

    simulated = True


class RealSession(Session):
    """Calls and pools of threads."""

    simulated = False


TestSimulated = SimulatedSession.TestCase
TestSimulated.settings = examples(70, steps=40)

TestReal = RealSession.TestCase
TestReal.settings = examples(40, steps=30)
