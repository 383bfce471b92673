import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { createConnection } from 'node:net';
import { connectDevice, Region, TransportRegistry } from '@vfio-user/core';
import { bind, listen, socketPair, streamSocket, unixSocketAddress } from '@vfio-user/posix-ffi';
import { tcpTransport } from '@vfio-user/transport-tcp';
import { unixTransport } from '@vfio-user/transport-unix';
import t from 'tap';
import { socketFolder } from '../../../tools/support/socket-folder.js';
import { watchTermination } from '../src/termination.js';
import { runCli } from './cli-process.js';
import { runCaught } from './fake-io.js';

const registry = new TransportRegistry([unixTransport(), tcpTransport()]);

t.test('native code masks the messages of WebSockets, also from within the bundle', async (t) => {
  // The shell tells its number and becomes the command.
  const server = runCli(t, ['serve', 'counter', '--listen', 'ws://127.0.0.1:0'], {
    prefix: 'echo $$;',
  });
  const pid = await server.line('stdout', /^\d+$/);
  await server.line('stdout', /^listening/);
  t.match(readFileSync(`/proc/${pid}/maps`, 'utf8'), /bufferutil\S*\.node/);
  server.signal('SIGTERM');
  t.equal((await server.ended()).code, 0);
});

t.test('a device serves one client after the other until SIGTERM', async (t) => {
  const path = `${socketFolder(t)}/dev.sock`;
  const uri = `unix://${path}`;
  const server = runCli(t, ['serve', 'counter', '--listen', uri, '--set', 'modulus=10']);
  t.equal(await server.line('stdout', /./), `listening ${uri}`);

  const client = await connectDevice(uri, { registry });
  await client.regionWrite(Region.BAR0, 4, Uint8Array.of(7, 0, 0, 0));
  await client.regionWrite(Region.BAR0, 4, Uint8Array.of(7, 0, 0, 0));
  t.strictSame([...(await client.regionRead(Region.BAR0, 0, 4))], [4, 0, 0, 0]);
  await client.close();
  const again = await connectDevice(uri, { registry });

  server.signal('SIGUSR2');
  const statistics = JSON.parse(await server.line('stderr', /"statistics"/));
  t.equal(statistics.clientsServed, 2);
  await again.close();

  server.signal('SIGTERM');
  const { code, stdout, stderr } = await server.ended();
  t.equal(code, 0);
  t.strictSame(stdout, [`listening ${uri}`], 'nothing else on stdout');
  t.match(JSON.parse(stderr.at(-1) ?? ''), { signal: 'SIGTERM', msg: 'ending' });
  t.notOk(existsSync(path), 'the socket is removed');
});

t.test('info describes the device of a running server, for people and as JSON', async (t) => {
  const uri = `unix://${socketFolder(t)}/dev.sock`;
  const server = runCli(t, ['serve', 'counter', '--listen', uri]);
  await server.line('stdout', /^listening /);

  const { code, stdout } = await runCaught(['info', uri]);
  t.equal(code, 0);
  t.match(stdout, /^1234:c001 Unassigned class \[ff0000\]/);
  t.match(stdout, /Region 0 \(BAR0\): size 4K, memory 32-bit, non-prefetchable/);
  t.match(stdout, /Interrupt 2 \(MSIX\): count 1, eventfd\+/);
  t.match(stdout, /Capabilities: \[40\] MSI-X: enable- count=1 masked- table=BAR1\+0x0/);
  t.match(stdout, /Transport: unix:.* fdPassing\+ sharedMemory\+/);

  const json = JSON.parse((await runCaught(['info', uri, '--json'])).stdout);
  t.match(json.config, { vendorId: 0x1234, deviceId: 0xc001, interruptPin: 'A' });
  t.match(json.regions[0], { name: 'BAR0', size: '0x1000', readable: true, mappable: [] });
  t.match(json.protocol, { major: 0 });
});

