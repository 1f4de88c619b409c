# studentapi in a container: `docker build -t studentapi .`; settings by STUDENTAPI_… (README.md), logs on stdout.

FROM python:3.13-slim AS build
# uWSGI is compiled; the compiler stays in this stage.
RUN apt-get update \
 && apt-get install --yes --no-install-recommends gcc libc6-dev \
 && rm -rf /var/lib/apt/lists/*
RUN python -m venv /opt/studentapi
ENV PATH=/opt/studentapi/bin:$PATH PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1
WORKDIR /src
# The dependencies first: they change less often than the code, and keep their layer. --no-deps: the files name all
# that is needed, and pip must not look for newer releases, which have no hash here.
COPY requirements/build.txt requirements/run.txt requirements/
RUN pip install --require-hashes --no-deps --requirement requirements/build.txt
RUN pip install --require-hashes --no-deps --requirement requirements/run.txt --no-build-isolation
COPY pyproject.toml README.md LICENSE uwsgi.ini ./
COPY src src
RUN pip install --no-deps --no-build-isolation . \
 && pip check \
 && pip uninstall --yes hatchling editables setuptools pip \
 && python -m compileall -q /opt/studentapi/lib

FROM python:3.13-slim
RUN useradd --system --uid 10001 --no-create-home --shell /usr/sbin/nologin studentapi
COPY --from=build /opt/studentapi /opt/studentapi
ENV PATH=/opt/studentapi/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    STUDENTAPI_HOST=0.0.0.0 \
    STUDENTAPI_PORT=8000 \
    STUDENTAPI_PROCESSES=2
WORKDIR /opt/studentapi
USER studentapi
EXPOSE 8000
# Whether the process answers; /readyz says whether its database does, which a restart would not mend.
HEALTHCHECK --interval=10s --timeout=3s --start-period=30s --retries=3 \
    CMD ["python", "-c", "import os, urllib.request as u; u.urlopen('http://127.0.0.1:' + os.environ['STUDENTAPI_PORT'] + '/livez', timeout=2)"]
ENTRYPOINT ["studentapi"]
CMD ["serve"]
