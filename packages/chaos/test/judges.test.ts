// What judges finds what is lost, repeated or wrong, and nothing else.

import { setImmediate } from 'node:timers/promises';
import {
  connectDevice,
  type DeviceClient,
  type GuestMemory,
  serve,
  TransportRegistry,
} from '@vfio-user/core';
import { bench, benchRegisters, counter, nvme } from '@vfio-user/devices';
import { GUEST_BASE } from '@vfio-user/drivers';
import { memoryTransport } from '@vfio-user/transport-memory';
import t, { type Test } from 'tap';
import { Random } from '../src/random.js';
import { BlockModel } from '../src/workloads/block-model.js';
import { CounterSteps, MODULUS } from '../src/workloads/counter-steps.js';
import { InterruptCount } from '../src/workloads/interrupt-count.js';
import { DISK_BYTES, NvmeBlocks } from '../src/workloads/nvme-blocks.js';
import { Tally } from '../src/workloads/tally.js';
import { TestDeviceWork } from '../src/workloads/test-device.js';

const ROUNDS = 20;
const registry = new TransportRegistry([memoryTransport()]);
let served = 0;

async function clientOf(t: Test, name: 'counter' | 'bench' | 'nvme'): Promise<DeviceClient> {
  const listen = `memory:chaos-${served++}`;
  const common = { registry, listen };
  const server = await {
    counter: () =>
      serve({
        definition: counter,
        options: counter.options.parse({ modulus: MODULUS }),
        ...common,
      }),
    bench: () => serve({ definition: bench, options: bench.options.parse({}), ...common }),
    nvme: () =>
      serve({
        definition: nvme,
        options: nvme.options.parse({ size: String(DISK_BYTES) }),
        ...common,
      }),
  }[name]();
  t.teardown(() => server.close());
  return connectDevice(server.uri, { registry });
}

/** A client that does some things in another way. */
function changed(client: DeviceClient, changes: Partial<DeviceClient>): DeviceClient {
  return new Proxy(client, {
    get(target, name) {
      const value = name in changes ? Reflect.get(changes, name) : Reflect.get(target, name);
      return typeof value === 'function' ? value.bind(target) : value;
    },
  });
}

/** Calls `instead` for the posted write of this number, counted from 0, of a register. */
function postedWrite(
  client: DeviceClient,
  offset: number,
  number: number,
  instead: (write: () => boolean) => boolean,
): Partial<DeviceClient> {
  let writes = 0;
  return {
    regionWritePosted(region, at, data) {
      const write = (): boolean => client.regionWritePosted(region, at, data);
      return at === offset && writes++ === number ? instead(write) : write();
    },
  };
}

const lose = (): boolean => true;
const repeat = (write: () => boolean): boolean => write() && write();

/** Interrupts as they come, with one change: the first signal counts so many times. */
function firstSignal(client: DeviceClient, times: number): Partial<DeviceClient> {
  let isFirst = true;
  return {
    enableInterrupts: (index, count, handler) =>
      client.enableInterrupts(index, count, (vector, signals) => {
        const all = isFirst ? signals * times : signals;
        isFirst = false;
        if (all > 0) handler(vector, all);
      }),
  };
}

const impatient = (what: string) => new InterruptCount(what, 1);

t.test('steps of a counter', async (t) => {
  const STEP = 4;
  const judged = async (
    t: Test,
    changesOf: (client: DeviceClient) => Partial<DeviceClient>,
  ): Promise<Tally> => {
    const client = await clientOf(t, 'counter');
    const tally = new Tally();
    const faulty = changed(client, changesOf(client));
    const steps = await CounterSteps.open(faulty, tally, new Random(1), impatient('of wraps'));
    for (let i = 0; i < ROUNDS; i++) await steps.round();
    await steps.close();
    return tally;
  };
  t.test('all is well', async (t) => {
    const tally = await judged(t, () => ({}));
    t.ok(tally.isGood, tally.notes.join());
    t.ok(tally.outcome.operations > ROUNDS);
  });
  t.test('one is lost', async (t) => {
    const { outcome } = await judged(t, (client) => postedWrite(client, STEP, 20, lose));
    t.match(outcome, { lost: 1, wrong: 0 });
  });
  t.test('one is repeated', async (t) => {
    const { outcome } = await judged(t, (client) => postedWrite(client, STEP, 20, repeat));
    t.match(outcome, { repeated: 1, wrong: 0 });
  });
  t.test('an interrupt is lost', async (t) => {
    const { outcome } = await judged(t, (client) => firstSignal(client, 0));
    t.match(outcome, { lost: 1, repeated: 0, wrong: 0 });
  });
  t.test('an interrupt is repeated', async (t) => {
    const { outcome } = await judged(t, (client) => firstSignal(client, 2));
    t.match(outcome, { lost: 0, repeated: 1, wrong: 0 });
  });
});

