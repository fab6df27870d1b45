# The worker. `docker build -t iam-bootstrap .`, and see docker-compose.yml for what it needs around it.
#
# Node 22, because Node 20 gets no security fixes any more. Debian and not Alpine, because Temporal's native core
# (@temporalio/core-bridge) is built for glibc only.
ARG NODE_IMAGE=node:22-bookworm-slim

FROM ${NODE_IMAGE} AS build
WORKDIR /app
COPY package.json package-lock.json ./
RUN npm ci --no-audit --no-fund
COPY tsconfig.json tsconfig.build.json ./
COPY scripts ./scripts
COPY src ./src
# dist/, with the workflows bundled, so that a worker starts in a second and bundles nothing when it runs.
RUN npm run build

FROM ${NODE_IMAGE} AS dependencies
WORKDIR /app
COPY package.json package-lock.json ./
# The core comes for five platforms, 25 to 30 MB each. The one of this image stays; the build fails where there is none.
RUN npm ci --omit=dev --no-audit --no-fund \
    && cd node_modules/@temporalio/core-bridge/releases \
    && test -d "$(uname -m)-unknown-linux-gnu" \
    && find . -mindepth 1 -maxdepth 1 ! -name "$(uname -m)-unknown-linux-gnu" -exec rm -r {} +

FROM ${NODE_IMAGE}
# The C library keeps freed memory for each of many threads apart: 45 MB of a worker after 1,000 roles, which two arenas spare.
ENV NODE_ENV=production \
    MALLOC_ARENA_MAX=2 \
    IAM_BOOTSTRAP_HEALTH=0.0.0.0:8080
WORKDIR /app
COPY package.json LICENSE ./
COPY --from=dependencies /app/node_modules ./node_modules
COPY --from=build /app/dist ./dist
# Nothing of it is written when it runs: the file system can be read-only.
USER node
EXPOSE 8080
# Asked to stop, it lets what is under way end, for up to 30 seconds: `docker stop --time 45`.
HEALTHCHECK --interval=10s --timeout=5s --start-period=30s --retries=3 \
    CMD ["node", "-e", "fetch('http://127.0.0.1:8080/health').then((answer) => process.exit(answer.ok ? 0 : 1), () => process.exit(1))"]
ENTRYPOINT ["node", "dist/cli/main.js"]
CMD ["worker"]
