"""Which variables of the environment results depend on: libraries and the interpreter read them.

Noted are those that change how fast code runs, or what it computes: how many threads a library
starts and where it puts them, which code of it is chosen for the processor, how memory is given
out, what is loaded besides, how the interpreter works, how messages travel. Not noted are

- places (PYTHONPATH, PATH, TORCH_HOME): what a program finds there is noted itself, as code and as
  versions of packages, and the same may be in another place tomorrow;
- what a launcher gives every program anew: ranks, ports, addresses, numbers of jobs;
- the language and the time zone, which change no time, and differ between two terminals;
- all others. One whose value may be a secret, by its name or its form, is never noted.
"""

from collections.abc import Mapping

BEGINNINGS = (
    # how many threads, where, and how they wait
    *("OMP_", "GOMP_", "KMP_", "LIBOMP_", "TBB_", "HWLOC_", "LOKY_", "JOBLIB_"),
    # which code for this processor, or which other one
    *("MKL_", "OPENBLAS_", "GOTO_", "BLIS_", "VECLIB_", "NVPL_", "FLEXIBLAS", "ONEDNN_", "DNNL_"),
    *("NPY_", "NUMPY_", "SCIPY_", "SKLEARN_", "NUMEXPR_", "NUMBA_", "POLARS_", "ARROW_", "OPENCV_"),
    *("CUDA_", "TORCH_", "PYTORCH_", "JAX_", "XLA_", "TF_CPP_", "TF_CUDNN_", "TF_ENABLE_"),
    *("TF_FORCE_", "TF_GPU_", "TF_XLA_"),
    # memory, and what is loaded besides
    *("MALLOC_", "Malloc", "MIMALLOC_", "TCMALLOC_", "DYLD_"),
    # the interpreter
    *("PYTHON", "PYPY_"),
    # messages
    *("DASK_", "MPICH_", "MPIR_CVAR_", "MPI4PY_", "OMPI_MCA_", "I_MPI_", "UCX_", "FI_PROVIDER"),
)
ENDINGS = ("_NUM_THREADS", "_MAX_THREADS", "_MAXIMUM_THREADS", "OP_THREADS", "MALLOC_CONF")
NAMES = {
    *("GLIBC_TUNABLES", "LD_PRELOAD", "LD_LIBRARY_PATH", "LD_AUDIT", "LD_BIND_NOW"),
    *("HIP_VISIBLE_DEVICES", "ROCR_VISIBLE_DEVICES", "OBJC_DISABLE_INITIALIZE_FORK_SAFETY"),
}
NOT_NOTED = (
    # places, and what concerns a person at the prompt
    *("PYTHONPATH", "PYTHONHOME", "PYTHONSTARTUP", "PYTHONUSERBASE", "PYTHONPYCACHEPREFIX"),
    *("PYTHONEXECUTABLE", "PYTHONBREAKPOINT", "PYTHON_COLORS", "PYTHON_HISTORY"),
    *("PYTHON_BASIC_REPL", "PYTHONANYWHERE", "PYTHONFAULTHANDLER", "ARROW_HOME", "DASK_CONFIG"),
    *("CUDA_HOME", "CUDA_PATH", "CUDA_ROOT", "CUDA_CACHE_PATH", "TORCH_HOME", "SCIPY_DATA"),
    *("NUMBA_CACHE_DIR", "SKLEARN_DATA", "SCIKIT_LEARN_DATA", "LOKY_TEMP", "JOBLIB_TEMP"),
    *("POLARS_TEMP", "JAX_COMPILATION_CACHE_DIR"),
    # what a launcher gives to each program
    *("MPICH_INTERFACE_HOSTNAME", "OMPI_MCA_orte_", "OMPI_MCA_ess_", "OMPI_MCA_pmix"),
    *("OMPI_MCA_prte", "OMPI_MCA_plm", "OMPI_MCA_initial_wdir", "OMPI_MCA_num_procs"),
)
"""Beginnings again: of some that would be noted otherwise."""

SECRET = (
    *("TOKEN", "SECRET", "PASSW", "PASSPHRASE", "CREDENTIAL", "APIKEY", "PRIVATE"),
    *("_KEY", "_PASS", "_AUTH", "_COOKIE", "_CERT"),
)
"""Parts of names whose values may be secrets. So may be an address with a user in it."""


def variables(environment: Mapping[str, str]) -> dict[str, str]:
    """Those of the environment that results depend on, by name."""
    return {name: value for name, value in sorted(environment.items()) if _is_noted(name, value)}


def _is_noted(name: str, value: str) -> bool:
    wanted = name in NAMES or name.startswith(BEGINNINGS) or name.endswith(ENDINGS)
    if not wanted or name.startswith(NOT_NOTED):
        return False
    secret = any(part in name.upper() for part in SECRET) or ("://" in value and "@" in value)
    return not secret
