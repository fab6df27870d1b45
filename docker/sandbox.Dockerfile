# The IAM sandbox, to try iam-bootstrap without an AWS account: `docker build -f docker/sandbox.Dockerfile -t iam-sandbox .`
ARG PYTHON_IMAGE=docker.io/library/python:3.11-slim-bookworm
FROM ${PYTHON_IMAGE}
ENV PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1
WORKDIR /sandbox
COPY sandbox/requirements.txt ./
RUN pip install --no-cache-dir --disable-pip-version-check -r requirements.txt
COPY sandbox/serve.py ./
COPY sandbox/strict_iam ./strict_iam
RUN useradd --system --uid 10001 --no-create-home sandbox
USER sandbox
EXPOSE 4566
HEALTHCHECK --interval=5s --timeout=3s --start-period=20s --retries=12 \
    CMD ["python", "-c", "import socket; socket.create_connection(('127.0.0.1', 4566), 2).close()"]
# Listens on all interfaces of the container. Publish the port only where it should be reachable.
ENTRYPOINT ["python", "serve.py", "--host", "0.0.0.0", "--port", "4566"]
CMD ["--account", "111111111111"]
