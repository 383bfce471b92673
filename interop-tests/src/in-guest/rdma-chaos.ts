// rdma-chaos SEED FAULTS: drives a device over RDMA, served by another process of this machine, while the link between them
// fails at random. Each operation is verified.

import { execFile } from 'node:child_process';
import { setTimeout as delay } from 'node:timers/promises';
import { promisify } from 'node:util';
import { Random, Tally, TestDeviceWork } from '@vfio-user/chaos';
import { connectDevice } from '@vfio-user/core';
import type { Test } from 'tap';
import { runChecks } from './checks.js';
import { CountedRdma } from './counted-rdma.js';
import { Program } from './program.js';

const run = promisify(execFile);
const URI = 'rdma://10.0.0.1:7000';
const LONGEST_PAUSE_MS = 300;
const LONGEST_STOP_MS = 1_500;

const [seed = '1', faults = '40'] = process.argv.slice(2);
const random = new Random(Number(seed));
const server = new Program('rdma-serve', URI);
const links = new CountedRdma({ fallsBack: true });

const KINDS: Readonly<Record<string, () => Promise<void>>> = {
  'the link ends': async () => links.cut(),
  'the server is stopped': () => server.stop(random.between(1, LONGEST_STOP_MS)),
  'the client is stopped': async () => {
    Atomics.wait(
      new Int32Array(new SharedArrayBuffer(4)),
      0,
      0,
      random.between(1, LONGEST_STOP_MS),
    );
  },
  'the RDMA device is taken away and comes back': async () => {
    await run('/usr/bin/rdma', ['link', 'delete', 'rxe0']);
    await run('/usr/bin/rdma', ['link', 'add', 'rxe0', 'type', 'rxe', 'netdev', 'eth0']);
    // Until then everything goes by messages.
    links.cut();
  },
};

async function survivesFaults(t: Test): Promise<void> {
  const client = await connectDevice(URI, { registry: links.registry, timeoutMs: 0 });
  const tally = new Tally();
  const work = await TestDeviceWork.open(client, tally, new Random(random.seed()));
  let rounds = 0;
  let isOver = false;
  const working = (async () => {
    for (; !isOver; rounds++) await work.round();
  })();

  const counts = new Map<string, number>();
  const settled = async (): Promise<void> => {
    // One that has begun is not all of it after the fault.
    for (const enough = rounds + 2; rounds < enough; ) {
      await Promise.race([delay(1), working]);
    }
  };
  for (let fault = 0; fault < Number(faults); fault++) {
    await delay(random.between(0, LONGEST_PAUSE_MS));
    const kind = random.pick(Object.keys(KINDS));
    await KINDS[kind]?.();
    await settled();
    counts.set(kind, (counts.get(kind) ?? 0) + 1);
  }
  isOver = true;
  await working;
  await work.close();

  for (const [kind, count] of counts) process.stdout.write(`${count} times: ${kind}\n`);
  const { operations, lost, repeated, wrong } = tally.outcome;
  process.stdout.write(
    `${operations} operations, ${lost} lost, ${repeated} repeated, ${wrong} wrong\n`,
  );
  t.ok(links.connections > 1, 'the link was made again by RDMA');
  t.equal(lost + repeated + wrong, 0, `seed ${seed}: ${tally.notes.join('; ')}`);
}

await server.printed('SERVING');
await runChecks((t) => {
  t.test('nothing is lost or repeated while a link over RDMA fails', survivesFaults);
});
await server.kill();
