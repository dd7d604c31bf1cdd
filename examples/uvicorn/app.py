"""An ASGI application of one answer."""


async def application(scope, receive, send):
    """Answer every HTTP request with one line; ignore the rest of the protocol."""
    if scope["type"] != "http":
        return
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"text/plain")]})
    await send({"type": "http.response.body", "body": b"hello from uvicorn\n"})
