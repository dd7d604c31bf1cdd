"""A task, and a beat that asks for it every second."""
from celery import Celery

app = Celery("tasks", broker="redis://127.0.0.1:6391/0")
app.conf.beat_schedule = {"hello": {"task": "tasks.hello", "schedule": 1.0}}
app.conf.task_ignore_result = True
app.conf.broker_connection_retry_on_startup = True


@app.task
def hello():
    """Say so; Celery writes standard output into the worker's log."""
    print("hello from a task")
