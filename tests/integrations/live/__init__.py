"""The contract suites over HTTP alone: against stand-ins in processes, or, by `make test-live`, real tools.

A rig knows of a tool its address and a token, and nothing else. It makes a folder or group with a name that nobody else
has, with the jobs and projects that the suites need, and deletes it at the end.
"""
