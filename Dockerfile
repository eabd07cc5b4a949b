# The command `dstream` as an image, for compose.yaml: docs/compose.md says what it may do. The build context is the
# command's wheelhouse. Built by `scripts/orchestrator-image`.
ARG BASE_IMAGE=ghcr.io/katasec/dstream-provider-base:v0.1.0
FROM ${BASE_IMAGE}

ARG SOURCE_DATE_EPOCH=315532800
USER 0
RUN --mount=type=bind,target=/wheels \
    PYTHONPATH="$(echo /wheels/pip-*.whl)" python -m pip install --quiet --no-index --find-links=/wheels --no-cache-dir dstream-cli \
    && install --directory --owner=65532 --group=65532 --mode=0700 /var/lib/dstream
USER 65532:65532

# A volume that is mounted here begins with this folder's owner. dstream.hcl belongs into the working directory.
ENV HOME=/var/lib/dstream DSTREAM_STATE_DIR=/var/lib/dstream/state
WORKDIR /project
ENTRYPOINT ["dstream"]
