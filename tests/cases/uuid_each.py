"""A new identifier from every call, as is meant."""

import uuid


def label(k: int) -> str:
    return f"{k}-{uuid.uuid4()}"
