"""The Celery application: ``celery --app=rdp_triage_worker.app worker …``."""

from __future__ import annotations

import os

from celery import Celery

#: OpenRelik sends a task to the queue that its name begins with.
QUEUE = "openrelik-worker-rdp-triage"

REDIS_URL = os.environ.get("REDIS_URL", "redis://localhost:6379/0")

# A message that nobody has confirmed for so long is given to another worker, also when the
# first one is still at it. Many inputs may be in one task of OpenRelik.
VISIBILITY_TIMEOUT = int(float(os.environ.get("RDP_TRIAGE_VISIBILITY_TIMEOUT") or "43200"))

celery = Celery(
    "rdp_triage_worker", broker=REDIS_URL, backend=REDIS_URL, include=["rdp_triage_worker.tasks"]
)
celery.conf.update(
    # A task is confirmed when it is done: one whose worker dies is done again, and since its
    # results have the same names and contents, nobody can tell.
    task_acks_late=True,
    task_reject_on_worker_lost=True,
    # What one worker holds back, no other can take.
    worker_prefetch_multiplier=1,
    broker_transport_options={"visibility_timeout": VISIBILITY_TIMEOUT},
    broker_connection_retry_on_startup=True,
    task_default_queue=QUEUE,
    task_track_started=True,
    task_serializer="json",
    result_serializer="json",
    accept_content=["json"],
    result_expires=24 * 3600,
)

if os.environ.get("OPENRELIK_PYDEBUG") == "1":
    from openrelik_worker_common.debug_utils import start_debugger

    start_debugger()
