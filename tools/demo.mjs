// npm start: shows a device at work over every transport there is. The device runs in a process of
// its own, as it would beside a virtual machine; this process plays the machine.

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { connectDevice, TransportRegistry } from '../packages/core/dist/index.js';
import {
  Authority,
  certificateQuery,
  ListeningProcess,
  noOpenssl,
} from '../packages/support/dist/index.js';
import { tcpTransport } from '../packages/transport-tcp/dist/index.js';
import { unixTransport } from '../packages/transport-unix/dist/index.js';
import { copyMemory, countInterrupts, driverOf, exchangeRegisters } from './demo/exercise.mjs';

const COMMAND = fileURLToPath(new URL('../packages/cli/bin/vfio-user.js', import.meta.url));
const openssl = noOpenssl();

/** Each with the URI to listen on, in a folder made for this run. */
const TRANSPORTS = [
  { name: 'unix', listen: (folder) => `unix://${folder}/bench.sock` },
  { name: 'tcp', listen: () => 'tcp://127.0.0.1:0' },
  ...(openssl === false ? [{ name: 'tls', listen: (folder) => tls(folder) }] : []),
  { name: 'ws', listen: () => 'ws://127.0.0.1:0/bench' },
  {
    name: 'unix - tcp',
    listen: () => 'tcp://127.0.0.1:0',
    bridge: (folder) => `unix://${folder}/bridge.sock`,
  },
];
const TIME_LIMIT_MS = 60_000;
const COLUMNS = [14, 26, 22, 20, 0];

const registry = new TransportRegistry([unixTransport(), tcpTransport()]);

/** One certificate, which both ends show and trust. */
function tls(folder) {
  const certificate = new Authority(folder, 'demo', { names: 'IP:127.0.0.1' });
  return `tls://127.0.0.1:0${certificateQuery(certificate)}`;
}

/** Runs a command of ours until it listens. */
function start(...args) {
  return ListeningProcess.start([process.execPath, COMMAND, ...args, '--log-level', 'warn']);
}

async function stop(server) {
  const code = await server.stop();
  if (code !== 0) throw new Error(`a server ended with ${code}:\n${server.log.join('\n')}`);
}

async function demonstrate({ name, listen, bridge = undefined }, folder) {
  const uri = listen(folder);
  const device = await start('serve', 'bench', '--listen', uri);
  const query = new URL(uri).search;
  const joint =
    bridge && (await start('bridge', '--listen', bridge(folder), '--connect', device.address));
  try {
    const address = joint?.address ?? `${device.address.split('?')[0]}${query}`;
    const client = await connectDevice(address, { registry });
    const driver = await driverOf(client);
    const registers = await exchangeRegisters(driver);
    const copy = await copyMemory(driver);
    const interrupts = await countInterrupts(driver);
    await client.close();
    return { name, registers, copy, interrupts };
  } finally {
    if (joint) await stop(joint);
    await stop(device);
  }
}

function isGood({ registers, copy, interrupts }) {
  return registers.ok && copy.ok && interrupts.ok;
}

function row(...cells) {
  process.stdout.write(
    `${cells
      .map((cell, i) => cell.padEnd(COLUMNS[i]))
      .join('')
      .trimEnd()}\n`,
  );
}

function print(result) {
  const { name, registers, copy, interrupts } = result;
  row(
    name,
    `${registers.microseconds.toFixed(1)} µs`,
    `${copy.mebibytesPerSecond.toFixed(0)} MiB/s`,
    `${interrupts.received} of ${interrupts.sent}`,
    isGood(result) ? 'ok' : `WRONG: ${JSON.stringify(result)}`,
  );
}

if (openssl !== false) process.stderr.write(`demo: ${openssl}; tls: is left out\n`);
const timer = setTimeout(() => {
  process.stderr.write(`demo: no end after ${TIME_LIMIT_MS / 1000} s, giving up\n`);
  process.exit(1);
}, TIME_LIMIT_MS);
const folder = mkdtempSync(join(tmpdir(), 'vfio-user-demo-'));
process.once('exit', () => rmSync(folder, { recursive: true, force: true }));

process.stdout.write(`A PCI device in one process, its user in another. For each transport: how long the
device takes to answer a register read (median), how fast it copies memory of its user by DMA,
whether all its interrupts arrive, and whether all data is what it should be. "unix - tcp" is a user
that speaks unix, as QEMU does, joined by a bridge to a device on tcp.\n\n`);
row('transport', 'register read', 'DMA copy', 'interrupts', 'data');
for (const transport of TRANSPORTS) {
  const result = await demonstrate(transport, folder);
  print(result);
  if (!isGood(result)) process.exitCode = 1;
}
clearTimeout(timer);
