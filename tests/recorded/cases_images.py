"""Images for the rules of the family images, each by BuildKit and by the builder of old."""

from typing import NamedTuple

from tests.recorded import Case
from tests.support.images import PACKAGES, archive_of

CASES: dict[str, Case] = {}
FILES = {
    "app.conf": b"listen = 8080\n",
    "site/index.html": b"<!doctype html>\n",
    "data.tar.gz": archive_of({"data": b"1 2 3\n"}),
    "rootfs.tar.gz": archive_of({"etc/hostname": b"app\n"}),
}


class Build(NamedTuple):
    dockerfile: str
    old: bool = False


_WRONG = f"""\
FROM {PACKAGES}
ARG GREETING="hello world"
ARG NPM_TOKEN=for-the-tests-only
ENV DATABASE_PASSWORD=for-the-tests-only LISTEN_ADDR=0.0.0.0
RUN apt-get update
RUN apt-get install --yes openssh-server curl
RUN echo app:for-the-tests-only | chpasswd
ADD app.conf /etc/app.conf
ADD site /srv/site
EXPOSE 22 636 8080
HEALTHCHECK NONE
CMD ["/usr/sbin/sshd", "-D"]
"""
_RIGHT = f"""\
FROM {PACKAGES}
ARG VERSION="1 or 2"
ENV LISTEN_ADDR=0.0.0.0 DATABASE_PASSWORD_FILE=/run/secrets/database
LABEL org.opencontainers.image.title="Shop"
RUN set -eux; \\
    apt-get update; \\
    apt-get install --yes --no-install-recommends curl; \\
    rm -rf /var/lib/apt/lists/*
COPY app.conf /etc/
EXPOSE 8080 443
HEALTHCHECK --interval=30s CMD ["ls", "/"]
USER 1000:1000
CMD ["app", "ADD"]
"""
_SCRATCH = 'FROM scratch\nENV LISTEN_ADDR=0.0.0.0\nADD rootfs.tar.gz /\nCMD ["sh"]\n'

IMAGES = {
    "wrong": Build(_WRONG),
    "wrong_old": Build(_WRONG, old=True),
    "right": Build(f"{_RIGHT}ADD data.tar.gz /srv/\n"),
    "right_old": Build(_RIGHT, old=True),
    "unclear_old": Build(f"FROM {PACKAGES}\nADD data.tar.gz /srv/\nUSER app\n", old=True),
    "scratch": Build(_SCRATCH),
    "scratch_old": Build(_SCRATCH, old=True),
}
"""Recorded as _image_<name>.json: what the engine says of the image, and its history."""
