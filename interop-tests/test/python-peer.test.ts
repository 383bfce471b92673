// A second implementation of the portable encoding, in another language and on a machine of another byte order.

import { fileURLToPath } from 'node:url';
import t, { type Test } from 'tap';
import { type Cut, CuttingRelay } from '../src/cutting-relay.js';
import { serveDevice } from '../src/device-server.js';
import { type PythonMachine, type PythonResult, preparePython, runPython } from '../src/python.js';

const VECTORS = fileURLToPath(
  new URL('../../packages/core/test/protocol/portable/vectors.json', import.meta.url),
);

/** Every "ok" line becomes an assertion of ours, and the last line tells how many there must be. */
function report(t: Test, { byteOrder }: PythonMachine, { code, lines }: PythonResult): void {
  const checks = lines.filter((line) => line.startsWith('ok '));
  for (const check of checks) t.pass(check.slice('ok '.length));
  const what = lines.at(-1) ?? '';
  t.match(what, new RegExp(`^${checks.length} of ${checks.length} .*, ${byteOrder}-endian$`));
  t.equal(code, 0, 'the script is content') || t.comment(lines.join('\n'));
}

/**
 * Bytes that a connection lets through: into the header of a preface and its map, the lengths of a frame, a link
 * frame, a record, small and large data.
 */
const AWKWARD_BYTES = [
  1, 15, 16, 17, 150, 7000, 259, 260, 263, 264, 300, 40_000, 277, 288, 350, 1000, 300_000, 270,
  2500, 90_000,
];

/** The first connection lasts until VERSION is answered. */
function cutOf(connection: number): Cut {
  const after = AWKWARD_BYTES[connection % AWKWARD_BYTES.length] ?? 0;
  return {
    from: connection % 2 === 0 ? 'client' : 'server',
    after: connection === 0 ? 2000 : after + connection,
    how: connection % 3 === 0 ? 'end' : 'reset',
  };
}

for (const machine of await preparePython()) {
  t.test(`Python on ${machine.name} reads and writes every test vector`, async (t) => {
    report(t, machine, await runPython(machine, 'vectors.py', VECTORS));
  });

  t.test(`Python on ${machine.name} drives the bench device over TCP`, async (t) => {
    const server = await serveDevice('bench', 'tcp://127.0.0.1:0');
    t.teardown(() => server.stop());
    report(t, machine, await runPython(machine, 'drive_bench.py', server.address));
    t.ok(server.isRunning, 'the server has survived');
  });

  t.test(`Python on ${machine.name} goes on over connections that break`, async (t) => {
    const server = await serveDevice('bench', 'tcp://127.0.0.1:0');
    t.teardown(() => server.stop());
    const relay = await CuttingRelay.start(t, server.address, cutOf);
    report(t, machine, await runPython(machine, 'drive_resume.py', relay.uri));
    t.comment(`${relay.connections} connections`);
    t.ok(server.isRunning, 'the server has survived');
  });
}
