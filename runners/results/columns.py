"""What the files of a result folder are called, and the columns of the runs frame."""

RUNS = "runs.jsonl"
SPANS = "spans.jsonl"
ENVIRONMENT = "environment.json"
SWEEP = "sweep.json"

DTYPES = {
    "schema": "int64",
    "cell": "str",
    "workload": "str",
    "executor": "str",
    "baseline": "str",
    "n": "int64",
    "scaling": "str",
    "usable_cpus": "float64",
    "worker_kind": "str",
    "process": "int64",
    "round": "int64",
    "position": "int64",
    "role": "str",
    "cold": "bool",
    "warmup": "bool",
    "status": "str",
    "started_at": "datetime64[us, UTC]",
    "error": "str",
    "steady": "boolean",
    "ended_by": "str",
    "wall_s": "float64",
    "setup_s": "float64",
    "teardown_s": "float64",
    "tasks": "Int64",
    "workers": "Int64",
    "voluntary_switches": "Int64",
    "involuntary_switches": "Int64",
    "steal_s": "float64",
    "throttled_s": "float64",
    "max_rss_bytes": "Int64",
    "gil": "boolean",
    "largest_task_share": "float64",
    "timer_s": "float64",
    "begin_ns": "Int64",
    **{f"L{k}_s": "float64" for k in range(7)},
}
"""The dtype of every fixed column of the runs frame.

Lower-case `int64` and `bool` columns are in every row; a line without one of them is not a run.
`workload.*`, `executor.*` and `metric.*` columns have the dtype of their values, Int64, float64,
boolean or str. Lists, mappings and columns whose type differs between cells are text: a string as
it is, anything else as JSON.
"""