t.test('work of a device that fails ends neither the server nor its client', async (t) => {
  const uri = `unix://${socketFolder(t)}/dev.sock`;
  const failing = t.testdir({
    'fail.mjs': `process.on('SIGUSR1', () => Promise.reject(new Error('no such page')));`,
  });
  const server = runCli(t, ['serve', 'counter', '--listen', uri], {
    prefix: `NODE_OPTIONS='--import=file://${failing}/fail.mjs'`,
  });
  await server.line('stdout', /^listening /);
  const client = await connectDevice(uri, { registry });
  await client.regionWrite(Region.BAR0, 4, Uint8Array.of(7, 0, 0, 0));
  server.signal('SIGUSR1');
  const { level, err, msg } = JSON.parse(await server.line('stderr', /"err"/));
  t.equal(level, 50);
  t.equal(err.message, 'no such page');
  t.match(msg, /^the device failed: until it is reset/);
  t.strictSame([...(await client.regionRead(Region.BAR0, 0, 4))], [255, 255, 255, 255]);
  await client.reset();
  t.strictSame([...(await client.regionRead(Region.BAR0, 0, 4))], [0, 0, 0, 0]);
  await client.close();
  server.signal('SIGTERM');
  t.equal((await server.ended()).code, 0);
});

t.test('an error that nothing catches is told, and ends the command', async (t) => {
  const throwing = t.testdir({
    'preload.mjs': `process.on('newListener', (name) => {
      if (name === 'uncaughtException') setImmediate(() => { throw new Error('out of order'); });
    });`,
  });
  const prefix = `NODE_OPTIONS='--import ${throwing}/preload.mjs'`;
  const uri = `unix://${socketFolder(t)}/dev.sock`;
  const { code, stderr } = await runCli(t, ['serve', 'counter', '--listen', uri], {
    prefix,
  }).ended();
  t.equal(code, 1);
  t.match(stderr[0], /^vfio-user: unexpected error: Error: out of order$/);
});

t.test('few descriptors are enough: files are not opened by the hundred', async (t) => {
  const uri = `unix://${socketFolder(t)}/dev.sock`;
  // Without the loaders that tap adds.
  const few = { prefix: 'ulimit -n 40; NODE_OPTIONS=' };
  const server = runCli(t, ['serve', 'nvme', '--set', 'size=1M', '--listen', uri], few);
  t.equal(await server.line('stdout', /./), `listening ${uri}`);
  const info = await runCli(t, ['info', uri], few).ended();
  t.equal(info.code, 0, info.stderr.join('\n'));
});

t.test("--once with QEMU's --socket-path ends with the first client", async (t) => {
  const path = `${socketFolder(t)}/a b.sock`;
  const server = runCli(t, ['serve', 'counter', '--once', `--socket-path=${path}`]);
  const [, uri = ''] = (await server.line('stdout', /^listening /)).split(' ');
  const client = await connectDevice(uri, { registry });
  await client.close();
  t.equal((await server.ended()).code, 0);
});

t.test('--once is not for connections that say nothing: a probe, a second start', async (t) => {
  const path = `${socketFolder(t)}/dev.sock`;
  for (const uri of [`unix://${path}`, 'tcp://127.0.0.1:0', 'tcp://127.0.0.1:0?encoding=native']) {
    const server = runCli(t, ['serve', 'counter', '--once', '--listen', uri]);
    const [, bound = ''] = (await server.line('stdout', /^listening /)).split(' ');
    const port = Number(/:(\d+)/.exec(bound)?.[1]);
    const probe = createConnection(uri.startsWith('unix') ? { path } : { port, host: '127.0.0.1' });
    await once(probe, 'connect');
    probe.end();
    await once(probe.resume(), 'close');
    if (uri.startsWith('unix')) {
      const second = runCli(t, ['serve', 'gpio', '--listen', uri]);
      const { code, stderr } = await second.ended();
      t.equal(code, 1);
      t.match(stderr.join('\n'), /another process listens there already/);
    }
    const client = await connectDevice(bound, { registry });
    await client.regionRead(Region.BAR0, 0, 4);
    await client.close();
    t.equal((await server.ended()).code, 0, uri);
  }
});

