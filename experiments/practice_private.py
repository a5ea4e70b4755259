"""Workers with data that no other worker sees."""

from runners.analysis.claims import Claim, metric

ROWS = ("P3",)
CODE = (
    "runners.workloads.thread_local:private_value",
    "runners.workloads.thread_local:PrivateData.__call__",
)

CLAIMS = (
    Claim("threads", ("P3",), metric({"executor": "thread"}, "values").between(3, 3)),
    Claim("subclass", ("P3",), metric({"executor": "thread_subclass"}, "values").between(3, 3)),
    Claim("names", ("P3",), metric({"executor": "thread"}, "names").between(3, 3)),
    Claim("processes", (), metric({"executor": "process"}, "values").between(3, 3)),
)
