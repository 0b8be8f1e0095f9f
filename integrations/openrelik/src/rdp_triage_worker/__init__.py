"""Runs the program ``rdp-triage`` on many tickets: a Celery worker, and a driver for it."""

__version__ = "0.1.0"