t.test('an inherited socket whose client says nothing and goes ends the command', async (t) => {
  for (const args of [
    ['serve', 'counter', '--listen', 'fd:3'],
    ['serve', 'counter', '--listen', 'fd:3?encoding=portable'],
    ['bridge', '--listen', 'fd:3', '--connect', 'unix:///nowhere'],
    ['trace', '--listen', 'fd:3', '--connect', 'unix:///nowhere'],
  ]) {
    const [ours, theirs] = socketPair();
    const server = runCli(t, args, { inherit: theirs.number });
    theirs.close();
    await server.line('stdout', /^listening /);
    ours.close();
    t.equal((await server.ended()).code, 0, args.join(' '));
  }
});

t.test('--socket-mode and --socket-group say who may connect', async (t) => {
  const path = `${socketFolder(t)}/dev.sock`;
  const uri = `unix://${path}`;
  const gid = statSync(socketFolder(t)).gid;
  for (const [name, args] of Object.entries({
    serve: ['serve', 'counter', '--listen', uri],
    'serve --socket-path': ['serve', 'counter', '--socket-path', path],
    bridge: ['bridge', '--listen', uri, '--connect', 'unix:///nowhere'],
    trace: ['trace', '--listen', uri, '--connect', 'unix:///nowhere'],
  })) {
    for (const [options, mode] of [
      [['--socket-mode', '0666'], 0o666],
      [['--socket-group', String(gid)], 0o660],
      [['--socket-mode=620', `--socket-group=${gid}`], 0o620],
    ] as const) {
      const server = runCli(t, [...args, ...options]);
      await server.line('stdout', /^listening /);
      t.equal(statSync(path).mode & 0o777, mode, `${name} ${options.join(' ')}`);
      server.signal('SIGTERM');
      t.equal((await server.ended()).code, 0);
    }
  }
});

t.test('--socket-mode and --socket-group where they make no sense', async (t) => {
  const counter = ['serve', 'counter', '--listen'];
  const bad: readonly (readonly [args: readonly string[], why: RegExp])[] = [
    [['unix:///tmp/x.sock', '--socket-mode', 'rw'], /--socket-mode rw: expected.*0660/],
    [['unix:///tmp/x.sock', '--socket-mode', '888'], /expected permissions in octal/],
    [['unix:///tmp/x.sock', '--socket-group', ''], /which group/],
    [['unix:///tmp/x.sock', '--socket-group', 'no-such-group'], /no group no-such-group/],
    [['unix:@name', '--socket-mode', '0660'], /no file at unix:@name/],
    [['tcp://127.0.0.1:0', '--socket-group', 'kvm'], /no file at tcp:/],
    [['fd:3', '--socket-mode', '0660'], /made by somebody else.*SocketMode=/],
  ];
  for (const [args, why] of bad) {
    const { code, stderr } = await runCaught([...counter, ...args]);
    t.equal(code, 2, args.join(' '));
    t.match(stderr, why);
  }
});

t.test('info through a bridge says why there is no device, or who has it', async (t) => {
  const folder = socketFolder(t);
  const device = `unix://${folder}/device.sock`;
  for (const query of ['', '?encoding=portable']) {
    const near = `unix://${folder}/bridge.sock${query}`;
    const bridge = runCli(t, ['bridge', '--listen', near, '--connect', device]);
    await bridge.line('stdout', /^listening /);
    const none = await runCaught(['info', near]);
    t.equal(none.code, 1);
    t.match(
      none.stderr,
      query === '' ? /bridge.*no socket.*errno 2/ : /device.sock.*no such socket/,
    );

    const server = runCli(t, ['serve', 'counter', '--listen', device]);
    await server.line('stdout', /^listening /);
    const other = await connectDevice(device, { registry });
    const busy = await runCaught(['info', near]);
    t.equal(busy.code, 1);
    t.match(busy.stderr, /serves another client/);
    await other.close();
    t.equal((await runCaught(['info', near])).code, 0);
    for (const process of [bridge, server]) {
      process.signal('SIGTERM');
      await process.ended();
    }
  }
});

