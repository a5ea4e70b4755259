"""A module that is imported in the first call of each process."""


def convert(n: int) -> str:
    import email.mime.multipart
    import http.client
    import xml.dom.minidom  # noqa: F401 - it is loaded, which is what takes long

    total = sum(i & 7 for i in range(n))
    return f"{email.mime.multipart.__name__} {http.client.HTTP_PORT} {total}"
