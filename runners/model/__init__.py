"""The types that carry the data, stage by stage. Standard library only.

Protocols are the seams where plugins fit in: `Workload` (what is computed), `Executor` (how it is
run in parallel), and a small one for each thing that one of them may be able to do besides. The
others are frozen records: a `Plan` goes in, every timed run comes out as a `Run`, made of the
`Span` of each task. All of them are imported from here, whatever file of this folder they are in.
"""

from runners.model.errors import REFUSALS as REFUSALS
from runners.model.errors import Absent as Absent
from runners.model.errors import Incomplete as Incomplete
from runners.model.errors import InvalidParameter as InvalidParameter
from runners.model.errors import Shortage as Shortage
from runners.model.errors import Unavailable as Unavailable
from runners.model.errors import Unsupported as Unsupported
from runners.model.errors import UsageError as UsageError
from runners.model.errors import WorkerDied as WorkerDied
from runners.model.errors import WrongResult as WrongResult
from runners.model.errors import at_least as at_least
from runners.model.errors import did_you_mean as did_you_mean
from runners.model.errors import error_numbers as error_numbers
from runners.model.errors import finite_seconds as finite_seconds
from runners.model.errors import first_line as first_line
from runners.model.errors import in_one_line as in_one_line
from runners.model.errors import last_line as last_line
from runners.model.errors import locate as locate
from runners.model.errors import printable as printable
from runners.model.errors import shortage as shortage
from runners.model.errors import timestamp as timestamp
from runners.model.errors import unreadable as unreadable
from runners.model.names import SIDES as SIDES
from runners.model.names import VERDICT_ROUNDS as VERDICT_ROUNDS
from runners.model.names import WAITING as WAITING
from runners.model.names import Flag as Flag
from runners.model.names import FlagCode as FlagCode
from runners.model.names import Gil as Gil
from runners.model.names import KeepSpans as KeepSpans
from runners.model.names import Loss as Loss
from runners.model.names import Role as Role
from runners.model.names import Scaling as Scaling
from runners.model.names import Status as Status
from runners.model.names import Warmth as Warmth
from runners.model.names import Workers as Workers
from runners.model.names import function_label as function_label
from runners.model.plan import HERE as HERE
from runners.model.plan import PANEL as PANEL
from runners.model.plan import THIS as THIS
from runners.model.plan import Factory as Factory
from runners.model.plan import Measure as Measure
from runners.model.plan import Order as Order
from runners.model.plan import Panel as Panel
from runners.model.plan import Plan as Plan
from runners.model.plan import Python as Python
from runners.model.plan import Version as Version
from runners.model.plan import plan_of as plan_of
from runners.model.protocols import Cautious as Cautious
from runners.model.protocols import Choosing as Choosing
from runners.model.protocols import Chunking as Chunking
from runners.model.protocols import Comparable as Comparable
from runners.model.protocols import Conditional as Conditional
from runners.model.protocols import Coroutine as Coroutine
from runners.model.protocols import Declared as Declared
from runners.model.protocols import Executor as Executor
from runners.model.protocols import Fresh as Fresh
from runners.model.protocols import Inheriting as Inheriting
from runners.model.protocols import Initializing as Initializing
from runners.model.protocols import Lenient as Lenient
from runners.model.protocols import Meeting as Meeting
from runners.model.protocols import Metered as Metered
from runners.model.protocols import MeteredExecutor as MeteredExecutor
from runners.model.protocols import Multiprocessing as Multiprocessing
from runners.model.protocols import Naming as Naming
from runners.model.protocols import OnlyCoroutine as OnlyCoroutine
from runners.model.protocols import Releasing as Releasing
from runners.model.protocols import Renewing as Renewing
from runners.model.protocols import Sharing as Sharing
from runners.model.protocols import Sourced as Sourced
from runners.model.protocols import Tidy as Tidy
from runners.model.protocols import Unjoined as Unjoined
from runners.model.protocols import Workload as Workload
from runners.model.run import SCHEMA as SCHEMA
from runners.model.run import Environment as Environment
from runners.model.run import Run as Run
from runners.model.run import Span as Span
from runners.model.run import Timeline as Timeline
from runners.model.run import run_of as run_of
