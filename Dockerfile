# Plimsoll in one image: web, workers, scheduler and the job that prepares the database.
# Anything with Python 3.11 or newer that has apt will do as a base.
ARG BASE_IMAGE=debian:bookworm-slim

FROM ${BASE_IMAGE} AS build
RUN apt-get update -qq \
    && apt-get install --yes -qq --no-install-recommends python3 python3-venv ca-certificates \
    && rm -rf /var/lib/apt/lists/*
WORKDIR /opt/plimsoll
COPY requirements/ requirements/
# Every package is held to its hash.
RUN python3 -m venv /opt/tools \
    && /opt/tools/bin/pip install --quiet --no-cache-dir --require-hashes --only-binary :all: \
        --requirement requirements/uv.lock \
    && python3 -m venv --without-pip .venv \
    && /opt/tools/bin/python -m uv pip install --quiet --no-cache --python .venv/bin/python \
        --require-hashes --requirement requirements/run.lock
COPY package.json package-lock.json ./
COPY scripts/vendor.py scripts/vendor.py
COPY static/ static/
# The front-end files that a page names, unless they lie there already.
RUN test -f static/vendor/.stamp || { \
    /opt/tools/bin/python -m uv pip install --quiet --no-cache --python /opt/tools/bin/python \
        --require-hashes --requirement requirements/node.lock \
    && PATH="/opt/tools/bin:$PATH" npm ci --silent \
    && /opt/tools/bin/python scripts/vendor.py \
    && rm -rf node_modules; }
COPY manage.py pyproject.toml ./
COPY scanner/ scanner/
COPY portal/ portal/
COPY templates/ templates/
# No secret of the build is one of the product: the keys come when it runs.
RUN PLIMSOLL_SECRET_KEY=build PLIMSOLL_DATA_DIR=/opt/plimsoll/data \
        .venv/bin/python manage.py collectstatic --no-input --verbosity 0 \
    && .venv/bin/python -m compileall -q scanner portal .venv/lib

FROM ${BASE_IMAGE}
LABEL org.opencontainers.image.title="Plimsoll" \
      org.opencontainers.image.description="Compliance portal for fleets of Docker hosts" \
      org.opencontainers.image.documentation="docs/deployment.md"
RUN apt-get update -qq \
    && apt-get install --yes -qq --no-install-recommends python3 ca-certificates \
    && rm -rf /var/lib/apt/lists/* \
    && groupadd --gid 10001 plimsoll \
    && useradd --uid 10001 --gid 10001 --no-create-home --home-dir /nonexistent \
        --shell /usr/sbin/nologin plimsoll \
    # Nothing in here becomes another user.
    && find / -xdev -perm /6000 -type f -exec chmod a-s {} +
COPY --from=build /opt/plimsoll /opt/plimsoll
WORKDIR /opt/plimsoll
ENV PATH=/opt/plimsoll/.venv/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    PLIMSOLL_DATA_DIR=/opt/plimsoll/data \
    PLIMSOLL_BIND=0.0.0.0
USER 10001:10001
EXPOSE 8000
STOPSIGNAL SIGTERM
# Of the web; other services name a check of their own.
HEALTHCHECK --interval=10s --timeout=10s --start-period=30s --retries=3 \
    CMD ["python", "-I", "portal/serve/healthy.py", "web"]
CMD ["gunicorn", "portal.wsgi", "--bind", "0.0.0.0:8000", "--worker-class", "gthread", \
     "--workers", "2", "--threads", "4", "--timeout", "60", "--worker-tmp-dir", "/tmp", \
     "--no-control-socket"]
