# syntax=docker/dockerfile:1
#
# Pulsecheck in an image without shell or package manager: a Node.js, the program in a few files, and what V8 compiled from
# them. It needs no volume, no capability and no writable file system:
#
#   docker build --tag pulsecheck .
#   docker run --read-only --cap-drop=all --memory=96m -p 127.0.0.1:9797:9797 \
#     -v ./pulsecheck.yml:/etc/pulsecheck/pulsecheck.yml:ro pulsecheck
#
# Without arguments it reads pulsecheck.yml of its working directory, /etc/pulsecheck, or else the environment.

# Node.js is copied from the first image, so that it is the one that compiled the program: V8 takes no other's code.
ARG NODE_IMAGE=docker.io/library/node:24.21.0-bookworm-slim
# The C and C++ libraries, certificate authorities, time zones and the user nonroot.
ARG BASE_IMAGE=gcr.io/distroless/cc-debian12:nonroot

FROM ${NODE_IMAGE} AS build
WORKDIR /build
COPY package.json package-lock.json ./
COPY runtime/package.json runtime/
RUN npm ci --ignore-scripts --workspaces=false --no-audit --no-fund
COPY . .
RUN node scripts/build.ts --program \
  && mkdir -p /image/usr/local/bin /image/opt/pulsecheck /image/etc/pulsecheck \
  && cp "$(node -p process.execPath)" /image/usr/local/bin/node \
  && cp -R dist/bin.cjs dist/program LICENSE /image/opt/pulsecheck/ \
  # There is no env to look for node.
  && sed -i '1s|.*|#!/usr/local/bin/node|' /image/opt/pulsecheck/bin.cjs \
  && find /image/opt/pulsecheck -name '*.map' -delete \
  && ln -s /opt/pulsecheck/bin.cjs /image/usr/local/bin/pulsecheck \
  && chmod -R a+rX,go-w /image

FROM ${BASE_IMAGE}
ARG VERSION=0.1.0
ARG REVISION=unknown
ARG CREATED=1970-01-01T00:00:00Z
LABEL org.opencontainers.image.title="Pulsecheck" \
  org.opencontainers.image.description="Prometheus exporter of dependency health" \
  org.opencontainers.image.licenses="Apache-2.0" \
  org.opencontainers.image.version="${VERSION}" \
  org.opencontainers.image.revision="${REVISION}" \
  org.opencontainers.image.created="${CREATED}"
COPY --from=build /image/ /
# The C library keeps what one thread has freed for that thread; with one arena, others use it. RSS is 4 MiB lower with 10
# dependencies and 16 MiB with 1,000, at the same processor time (docs/performance.md).
ENV NODE_ENV=production MALLOC_ARENA_MAX=1
USER 65532:65532
WORKDIR /etc/pulsecheck
EXPOSE 9797
# Kubernetes ignores this and has probes of its own.
HEALTHCHECK --interval=10s --timeout=5s --start-period=10s CMD ["pulsecheck", "healthcheck"]
# Pulsecheck handles its signals as a container's first process, so it needs no init.
ENTRYPOINT ["/usr/local/bin/node", "/opt/pulsecheck/bin.cjs"]
