"""Capture: the caller keeps references, a background thread makes records. The host never notices.

`httpx` is the seam, `attempt` the facts of one request, `worker` the background thread, `record` what it does
with an attempt, `span` the OpenTelemetry view of it, and `guard` the one place where our own errors end.
"""
