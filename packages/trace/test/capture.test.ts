import { writeFileSync } from 'node:fs';
import fc from 'fast-check';
import t, { type Test } from 'tap';
import { recordedPackets } from '../../../tools/support/recorded-packets.js';
import type { Packet } from '../src/packet.js';
import { readCapture } from '../src/pcap/capture-reader.js';
import { encodeFileHeader, encodePacket } from '../src/pcap/capture-writer.js';

/** A capture file; the test has one at a time. */
function write(t: Test, bytes: Uint8Array): string {
  const path = `${t.testdir()}/capture.pcap`;
  writeFileSync(path, bytes);
  return path;
}

function capture(packets: readonly Packet[]): Buffer {
  return Buffer.concat([encodeFileHeader(), ...packets.map(encodePacket)]);
}

const packets: fc.Arbitrary<Packet> = fc
  .record({
    // Whole nanoseconds are what a file holds.
    timeUs: fc.integer({ min: 0, max: 4_000_000_000 }).map((seconds) => seconds * 1e6 + 123_456),
    session: fc.integer({ min: 1, max: 0xffff }),
    sender: fc.constantFrom('client' as const, 'server' as const),
    encoding: fc.constantFrom('native' as const, 'portable' as const),
    kind: fc.constantFrom('message' as const, 'preface' as const),
    descriptors: fc.integer({ min: 0, max: 253 }),
    bytes: fc.uint8Array({ maxLength: 300 }),
  })
  .map((packet) => ({ ...packet, length: packet.bytes.length }));

t.test('what is written is read again', async (t) => {
  fc.assert(
    fc.property(fc.array(packets, { maxLength: 5 }), (written) => {
      t.strictSame([...readCapture(write(t, capture(written)))], written);
    }),
    { numRuns: 30 },
  );
});

t.test('a long packet is cut off where Wireshark stops reading', async (t) => {
  const [packet] = recordedPackets('gpio');
  const bytes = new Uint8Array(300_000).fill(1);
  const path = write(t, capture([{ ...(packet as Packet), bytes, length: bytes.length }]));
  const [read] = readCapture(path);
  t.equal(read?.length, 300_000);
  t.equal(read?.bytes.length, 262_144 - 8);
});

t.test('files in the other byte order and in microseconds are read', async (t) => {
  const recorded = recordedPackets('gpio').slice(0, 1);
  const bytes = capture(recorded);
  bytes.writeUInt32LE(0xa1b2c3d4, 0);
  bytes.writeUInt32LE(bytes.readUInt32LE(28) / 1000, 28);
  t.strictSame([...readCapture(write(t, bytes))], recorded);
  for (const at of [0, 16, 20, 24, 28, 32, 36]) bytes.subarray(at, at + 4).reverse();
  t.strictSame([...readCapture(write(t, bytes))], recorded);
});

t.test('arbitrary bytes behind a header are packets or an error that says why', async (t) => {
  const path = `${t.testdir()}/any.pcap`;
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
      writeFileSync(path, Buffer.concat([encodeFileHeader(), bytes]));
      try {
        for (const packet of readCapture(path)) t.ok(packet.bytes.length <= bytes.length);
      } catch (error) {
        t.match(error, { code: 'VFU_SYSTEM_ERROR', message: /packet \d+: / });
      }
    }),
    { numRuns: 100 },
  );
});
