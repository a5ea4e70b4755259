"""A module that is imported in the first call of each process."""


def convert(n: int) -> str:
    import pydoc_data.topics
    import unittest.mock
    import xml.dom.minidom
    import xmlrpc.server

    modules = (pydoc_data.topics, unittest.mock, xml.dom.minidom, xmlrpc.server)
    return f"{len(modules)} {sum(i & 7 for i in range(n))}"
