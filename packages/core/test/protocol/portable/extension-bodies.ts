import fc from 'fast-check';
import { normalizeIova } from '../../../src/address.js';
import type { ExtensionCommandNumber } from '../../../src/protocol/enums.js';
import { Command, ExtensionCommand } from '../../../src/protocol/enums.js';
import type { RequestBodies, SetIrqs, Version } from '../../../src/protocol/messages.js';
import { requestBodies } from '../bodies.js';

/** Arbitrary bodies of what the native encoding does not carry. */

const u32 = fc.integer({ min: 0, max: 0xffff_ffff });
const iova = fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }).map(normalizeIova);
const size = fc.maxSafeNat();
const atLeast1 = fc.integer({ min: 1, max: 0xffff_ffff });
const record = <T extends object>(fields: { [K in keyof T]: fc.Arbitrary<T[K]> }) =>
  fc.record<T>(fields, { noNullPrototype: true });

const ring = record({ address: iova, entryBytes: atLeast1, entries: atLeast1, tail: u32 });
const rule = record({
  id: u32,
  region: u32,
  offset: size,
  size: fc.constantFrom(1 as const, 2 as const, 4 as const, 8 as const),
  ring,
});

export const extensionBodies: {
  [C in ExtensionCommandNumber]: fc.Arbitrary<RequestBodies[C]>;
} = {
  [ExtensionCommand.INTERRUPT]: record({ index: u32, vector: u32, count: u32 }),
  [ExtensionCommand.DOORBELL]: record({ region: u32, entry: u32, count: u32 }),
  [ExtensionCommand.KEEP_ALIVE]: record({ nonce: u32, reply: fc.boolean() }),
  [ExtensionCommand.ACKNOWLEDGE]: record({ messages: size, bytes: size }),
  [ExtensionCommand.DMA_FAULT]: record({ message: size, address: iova, count: size, errno: u32 }),
  [ExtensionCommand.PUSH_RULES]: record({ rules: fc.array(rule, { maxLength: 5 }) }),
};

/** Now and then more ranges than are written without the library, and data that is borrowed. */
const pushedData = fc.oneof(
  { weight: 9, arbitrary: fc.uint8Array({ maxLength: 80 }) },
  { weight: 1, arbitrary: fc.constant(new Uint8Array(5000).fill(7)) },
);
const pushed = fc.oneof(
  { weight: 9, arbitrary: fc.array(record({ address: iova, data: pushedData }), { maxLength: 4 }) },
  {
    weight: 1,
    arbitrary: fc.array(record({ address: iova, data: pushedData }), {
      minLength: 14,
      maxLength: 18,
    }),
  },
);

/** A register write that brings memory along. */
export const pushingWrite = fc
  .tuple(requestBodies[Command.REGION_WRITE], pushed)
  .map(([body, pushed]) => ({ ...body, pushed }));

/** Events that are attached without descriptors. */
export const eventIrqs: fc.Arbitrary<SetIrqs> = record({
  argsz: fc.constant(20),
  flags: fc.constant(0x24),
  index: u32,
  start: u32,
  count: u32,
  events: u32,
});

const exposed = fc.array(record({ offset: size, length: size, address: iova, key: u32 }), {
  maxLength: 4,
});

/** A mapping that the device may reach by itself. */
export const exposedMap = fc
  .tuple(requestBodies[Command.DMA_MAP], exposed)
  .map(([body, exposed]) => ({ ...body, exposed }));

const capability = fc.record(
  {
    max_msg_fds: u32,
    max_data_xfer_size: size,
    max_dma_maps: size,
    pgsizes: size,
    write_multiple: fc.boolean(),
    twin_socket: record({ supported: fc.boolean() }),
    migration: record({ pgsize: size }),
  },
  { requiredKeys: [], noNullPrototype: true },
);
const u16 = fc.integer({ min: 0, max: 0xffff });

/** The capabilities travel as a map, so their text is one that a map can become. */
export const versions: fc.Arbitrary<Version> = fc.oneof(
  record({ major: u16, minor: u16 }),
  record({
    major: u16,
    minor: u16,
    capabilities: capability.map((capabilities) => JSON.stringify({ capabilities })),
  }),
);
