# Deskhand in a container: built with uv from the lock file, run as a user without rights.
#
#   docker build -t deskhand .
#   docker run --rm -it deskhand demo
#   docker run -p 3000:3000 -v ./deskhand.yaml:/config/deskhand.yaml:ro -v deskhand:/data deskhand
#
# compose.yaml shows it with a store of its own and separate workers.

FROM python:3.12-slim-bookworm AS build
RUN pip install --no-cache-dir uv==0.13.9
ENV UV_COMPILE_BYTECODE=1 \
    UV_LINK_MODE=copy \
    UV_PYTHON_DOWNLOADS=never \
    UV_PROJECT_ENVIRONMENT=/opt/deskhand
WORKDIR /src
# The dependencies alone first: they change seldom, and this layer with them.
COPY pyproject.toml uv.lock ./
RUN uv sync --locked --no-dev --no-install-project
COPY README.md LICENSE ./
COPY bot bot
COPY handlers handlers
COPY tools tools
RUN uv sync --locked --no-dev --no-editable

FROM python:3.12-slim-bookworm
RUN useradd --uid 10001 --user-group --home-dir /data --no-create-home --shell /usr/sbin/nologin deskhand \
    && install --directory --owner=deskhand --group=deskhand --mode=0700 /data \
    && install --directory /config
COPY --from=build /opt/deskhand /opt/deskhand
ENV PATH=/opt/deskhand/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    DESKHAND_DATA=/data \
    DESKHAND_CONFIG=/config/deskhand.yaml \
    PORT=3000
USER deskhand
WORKDIR /data
VOLUME /data
EXPOSE 3000
HEALTHCHECK --interval=15s --timeout=5s --start-period=20s --retries=3 \
    CMD ["python", "-c", "import os, urllib.request; urllib.request.urlopen('http://127.0.0.1:' + os.environ['PORT'] + '/healthz', timeout=4)"]
ENTRYPOINT ["deskhand"]
CMD ["serve", "--host", "0.0.0.0"]
