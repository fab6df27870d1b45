import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { connect, createServer } from 'node:net';

/**
 * Runs a command while 169.254.170.2, where ECS serves a container's credentials, and 127.0.0.1 answer from a Unix
 * socket. Needs a network that has both. Arguments: the socket, the command and its arguments.
 */
const [path, command, ...args] = process.argv.slice(2);

for (const address of ['169.254.170.2', '127.0.0.1']) {
  const server = createServer((socket) => {
    const upstream = connect(path);
    for (const end of [socket, upstream]) {
      end.on('error', () => {
        socket.destroy();
        upstream.destroy();
      });
    }
    socket.pipe(upstream).pipe(socket);
  });
  await once(server.listen(80, address), 'listening');
}
spawn(command, args, { stdio: 'inherit' }).once('exit', (code) => process.exit(code ?? 1));
