# syntax=docker/dockerfile:1
# One image for every role: Prefect server, its services, worker, dispatcher, receiver; the command chooses.
# compose.yaml shows each of them. Built by `docker compose build`; runs as a user without rights.

ARG PYTHON=3.12.11-slim-bookworm

FROM python:${PYTHON} AS build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 \
    PIP_NO_COMPILE=1
RUN python -m venv /opt/cosell
WORKDIR /source
COPY pyproject.toml constraints.txt README.md ./
COPY cosell cosell
COPY flows flows
COPY tasks tasks
COPY mappings mappings
# Exact versions from constraints.txt, the build tool's too, hence without an isolated build.
RUN --mount=type=cache,target=/root/.cache/pip \
    /opt/cosell/bin/pip install --constraint constraints.txt hatchling && \
    /opt/cosell/bin/pip install --constraint constraints.txt --no-build-isolation ".[scale]" && \
    /opt/cosell/bin/pip uninstall --yes hatchling pip

FROM python:${PYTHON}
# The same path everywhere: deployments remember the directory in which their flows start.
WORKDIR /app
RUN useradd --system --uid 10001 --home-dir /data --shell /usr/sbin/nologin cosell && \
    mkdir -p /data/results && \
    chown -R cosell: /data
COPY --from=build /opt/cosell /opt/cosell
COPY prefect.yaml ./
COPY deploy deploy
ENV PATH=/opt/cosell/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    COSELL_HOME=/data \
    PREFECT_HOME=/data/prefect \
    PREFECT_LOCAL_STORAGE_PATH=/data/results \
    PREFECT_SERVER_ANALYTICS_ENABLED=false \
    DO_NOT_TRACK=1
USER 10001
EXPOSE 4200 8080 8480
# What runs when no command is given is the receiver, and this is its check; other roles name theirs.
HEALTHCHECK --interval=15s --timeout=5s --start-period=40s --retries=4 \
    CMD ["python", "deploy/healthy.py", "http://127.0.0.1:8480/readyz"]
CMD ["cosell", "receive", "--host", "0.0.0.0"]
