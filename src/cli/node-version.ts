/** The oldest version of Node.js that the dependencies support. */
const MIN_NODE: readonly [number, number] = [20, 19];

// Imported before anything else: a dependency would end an older Node.js with an error of its own.
const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
if (major < MIN_NODE[0] || (major === MIN_NODE[0] && minor < MIN_NODE[1])) {
  process.stderr.write(
    `error: Node.js ${process.version} is too old for iam-bootstrap\n` +
      `remedy: install Node.js 22, or at least ${MIN_NODE.join('.')}\n`,
  );
  process.exit(64);
}