t.test('the test device', async (t) => {
  const judged = async (
    t: Test,
    changesOf: (client: DeviceClient) => Partial<DeviceClient>,
  ): Promise<Tally> => {
    const client = await clientOf(t, 'bench');
    const tally = new Tally();
    const faulty = changed(client, changesOf(client));
    const interrupts = [impatient('of rings'), impatient('of bursts')];
    const work = await TestDeviceWork.open(faulty, tally, new Random(1), interrupts);
    for (let i = 0; i < ROUNDS; i++) await work.round();
    await work.close();
    return tally;
  };
  t.test('all is well', async (t) => {
    const tally = await judged(t, () => ({}));
    t.ok(tally.isGood, tally.notes.join());
  });
  t.test('a write is lost', async (t) => {
    const { outcome } = await judged(t, (client) =>
      postedWrite(client, benchRegisters.SCRATCH, 3, lose),
    );
    t.match(outcome, { lost: 1, repeated: 0 });
  });
  t.test('a write is repeated', async (t) => {
    const { outcome } = await judged(t, (client) =>
      postedWrite(client, benchRegisters.SCRATCH, 3, repeat),
    );
    t.match(outcome, { lost: 0, repeated: 1, wrong: 0 });
  });
  t.test('an interrupt is lost, and repeated', async (t) => {
    const lost = await judged(t, (client) => firstSignal(client, 0));
    t.match(lost.outcome, { lost: 1, repeated: 0, wrong: 0 });
    const repeated = await judged(t, (client) => firstSignal(client, 2));
    t.match(repeated.outcome, { lost: 0, repeated: 1, wrong: 0 });
  });
  t.test('data goes to another place', async (t) => {
    const { outcome } = await judged(t, (client) => ({
      // A copy's destination is somewhere else.
      dmaMap: (options) =>
        client.dmaMap(
          options.address === 0x2000_0000
            ? { ...options, memory: client.allocateMemory(options.memory.length) }
            : options,
        ),
    }));
    t.equal(outcome.wrong, ROUNDS);
  });
});

t.test('blocks of a disk', async (t) => {
  const BLOCK_BYTES = 4096;
  t.test('content that was written before, or never', async (t) => {
    const model = new BlockModel(1, BLOCK_BYTES);
    const judge = (content: Uint8Array): Tally => {
      const tally = new Tally();
      model.verify(5, content, tally);
      return tally;
    };
    const zeros = new Uint8Array(BLOCK_BYTES);
    t.ok(judge(zeros).isGood, 'nothing was written');
    const first = model.write(5).slice();
    t.ok(judge(first).isGood);
    t.match(judge(zeros).outcome, { lost: 1, wrong: 0 }, 'the first write is lost');
    const other = model.write(6).slice();
    const second = model.write(5).slice();
    t.ok(judge(second).isGood);
    t.match(judge(first).outcome, { lost: 1, wrong: 0 }, 'the second write is lost');
    t.match(judge(other).outcome, { lost: 0, wrong: 1 }, 'that is another block');
    second[4000] = (second[4000] as number) ^ 1;
    t.match(judge(second).outcome, { lost: 0, wrong: 1 }, 'a bit has changed');
  });
  t.test('commands complete once', async (t) => {
    const client = await clientOf(t, 'nvme');
    let guest: GuestMemory | undefined;
    const faulty = changed(client, {
      dmaMap(options) {
        guest = options.memory;
        return client.dmaMap(options);
      },
    });
    const tally = new Tally();
    const blocks = await NvmeBlocks.open(faulty, tally, new Random(1));
    for (let i = 0; i < ROUNDS; i++) await blocks.round();
    t.ok(tally.isGood, tally.notes.join());
    forgeCompletion(guest, tally.outcome.operations);
    // It does not end, as the forged completion takes the place of one that follows.
    void blocks.round();
    while (tally.isGood) await setImmediate();
    t.match(tally.outcome, { lost: 0, repeated: 1, wrong: 0 });
    await blocks.close();
  });
});

/** Put the completion of a command that nobody has issued behind `completions` others. */
function forgeCompletion(guest: GuestMemory | undefined, completions: number): void {
  const { ENTRIES, ENTRY_BYTES, QUEUE } = { ENTRIES: 64, ENTRY_BYTES: 16, QUEUE: 3 * 4096 };
  const at = QUEUE + (completions % ENTRIES) * ENTRY_BYTES;
  const entry = guest?.view(at, ENTRY_BYTES);
  if (entry === undefined) throw new Error(`no memory at ${GUEST_BASE + at}`);
  const phase = 1 ^ (Math.floor(completions / ENTRIES) & 1);
  new DataView(entry.buffer, entry.byteOffset).setUint32(12, 0x8000 | (phase << 16), true);
}
