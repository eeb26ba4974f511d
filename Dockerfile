FROM python:3.11-slim AS build
COPY requirements.txt .
RUN python -m venv /venv && /venv/bin/pip install --no-cache-dir -r requirements.txt

FROM python:3.11-slim
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