t.test('an inherited listening socket is served: --fd and systemd activation', async (t) => {
  const cases = [
    { args: ['--fd=3'], prefix: '' },
    { args: [], prefix: 'LISTEN_PID=$$ LISTEN_FDS=1' },
  ];
  for (const { args, prefix } of cases) {
    const path = `${socketFolder(t)}/dev.sock`;
    const socket = streamSocket();
    bind(socket, unixSocketAddress(path));
    listen(socket, 1);
    const inherit = socket.number;
    const server = runCli(t, ['serve', 'counter', '--once', ...args], { inherit, prefix });
    socket.close();
    t.equal(await server.line('stdout', /./), 'listening fd:3');
    const client = await connectDevice(`unix://${path}`, { registry });
    t.equal(client.info.numRegions, 9);
    await client.close();
    t.equal((await server.ended()).code, 0);
  }
});

t.test('an inherited connected socket is served until its client leaves', async (t) => {
  const [ours, theirs] = socketPair();
  const server = runCli(t, ['serve', 'counter', '--fd=3'], { inherit: theirs.number });
  theirs.close();
  // The connection takes the descriptor over.
  const client = await connectDevice(`fd:${ours.number}`, { registry });
  t.equal(client.info.numRegions, 9);
  await client.close();
  t.equal((await server.ended()).code, 0);
});

t.test('a reader of stdout that goes away is no error', async (t) => {
  const command = runCli(t, ['serve', '--help']);
  command.closeStdout();
  t.match(await command.ended(), { code: 0, stderr: [] });
});

t.test('the first SIGINT asks for a clean end, the second one ends at once', async (t) => {
  const exit = t.capture(process, 'exit', () => undefined as never);
  const termination = watchTermination();
  process.emit('SIGINT', 'SIGINT');
  t.equal(await termination.requested, 'SIGINT');
  t.strictSame(exit(), []);
  process.emit('SIGINT', 'SIGINT');
  t.match(exit(), [{ args: [130] }]);
  termination.dispose();
});

t.test('SIGHUP reads certificates again and ends nothing', async (t) => {
  const folder = t.testdir();
  const [cert, key] = [`${folder}/own.pem`, `${folder}/own.key`];
  const issue = (): void => {
    const words = 'req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -batch';
    const files = ['-subj', '/CN=localhost', '-keyout', key, '-out', cert];
    execFileSync('openssl', [...words.split(' '), ...files], { stdio: 'ignore' });
  };
  issue();
  const listen = `tls://127.0.0.1:0?cert=${cert}&key=${key}`;
  for (const args of [
    ['serve', 'counter', '--listen', listen],
    ['bridge', '--listen', listen, '--connect', 'unix:@vfio-user-nobody-is-here'],
    ['trace', '-v', '--listen', listen, '--connect', 'tcp://127.0.0.1:1'],
  ]) {
    const server = runCli(t, args);
    await server.line('stdout', /^listening tls:/);
    issue();
    server.signal('SIGHUP');
    await server.line('stderr', /renewed certificates are used/);
    writeFileSync(cert, 'half a cert');
    server.signal('SIGHUP');
    await server.line('stderr', /changed certificates cannot be used/);
    issue();
    server.signal('SIGTERM');
    t.match(await server.ended(), { code: 0 });
  }
});

t.test('a bridge whose device could not signal interrupts does not start', async (t) => {
  const listen = `unix://${socketFolder(t)}/bridge.sock`;
  const connect = 'tcp://127.0.0.1:7000?encoding=native';
  const bridge = runCli(t, ['bridge', '--listen', listen, '--connect', connect]);
  const { code, stderr } = await bridge.ended();
  t.equal(code, 2);
  t.match(stderr.join('\n'), /interrupts cannot travel over tcp: .* use encoding=portable/);
});
