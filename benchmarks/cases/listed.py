"""All cases: those of the reports that the program was wrong about, and more of their kinds."""

from benchmarks.cases.coroutines import COROUTINES
from benchmarks.cases.dealing import DEALING
from benchmarks.cases.states import STATES
from benchmarks.cases.together import TOGETHER
from benchmarks.cases.travel import TRAVEL

CASES = (*COROUTINES, *TRAVEL, *DEALING, *TOGETHER, *STATES)
