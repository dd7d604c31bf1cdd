"""A WSGI application that says who answers."""
import os


def application(environ, start_response):
    """Answer with the name from the environment and the worker's process id."""
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [f"{os.environ['APP_NAME']} {os.getpid()}\n".encode()]
