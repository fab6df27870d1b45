# The worker. `docker build -t iam-bootstrap .`, and see docker-compose.yml for what it needs around it.
#
# Node 22, because Node 20 gets no security fixes any more. Debian and not Alpine, because Temporal's native core
# (@temporalio/core-bridge) is built for glibc only. Both images have to be of one release of Debian.
ARG NODE_IMAGE=docker.io/library/node:22-bookworm-slim
ARG DEBIAN_IMAGE=docker.io/library/debian:bookworm-slim

FROM ${NODE_IMAGE} AS build
WORKDIR /app
COPY package.json package-lock.json ./
RUN npm ci --no-audit --no-fund
COPY tsconfig.json tsconfig.build.json ./
COPY scripts ./scripts
COPY src ./src
# dist/, with the workflows bundled, so that a worker starts in a second and bundles nothing when it runs.
RUN npm run build && find dist -type f '(' -name '*.map' -o -name '*.d.ts' ')' -delete

FROM ${NODE_IMAGE} AS dependencies
# Temporal's core trusts the authorities of this file, where TLS has none of its own. Slim images have none.
RUN apt-get update && apt-get install -y --no-install-recommends ca-certificates
WORKDIR /app
COPY package.json package-lock.json ./
# The core comes for five platforms, 25 to 30 MB each. The one of this image stays; the build fails where there is none.
# Source maps and types are for people who develop.
RUN npm ci --omit=dev --no-audit --no-fund \
    && find node_modules -type f '(' -name '*.map' -o -name '*.d.ts' -o -name '*.d.mts' -o -name '*.d.cts' ')' -delete \
    && cd node_modules/@temporalio/core-bridge/releases \
    && test -d "$(uname -m)-unknown-linux-gnu" \
    && find . -mindepth 1 -maxdepth 1 ! -name "$(uname -m)-unknown-linux-gnu" -exec rm -r {} +

# Node.js alone: no npm, and no headers.
FROM ${DEBIAN_IMAGE}
# The C library keeps freed memory for each of many threads apart: 45 MB of a worker after 1,000 roles, which two arenas spare.
ENV NODE_ENV=production \
    MALLOC_ARENA_MAX=2 \
    IAM_BOOTSTRAP_HEALTH=0.0.0.0:8080
RUN groupadd --gid 1000 node && useradd --uid 1000 --gid node --create-home node
WORKDIR /app
COPY --from=dependencies /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/
COPY --from=dependencies /usr/local/bin/node /usr/local/bin/
COPY package.json LICENSE ./
COPY --from=dependencies /app/node_modules ./node_modules
COPY --from=build /app/dist ./dist
# Nothing of it is written when it runs: the file system can be read-only.
USER node
LABEL org.opencontainers.image.title="iam-bootstrap" \
    org.opencontainers.image.licenses="Apache-2.0"
EXPOSE 8080
# Asked to stop, it lets what is under way end, for up to 30 seconds: `docker stop --time 45`.
HEALTHCHECK --interval=10s --timeout=5s --start-period=30s --retries=3 \
    CMD ["node", "-e", "fetch('http://127.0.0.1:8080/health').then((answer) => process.exit(answer.ok ? 0 : 1), () => process.exit(1))"]
ENTRYPOINT ["node", "dist/cli/main.js"]
CMD ["worker"]
