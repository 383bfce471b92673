import {
  Command,
  connectDevice,
  constants,
  type DeviceClient,
  DeviceState,
  Feature,
  type PciDevice,
  type PciDeviceDefinition,
  serve,
  TransportRegistry,
} from '@vfio-user/core';
import { type BenchOptions, bench, benchRegisters as register } from '@vfio-user/devices';
import type { Test } from 'tap';
import { BreakableTransport } from '../../faults/breakable-transport.js';
import type { Suite } from '../suite.js';
import { fillPattern } from '../test-frames.js';
import { openBreakable } from './resumption.js';
import { routeTo } from './route.js';
import { DEVICE_MEMORY_BYTES, dmaModes, mapGuest, VECTORS } from './test-device-session.js';

const { FEATURE_GET, FEATURE_SET } = constants;
const { RUNNING, STOP, STOP_COPY, RESUMING } = DeviceState;

const BASE = 0x6000_0000;
const PAGE = 4096;
const PAGES = 64;
const STATE_BYTES = 40_000;
const PIECE_BYTES = 1000;
const HEAD_BYTES = 8;

/** What a migration asks, which must not be carried out twice, while links break. */
export function migrationTests(suite: Suite): void {
  for (const { name, share, needs } of dmaModes) {
    suite.test(
      `the log of pages written by ${name} is the same while links break`,
      ['resumption', ...needs],
      async (t) => {
        const { driver, links } = await openBreakable(t, suite);
        const { client } = driver;
        await mapGuest(client, { address: BASE, length: PAGES * PAGE, share });
        const fill = { command: register.DMA_FILL_GUEST, pattern: 1, length: PAGE };
        const logged = async (disturb: () => void): Promise<readonly string[]> => {
          await setFeature(client, Feature.DMA_LOGGING_START, u64(PAGE, 0));
          for (const page of [3, 4, 40]) {
            const filled = driver.dma({ ...fill, destination: BASE + page * PAGE });
            disturb();
            t.equal(await filled, 0);
          }
          const asked = [dirtyPages(client), dirtyPages(client)];
          disturb();
          const bitmaps = await Promise.all(asked);
          const stopped = setFeature(client, Feature.DMA_LOGGING_STOP, new Uint8Array(0));
          disturb();
          await stopped;
          return bitmaps;
        };
        const undisturbed = await logged(() => {});
        t.same(await logged(() => links.break()), undisturbed);
      },
    );
  }

  suite.test('a device is migrated whole while links break', ['resumption'], async (t) => {
    const { device, client, links } = await openMigrating(t, suite);
    const saved: Uint8Array[] = [];
    const stops = setState(client, STOP_COPY);
    links.break();
    await stops;
    const body = { argsz: 16 + PIECE_BYTES, size: PIECE_BYTES };
    for (let turn = 0; turn < 8; turn++) {
      const reads = Array.from({ length: STATE_BYTES / PIECE_BYTES / 8 }, () =>
        client.call(Command.MIG_DATA_READ, body, ({ data }) => data.slice()),
      );
      links.break();
      saved.push(...(await Promise.all(reads)));
    }
    t.equal(Buffer.compare(Buffer.concat(saved), device.state), 0, 'each piece was read once');
    await setState(client, RESUMING);
    for (let turn = 0; turn < 8; turn++) {
      const writes = saved.splice(0, 5).map((data) => {
        const piece = { argsz: 16 + data.length, size: data.length, data };
        return client.call(Command.MIG_DATA_WRITE, piece, () => undefined);
      });
      links.break();
      await Promise.all(writes);
    }
    links.unplug();
    const runs = setState(client, RUNNING);
    links.plug();
    await runs;
    t.equal(Buffer.compare(Buffer.concat(device.restored), device.state), 0, 'and written once');
    t.same(device.states, [STOP, STOP_COPY, STOP, RESUMING, STOP, RUNNING]);
  });
}

/** A device whose state is {@link STATE_BYTES} long, and a client whose links break. */
async function openMigrating(t: Test, suite: Suite) {
  const state = new Uint8Array(STATE_BYTES);
  fillPattern(state, 7);
  const device = { state, restored: [] as Uint8Array[], states: [] as number[] };
  let position = 0;
  const migration: NonNullable<PciDevice['migration']> = {
    transition: (_from, to) => void device.states.push(to),
    readData(size) {
      const piece = state.slice(position, position + size);
      position += size;
      return piece;
    },
    writeData: (data) => void device.restored.push(data.slice()),
  };
  const definition: PciDeviceDefinition<BenchOptions> = {
    ...bench,
    create: async (host, options) => ({ ...(await bench.create(host, options)), migration }),
  };
  const server = await serve({
    definition,
    options: { memory: DEVICE_MEMORY_BYTES, vectors: VECTORS },
    registry: suite.registry,
    listen: suite.fixture.address(),
  });
  t.teardown(() => server.close());
  const { uri } = await routeTo(t, suite, server.uri);
  const links = new BreakableTransport(suite.registry.resolve(uri).transport);
  const client = await connectDevice(uri, { registry: new TransportRegistry([links]) });
  t.teardown(async () => {
    links.plug();
    await client.close();
  });
  return { device, client, links };
}

function setState(client: DeviceClient, state: number): Promise<void> {
  return setFeature(client, Feature.MIG_DEVICE_STATE, u64(state));
}

function setFeature(client: DeviceClient, feature: number, data: Uint8Array): Promise<void> {
  const body = { argsz: HEAD_BYTES + data.length, flags: FEATURE_SET | feature, data };
  return client.call(Command.DEVICE_FEATURE, body, () => undefined);
}

/** The pages written since the last time, as hexadecimal digits of their bitmap. */
function dirtyPages(client: DeviceClient): Promise<string> {
  const data = u64(BASE, PAGES * PAGE, PAGE);
  const argsz = HEAD_BYTES + data.length + PAGES / 8;
  const body = { argsz, flags: FEATURE_GET | Feature.DMA_LOGGING_REPORT, data };
  return client.call(Command.DEVICE_FEATURE, body, (reply) =>
    Buffer.from(reply.data.subarray(data.length)).toString('hex'),
  );
}

function u64(...values: number[]): Uint8Array {
  return new Uint8Array(new BigUint64Array(values.map(BigInt)).buffer);
}
