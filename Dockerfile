# syntax=docker/dockerfile:1
#
#     docker build -t submittal-mcp .
#     docker run --rm -i -v ~/Submittals:/files:ro -e APS_ACCESS_TOKEN submittal-mcp
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
RUN useradd --uid 10001 --home-dir /data --no-create-home --shell /usr/sbin/nologin submittal \
    && install -d -o submittal -g submittal -m 0700 /data \
    && install -d /files
COPY --from=build /opt/submittal-mcp /opt/submittal-mcp
# /files holds what may be attached (mount it read-only); /data is the user's data folder.
ENV PATH="/opt/submittal-mcp/bin:${PATH}" \
    PYTHONDONTWRITEBYTECODE=1 \
    HOME=/data \
    XDG_DATA_HOME=/data
VOLUME ["/data"]
WORKDIR /data
USER 10001
ENTRYPOINT ["submittal-mcp"]
# The folder belongs to this command, not to the image: a team server (`serve --team`) reads none.
CMD ["serve", "--folder", "/files"]
