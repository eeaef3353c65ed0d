# One image, not root: `docker run -v $PWD/shipmate.yaml:/etc/shipmate/shipmate.yaml:ro -v shipmate:/var/lib/shipmate shipmate`
# with `state_dir: /var/lib/shipmate` and `server: {host: 0.0.0.0, port: 8080}` in the configuration.
# Everything installed is pinned by hash in requirements.txt; build tools stay in the first stage.

FROM python:3.11-slim-bookworm AS build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1 PIP_NO_INPUT=1
WORKDIR /src
RUN python3 -m venv /opt/build && python3 -m venv --without-pip /opt/venv
# What changes seldom comes first, so that a change of code alone reuses the layer with the dependencies.
COPY requirements.txt requirements-build.txt ./
RUN /opt/build/bin/pip install --require-hashes -r requirements-build.txt \
 && /opt/build/bin/pip --python /opt/venv/bin/python install --require-hashes --only-binary :all: -r requirements.txt
COPY LICENSE README.md pyproject.toml ./
COPY bot bot
COPY commands commands
COPY integrations integrations
RUN /opt/build/bin/pip wheel --no-deps --no-build-isolation --wheel-dir /dist . \
 && /opt/build/bin/pip --python /opt/venv/bin/python install --no-deps /dist/*.whl \
 && /opt/venv/bin/shipmate --version

FROM python:3.11-slim-bookworm
LABEL org.opencontainers.image.title="Shipmate" \
      org.opencontainers.image.description="A ChatOps bot for Slack" \
      org.opencontainers.image.licenses="Apache-2.0"
ENV PATH=/opt/venv/bin:$PATH PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1
RUN groupadd --gid 10001 shipmate \
 && useradd --uid 10001 --gid 10001 --no-create-home --home-dir /var/lib/shipmate --shell /usr/sbin/nologin shipmate \
 && install -d -o 10001 -g 10001 -m 0750 /var/lib/shipmate \
 && install -d -m 0755 /etc/shipmate
COPY --from=build /opt/venv /opt/venv
USER 10001:10001
# State that must outlive the container: the store, unless it is PostgreSQL.
VOLUME /var/lib/shipmate
WORKDIR /var/lib/shipmate
EXPOSE 8080
HEALTHCHECK --interval=30s --timeout=5s --start-period=20s --retries=3 \
  CMD ["python3", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:8080/healthz', timeout=4)"]
STOPSIGNAL SIGTERM
ENTRYPOINT ["shipmate"]
CMD ["serve", "--config", "/etc/shipmate/shipmate.yaml"]
