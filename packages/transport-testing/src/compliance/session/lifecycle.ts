import { Command, type Connection, Irq, Region } from '@vfio-user/core';
import {
  connectUri,
  type NegotiatedConnection,
  OWN_CAPABILITIES,
  offer,
} from '@vfio-user/core/internal';
import { benchRegisters as register } from '@vfio-user/devices';
import type { TestDeviceDriver } from '@vfio-user/drivers';
import type { Suite } from '../suite.js';
import { RecordingEnd } from '../transport/recording-end.js';
import { Counts } from './interrupts.js';
import {
  dmaModes,
  mapGuest,
  openTestDevice,
  TestDeviceSession,
  VECTORS,
} from './test-device-session.js';

const BASE = 0x4000_0000;
const LENGTH = 65_536;
const PAGE = 4096;
const GONE = new Error('the client vanishes');
const RECONNECTS = 50;

/** Resets, and clients that come and go. */
export function lifecycleTests(suite: Suite): void {
  suite.test('a reset takes the device back to its start', async (t) => {
    const driver = await openTestDevice(t, suite);
    await driver.write32(register.SCRATCH, 5);
    await driver.client.reset();
    t.equal(await driver.read32(register.SCRATCH), 0);
    t.equal(await driver.read32(register.RESETS), 1);
    t.equal(await driver.read32(register.LAST_RESET), register.RESET_DEVICE);
  });

  suite.test('what was mapped and wired up survives a reset', ['interrupts'], async (t) => {
    const driver = await openTestDevice(t, suite);
    const memory = await mapGuest(driver.client, { address: BASE, length: LENGTH, share: true });
    const counts = await Counts.enable(driver, Irq.MSIX, VECTORS);
    await driver.client.reset();
    await driver.startDma({ ...fill, length: 64, vector: 4 });
    await counts.until(() => counts.of[4] === 1, 'the interrupt');
    t.same(memory.view(0, 2), new Uint8Array([0x77, 0x77]));
  });

  suite.test('connections that say nothing keep nobody out', async (t) => {
    const session = await TestDeviceSession.open(t, suite, { maxSilentConnections: 2 });
    const silent: Connection[] = [];
    for (let i = 0; i < 5; i++) silent.push(await say(suite, session, () => {}));
    const driver = await session.connect();
    t.equal(await driver.read32(register.ID), register.ID_VALUE);
    t.ok(Number(session.server.statistics().silentConnections) <= 2);
    for (const connection of silent) connection.abort(GONE);
    t.equal(session.server.statistics().clientsServed, 1);
  });

  suite.test('a client that goes while it waits gives up its turn', async (t) => {
    const session = await TestDeviceSession.open(t, suite, {
      maxWaitingClients: 1,
      busyTimeoutMs: 60_000,
    });
    const first = await session.connect();
    for (const leave of [
      (connection: Connection) => void connection.close(),
      (connection: Connection) => connection.abort(GONE),
    ]) {
      const waiting = await say(suite, session, sendVersion);
      await session.waiting(1);
      leave(waiting);
      await session.waiting(0);
    }
    const next = session.connect();
    await session.waiting(1);
    await first.client.close();
    t.equal(await (await next).read32(register.ID), register.ID_VALUE);
  });

  for (const [when, prepare] of Object.entries(moments(suite))) {
    suite.test(`a client that vanishes ${when} leaves a device that works`, async (t) => {
      const session = await TestDeviceSession.open(t, suite);
      const first = await session.connect();
      await first.write32(register.SCRATCH, 99);
      await prepare(first);
      first.client.connection.abort(GONE);
      await first.client.closed;
      const next = await session.connect();
      t.equal(await next.read32(register.LAST_RESET), register.RESET_CONNECTION_LOST);
      t.equal(await next.read32(register.SCRATCH), 0);
      t.equal(session.server.statistics().dmaMappings, 0);
      await mapGuest(next.client, { address: BASE, length: LENGTH, share: true });
      t.equal(await next.dma({ ...fill, length: LENGTH }), 0);
    });
  }

  suite.test('a client waits for the one before it to leave', async (t) => {
    const session = await TestDeviceSession.open(t, suite);
    const first = await session.connect();
    await first.write32(register.SCRATCH, 1);
    const second = session.connect();
    t.equal(await first.read32(register.SCRATCH), 1);
    await first.client.close();
    t.equal(await (await second).read32(register.SCRATCH), 0);
  });

  suite.test('a client that waits too long is told that the device is busy', async (t) => {
    const session = await TestDeviceSession.open(t, suite, { busyTimeoutMs: 1 });
    const first = await session.connect();
    await t.rejects(session.connect(), { code: 'VFU_REMOTE_ERROR' });
    t.equal(await first.read32(register.ID), register.ID_VALUE);
  });

  suite.test('a client that gives up by its signal waits no longer', async (t) => {
    const session = await TestDeviceSession.open(t, suite, { busyTimeoutMs: 60_000 });
    await session.connect();
    const abort = new AbortController();
    const second = session.connect({ signal: abort.signal }).catch((error) => error);
    await session.waiting(1);
    abort.abort(GONE);
    t.equal(await second, GONE);
    await session.waiting(0);
  });

  suite.test('clients that come and go leave nothing open', async (t) => {
    const session = await TestDeviceSession.open(t, suite);
    await session.connect().then(({ client }) => client.close());
    await session.idle();
    const before = suite.openHandles();
    for (let i = 0; i < RECONNECTS; i++) {
      const { client } = await session.connect();
      const memory = await mapGuest(client, { address: BASE, length: LENGTH, share: true });
      if (suite.has('interrupts')) await client.enableInterrupts(Irq.MSIX, VECTORS, () => {});
      const region = await client.mapRegion(Region.BAR2);
      if (i % 2 === 0) await client.close();
      else client.connection.abort(GONE);
      await client.closed;
      memory.close();
      region.close();
    }
    await session.idle();
    t.equal(suite.openHandles(), before);
  });

  suite.test('a server that closes ends its clients', async (t) => {
    const session = await TestDeviceSession.open(t, suite);
    const { client } = await session.connect();
    await session.server.close();
    await session.server.closed;
    t.equal(await client.closed, undefined, 'in order');
    await t.rejects(client.regionRead(Region.BAR0, 0, 4), { code: 'VFU_PEER_CLOSED' });
    await t.rejects(session.connect());
  });
}

