import { connectDevice, errno } from '@vfio-user/core';
import type { Suite } from '../suite.js';
import { OverreachingServer } from './overreaching-server.js';
import { routeTo } from './route.js';
import { bytesIn, MAX_TRANSFER_BYTES, mapGuest } from './test-device-session.js';

const BASE = 0x3000_0000;
const PAGE = 4096;

/** A client does not trust its server with more memory than it mapped. */
export function clientCheckTests(suite: Suite): void {
  suite.test('a client refuses accesses it did not allow, before memory is touched', async (t) => {
    const server = await OverreachingServer.listen(suite);
    t.teardown(() => server.close());
    const { uri } = await routeTo(t, suite, server.uri);
    const client = await connectDevice(uri, {
      registry: suite.registry,
      capabilities: { maxDataXferSize: MAX_TRANSFER_BYTES },
    });
    t.teardown(() => client.close());
    const readOnly = await mapGuest(client, {
      address: BASE,
      length: PAGE,
      share: false,
      writable: false,
    });
    const writeOnly = { address: BASE + PAGE, length: PAGE, share: false, readable: false };
    const memory = await mapGuest(client, writeOnly);
    const data = new Uint8Array(64).fill(0xee);
    t.equal(await server.read(BASE, 64), 0, 'a read that is allowed');
    t.equal(await server.write(BASE + PAGE, data), 0, 'a write that is allowed');
    t.same(bytesIn(memory, 0, 64), data);
    t.equal(await server.write(BASE, data), errno.EACCES, 'a write to read-only memory');
    t.equal(await server.read(BASE + PAGE, 64), errno.EACCES, 'a read of write-only memory');
    t.equal(await server.write(BASE + PAGE - 32, data), errno.EACCES, 'half of it is read-only');
    t.not(await server.write(BASE + 2 * PAGE - 32, data), 0, 'beyond the end');
    t.not(await server.read(0, 64), 0, 'an address that is not mapped');
    t.not(await server.read(0xffff_ffff_ffff_ffffn, 64), 0, 'the end of the address space');
    t.not(await server.read(BASE, MAX_TRANSFER_BYTES + 1), 0, 'more than negotiated');
    t.ok(
      bytesIn(readOnly, 0, PAGE).every((byte) => byte === 0),
      'read-only memory is untouched',
    );
    t.same(bytesIn(memory, PAGE - 32, 32), new Uint8Array(32), 'no half of a write was done');
    await client.dmaMap({ ...writeOnly, memory });
    await client.dmaUnmap(BASE + PAGE, PAGE);
    t.not(await server.write(BASE + PAGE, new Uint8Array(64)), 0, 'what was unmapped');
    t.same(bytesIn(memory, 0, 64), data);

    const again = { ...writeOnly, memory };
    const answers = [
      client.dmaMap(again),
      client.dmaUnmap(BASE + PAGE, PAGE),
      client.dmaMap(again),
      client.dmaMap(again),
    ];
    await Promise.all(answers);
    t.equal(await server.write(BASE + PAGE, data), 0, 'in the order of the calls');
    await client.dmaUnmap(BASE + PAGE, PAGE);
    t.not(await server.write(BASE + PAGE, new Uint8Array(64)), 0, 'unmapped again');
  });
}
