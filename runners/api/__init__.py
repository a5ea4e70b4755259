"""Measured from Python: `from runners import speedup`; loaded lazily by the package itself."""