/** A connection that says so much and no more. */
async function say(
  { registry }: Suite,
  { uri }: TestDeviceSession,
  speak: (opened: NegotiatedConnection) => void,
): Promise<Connection> {
  const accept = (opened: NegotiatedConnection) => ({
    ...opened,
    peer: new RecordingEnd(opened.connection),
  });
  const opened = await connectUri(registry, uri, accept, { maxDataXferSize: PAGE, silenceMs: 0 });
  speak(opened);
  return opened.connection;
}

function sendVersion({ connection, negotiated }: NegotiatedConnection): void {
  const { head, data } = negotiated.encoding.encodeRequest(
    Command.VERSION,
    1,
    offer(OWN_CAPABILITIES),
  );
  connection.send(head, data);
}

const fill = { command: register.DMA_FILL_GUEST, destination: BASE, pattern: 0x7777_7777 };

/** What a client may be doing when it vanishes. */
function moments(
  suite: Suite,
): Readonly<Record<string, (driver: TestDeviceDriver) => Promise<void>>> {
  const moments: Record<string, (driver: TestDeviceDriver) => Promise<void>> = {
    'with nothing to do': async () => {},
    'while requests wait for their answer': async ({ client }) => {
      for (let i = 0; i < 20; i++) client.regionRead(Region.BAR4, 0, LENGTH).catch(() => {});
      client.reset().catch(() => {});
    },
    'after posted writes': async (driver) => {
      for (let i = 0; i < 500; i++) driver.post32(register.SCRATCH, i);
    },
  };
  for (const { name, share, needs } of dmaModes) {
    if (!needs.every((need) => suite.has(need))) continue;
    moments[`amid DMA by ${name}`] = async (driver) => {
      await mapGuest(driver.client, { address: BASE, length: LENGTH, share });
      await driver.startDma({ ...fill, length: LENGTH, chunk: 4096, depth: 64, repeat: 1_000_000 });
    };
  }
  if (!suite.has('interrupts')) return moments;
  moments['amid a burst of interrupts'] = async (driver) => {
    await mapGuest(driver.client, { address: BASE, length: LENGTH, share: false });
    await driver.client.enableInterrupts(Irq.MSIX, VECTORS, () => {});
    await driver.startBurst({ address: BASE, count: 1_000_000, vector: 0 });
  };
  return moments;
}
