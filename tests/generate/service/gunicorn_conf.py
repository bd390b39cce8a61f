"""gunicorn's master runs on the fake clock too."""

import fake_clock

fake_clock.install()
worker_class = "uvicorn_worker.UvicornWorker"
workers = 1
accesslog = "-"
errorlog = "-"
control_socket_disable = True
