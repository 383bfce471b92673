import { setImmediate } from 'node:timers/promises';
import { Region, type ServerLimits, type Transport, TransportRegistry } from '@vfio-user/core';
import { benchRegisters as register } from '@vfio-user/devices';
import type { TestDeviceDriver } from '@vfio-user/drivers';
import type { Test } from 'tap';
import type { ByteFaults } from '../faults/byte-pipe.js';
import { ByteRelay, type FaultsOf, type SocketAddress } from '../faults/byte-relay.js';
import { bytesIn, mapGuest, TestDeviceSession } from './session/test-device-session.js';

const BASE = 0x2000_0000;
const PAGE = 4096;

/** Where a first message ends or is cut, and places around it. */
const CUTS = [0, 1, 15, 16, 17, 100, 200, 300, 500, 1000];

/** Behind VERSION, and then within the preface, behind it, and within messages. */
const FIRST_CUT = 3000;
const FURTHER_CUTS = [1200, 0, 2001, 16, 5003, 17, 3000, 230, 4007, 500, 1000];

/** What a transport over a byte stream brings, besides the fixture of the other suite. */
export interface StreamFixture {
  readonly name: string;
  readonly transport: Transport;
  /** Where the device listens; another place each time. */
  address(): string;
  /** Where a relay may listen; another place each time. */
  relaySocket(): SocketAddress;
  socketOf(uri: string): SocketAddress;
  uriOf(socket: SocketAddress): string;
}

/** A session must not care how a stream is cut. Descriptors do not get through the relay. */
export function streamCompliance(t: Test, fixture: StreamFixture): void {
  const place = { registry: new TransportRegistry([fixture.transport]), fixture };

  async function open(
    test: Test,
    toServer: ByteFaults | FaultsOf,
    toClient: ByteFaults | FaultsOf,
    limits: Partial<ServerLimits> = {},
  ) {
    const session = await TestDeviceSession.open(test, place, limits);
    const relay = await ByteRelay.listen({
      listen: fixture.relaySocket(),
      connect: fixture.socketOf(session.server.uri),
      toServer,
      toClient,
    });
    test.teardown(() => relay.close());
    return { session, relay, uri: fixture.uriOf(relay.address) };
  }

  const everyWay: Readonly<Record<string, ByteFaults>> = {
    'as it is': {},
    'byte by byte': { pieceBytes: 1 },
    'in odd pieces': { pieceBytes: 23 },
    'glued together': { glueTurns: 5 },
  };
  for (const [way, faults] of Object.entries(everyWay)) {
    void t.test(`${fixture.name}: a session works over a stream ${way}`, async (test) => {
      const { session, uri } = await open(test, faults, faults);
      const driver = await session.connect({ uri });
      await exerciseSession(test, driver);
      await driver.client.close();
      await session.idle();
    });
  }

  for (const direction of ['towards the server', 'towards the client'] as const) {
    void t.test(
      `${fixture.name}: a stream cut ${direction} ends one session only`,
      async (test) => {
        for (const cutAfterBytes of CUTS) {
          const cut = { cutAfterBytes };
          const faults = direction === 'towards the server' ? [cut, {}] : [{}, cut];
          const { session, uri } = await open(
            test,
            faults[0] as ByteFaults,
            faults[1] as ByteFaults,
            { holdMs: 0 },
          );
          await test.rejects(
            session.connect({ uri }).then((driver) => readForever(driver)),
            { code: 'VFU_PEER_CLOSED' },
            `after ${cutAfterBytes} bytes`,
          );
          const next = await session.connect();
          test.equal(await next.read32(register.ID), register.ID_VALUE);
          await next.client.close();
        }
      },
    );
  }

  const { transport, uri: address } = place.registry.resolve(fixture.address());
  const resumes = transport.encodingFor?.(address) === 'portable';
  for (const direction of ['towards the server', 'towards the client'] as const) {
    if (!resumes) continue;
    const title = `${fixture.name}: a session goes on over streams that are cut ${direction}`;
    void t.test(title, async (test) => {
      const cut = (connection: number): ByteFaults => {
        const bytes = connection === 0 ? FIRST_CUT : FURTHER_CUTS[connection - 1];
        return bytes === undefined ? {} : { cutAfterBytes: bytes };
      };
      const isToServer = direction === 'towards the server';
      const { uri, session } = await open(test, isToServer ? cut : {}, isToServer ? {} : cut);
      const driver = await session.connect({ uri });
      for (let turn = 1; turn <= FURTHER_CUTS.length; turn++) {
        await exerciseSession(test, driver, turn);
      }
      test.ok(Number(session.server.statistics().resumes) > 0, 'over several streams');
      await driver.client.close();
      await session.idle();
    });
  }

  void t.test(
    `${fixture.name}: a stalled stream stops its sender and loses nothing`,
    async (test) => {
      const { session, relay, uri } = await open(test, {}, {});
      const driver = await session.connect({ uri });
      relay.stall();
      const data = new Uint8Array(60_000);
      let posted = 0;
      for (let room = true; room; ) {
        data.fill(++posted & 0xff);
        room = driver.client.regionWritePosted(Region.BAR4, 0, data.slice());
      }
      const last = driver.client.regionRead(Region.BAR4, 59_999, 1);
      for (let turn = 0; turn < 50; turn++) await setImmediate();
      relay.resume();
      test.same(await last, new Uint8Array([posted & 0xff]), `${posted} writes were under way`);
    },
  );
}

/** A little of everything that works without descriptors. */
async function exerciseSession(t: Test, driver: TestDeviceDriver, turn = 1): Promise<void> {
  for (let i = 1; i <= 50; i++) driver.post32(register.SCRATCH, i);
  t.equal(await driver.read32(register.SCRATCH_WRITES), 50 * turn, 'each write once');
  const reads = Array.from({ length: 50 }, () => driver.read32(register.SCRATCH));
  t.ok((await Promise.all(reads)).every((value) => value === 50));
  const memory = await mapGuest(driver.client, { address: BASE, length: PAGE, share: false });
  const fill = { command: register.DMA_FILL_GUEST, pattern: 0x3c3c_3c3c };
  t.equal(await driver.dma({ ...fill, destination: BASE, length: PAGE, chunk: 512 }), 0);
  t.ok(bytesIn(memory, 0, PAGE).every((byte) => byte === 0x3c));
  await driver.client.dmaUnmap(BASE, PAGE);
}

async function readForever(driver: TestDeviceDriver): Promise<never> {
  for (;;) await driver.read32(register.ID);
}
