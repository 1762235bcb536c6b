# syntax=docker/dockerfile:1
#
#     docker build -t submittal-mcp .
#     docker run --rm -i --read-only -v ~/Submittals:/files:ro -e APS_ACCESS_TOKEN submittal-mcp
#
# The base is pinned by its tag: its digest could not be looked up where this file was written. Pin it on your side with
# --build-arg BASE=python:3.13-slim@sha256:…
ARG BASE=python:3.13-slim

FROM ${BASE} AS build
RUN python -m venv /opt/submittal-mcp
WORKDIR /build
COPY requirements.txt ./
RUN /opt/submittal-mcp/bin/pip install --no-cache-dir --require-hashes -r requirements.txt
COPY pyproject.toml README.md LICENSE ./
COPY acc/ acc/
COPY acc_sandbox/ acc_sandbox/
COPY auth/ auth/
COPY persistence/ persistence/
COPY server/ server/
COPY tools/ tools/
COPY transfers/ transfers/
RUN /opt/submittal-mcp/bin/pip install --no-cache-dir --no-deps .

FROM ${BASE}
# Any user id may run it with group 0, as OpenShift has it: /data is the group's too. The root file system may be read-only
# (--read-only): nothing is written but there, and temporary files in /tmp where that can be written.
RUN useradd --uid 10001 --gid 0 --home-dir /data --no-create-home --shell /usr/sbin/nologin submittal \
    && install -d -o submittal -g root -m 0770 /data \
    && install -d /files
COPY --from=build /opt/submittal-mcp /opt/submittal-mcp
COPY scripts/healthcheck.py /opt/submittal-mcp/healthcheck.py
# /files holds what may be attached (mount it read-only); /data is the user's data folder.
ENV PATH="/opt/submittal-mcp/bin:${PATH}" \
    PYTHONDONTWRITEBYTECODE=1 \
    HOME=/data \
    XDG_DATA_HOME=/data
VOLUME ["/data"]
WORKDIR /data
USER 10001
# A release says who publishes it; an image of your own needs none of these.
ARG NAME= SOURCE= REVISION= VERSION=
LABEL io.modelcontextprotocol.server.name="${NAME}" \
      org.opencontainers.image.title="submittal-mcp" \
      org.opencontainers.image.description="Attach files to Autodesk Construction Cloud submittals from an AI assistant" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.source="${SOURCE}" \
      org.opencontainers.image.revision="${REVISION}" \
      org.opencontainers.image.version="${VERSION}"
HEALTHCHECK --interval=30s --timeout=5s --start-period=20s CMD ["python", "/opt/submittal-mcp/healthcheck.py"]
ENTRYPOINT ["submittal-mcp"]
# The folder belongs to this command, not to the image: a team server (`serve --team`) reads none.
CMD ["serve", "--folder", "/files"]
