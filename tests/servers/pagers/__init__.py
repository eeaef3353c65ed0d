"""Where pages go in tests: a real SMTP server, and stand-ins of services that cannot be had here.

Each stand-in is built from the service's own documentation, named with its date, and refuses what the service refuses.
"""
