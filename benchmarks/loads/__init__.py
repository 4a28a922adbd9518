"""What is measured; a file for each kind of work."""

from typing import Final

from loads.call import Call
from loads.cpu import OneThread, TwoThreads
from loads.latency import Latency
from loads.memory import Memory
from loads.noop import Given, Noop, OrderedResults
from loads.skew import Skew
from loads.sleeps import Sleeps1ms8, Sleeps5ms64, Sleeps20ms256, Sleeps20ms1000
from loads.stages import SlowStages, Stages
from loads.startup import FirstTask, Import, ImportAll, TenTasks
from loads.storm import Storm
from loads.streams import Streams
from loads.submit import SubmitRoundTrip
from measuring.load import Load


ALL: Final[tuple[Load, ...]] = (
    Noop(),
    OrderedResults(),
    Given(),
    Stages(),
    SlowStages(),
    Sleeps1ms8(),
    Sleeps5ms64(),
    Sleeps20ms256(),
    Sleeps20ms1000(),
    Storm(),
    OneThread(),
    TwoThreads(),
    Memory(),
    Import(),
    ImportAll(),
    FirstTask(),
    TenTasks(),
    Latency(),
    SubmitRoundTrip(),
    Call(),
    Streams(),
    Skew(),
)


def named(name: str) -> Load:
    """Return the load of that name."""
    return next(load for load in ALL if load.name == name)
