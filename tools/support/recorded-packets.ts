import { fileURLToPath } from 'node:url';
import type { Packet } from '../../packages/trace/src/index.js';
import { readRecording } from '../../packages/transport-testing/src/index.js';

/** When the sessions of the recordings are said to have begun. */
const BEGIN_US = 1_764_000_000_000_000;

/** A recorded session of QEMU, as a trace would have seen it. */
export function recordedPackets(name: string): Packet[] {
  const fixture = `../../packages/transport-unix/test/replay/fixtures/${name}.jsonl.gz`;
  const path = fileURLToPath(new URL(fixture, import.meta.url));
  return readRecording(path).messages.map(({ t, from, bytes: hex, descriptors = [] }) => {
    const bytes = Uint8Array.from(Buffer.from(hex, 'hex'));
    return {
      timeUs: BEGIN_US + t * 1000,
      session: 1,
      sender: from,
      encoding: 'native',
      kind: 'message',
      descriptors: descriptors.length,
      bytes,
      length: bytes.length,
    };
  });
}
