FROM python:3.11-slim AS build
COPY requirements-pip.txt requirements.txt ./
# Wheels only: a build would fetch what it needs without a hash. /venv gets no pip and no setuptools.
RUN pip install --no-cache-dir --require-hashes --only-binary :all: -r requirements-pip.txt \
    && python -m venv --without-pip /venv \
    && pip --python /venv/bin/python install --no-cache-dir --require-hashes --only-binary :all: -r requirements.txt

FROM python:3.11-slim
RUN python -m pip uninstall --yes setuptools wheel pip
RUN useradd --system --uid 10001 --home-dir /data memgraph && install -d -o memgraph -m 0700 /data
COPY --from=build /venv /venv
COPY . /app
WORKDIR /app
USER memgraph
ENV PATH=/venv/bin:$PATH PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1 \
    HOST=0.0.0.0 MEMGRAPH_DATA_DIR=/data
VOLUME /data
EXPOSE 8001
HEALTHCHECK --interval=10s --timeout=6s --start-period=20s \
    CMD ["python", "-c", "import urllib.request as u; u.urlopen('http://127.0.0.1:8001/health', timeout=5)"]
CMD ["python", "-m", "memgraph"]
