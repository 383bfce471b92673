import fc from 'fast-check';
import { inBothModes } from './both-modes.js';
import { type Driver, GUEST_BASE, PAGE, pattern, type QueuePair, type Result } from './driver.js';

const BLOCK = 512;
const PRP_OFFSET = 0x13;
const SGL = 0x40;

/** Pages in an order of their own, so that no two are neighbours. */
function scatteredPages(driver: Driver, count: number): number[] {
  const first = driver.pages(count * 2);
  return Array.from({ length: count }, (_, index) => first + (count - 1 - index) * 2 * PAGE);
}

function putEntries(driver: Driver, address: number, entries: readonly number[]): void {
  const bytes = new Uint8Array(new BigUint64Array(entries.map(BigInt)).buffer);
  driver.bytes(address, bytes.length).set(bytes);
}

/** Build PRP1 and PRP2 for a buffer which starts `offset` into the first page. */
function buildPrps(
  driver: Driver,
  pages: readonly number[],
  offset: number,
  listOffset: number,
): [number, number] {
  const prp1 = (pages[0] as number) + offset;
  if (pages.length === 1) return [prp1, 0];
  if (pages.length === 2) return [prp1, pages[1] as number];
  const first = driver.pages() + listOffset;
  let list = first;
  let rest = pages.slice(1);
  for (;;) {
    const room = (PAGE - (list % PAGE)) / 8;
    if (rest.length <= room) {
      putEntries(driver, list, rest);
      return [prp1, first];
    }
    const next = driver.pages();
    putEntries(driver, list, [...rest.slice(0, room - 1), next]);
    rest = rest.slice(room - 1);
    list = next;
  }
}

function gather(
  driver: Driver,
  pages: readonly number[],
  offset: number,
  length: number,
): Uint8Array {
  const bytes = new Uint8Array(length);
  let done = 0;
  for (const [index, page] of pages.entries()) {
    const start = index === 0 ? offset : 0;
    const part = Math.min(PAGE - start, length - done);
    bytes.set(driver.bytes(page + start, part), done);
    done += part;
  }
  return bytes;
}

interface Transfer {
  readonly prp1: number;
  readonly prp2: number;
  readonly blocks: number;
  readonly flags?: number;
}

function transfer(
  driver: Driver,
  queue: QueuePair,
  opcode: number,
  command: Transfer,
): Promise<Result> {
  const { prp1, prp2, blocks, flags = 0 } = command;
  return driver.submit(queue, {
    opcode,
    namespaceId: 1,
    flags,
    prp1,
    prp2,
    dwords: [0, 0, blocks - 1],
  });
}

inBothModes('any PRP layout moves the same bytes as a plain copy', async (t, driver) => {
  const queue = await driver.queuePair(1);
  const start = driver.pages(0);
  await fc.assert(
    fc.asyncProperty(
      fc.integer({ min: 1, max: 1024 }),
      fc.integer({ min: 0, max: PAGE / 4 - 1 }),
      fc.integer({ min: 0, max: PAGE / 8 - 1 }),
      fc.integer({ min: 0, max: PAGE / 8 - 1 }),
      async (blocks, offsetWords, listSlot, otherListSlot) => {
        driver.rewind(start);
        const length = blocks * BLOCK;
        const data = pattern(length, blocks + offsetWords);
        const offset = offsetWords * 4;
        const count = Math.ceil((offset + length) / PAGE);
        const source = scatteredPages(driver, count);
        for (const [index, page] of source.entries()) {
          const from = index === 0 ? 0 : index * PAGE - offset;
          const part = data.subarray(from, (index + 1) * PAGE - offset);
          driver.bytes(page + (index === 0 ? offset : 0), part.length).set(part);
        }
        const [prp1, prp2] = buildPrps(driver, source, offset, listSlot * 8);
        const written = await transfer(driver, queue, 1, { prp1, prp2, blocks });

        const target = scatteredPages(driver, count);
        for (const page of target) driver.bytes(page, PAGE).fill(0xee);
        const [read1, read2] = buildPrps(driver, target, offset, otherListSlot * 8);
        const read = await transfer(driver, queue, 2, { prp1: read1, prp2: read2, blocks });
        const before = driver.bytes(target[0] as number, offset);
        return (
          written.status === 0 &&
          read.status === 0 &&
          before.every((byte) => byte === 0xee) &&
          Buffer.compare(gather(driver, target, offset, length), data) === 0
        );
      },
    ),
    { numRuns: 60 },
  );
  t.pass();
});

inBothModes('PRPs that are off are refused', async (t, driver) => {
  const queue = await driver.queuePair(1);
  const page = driver.pages(4);
  const list = driver.pages(2);
  const status = async (prp1: number, prp2: number, blocks: number) =>
    (await transfer(driver, queue, 2, { prp1, prp2, blocks })).status;
  t.equal(await status(page + 2, 0, 1), PRP_OFFSET, 'PRP1 off the dword');
  t.equal(await status(page + 4, 0, 1), 0, 'PRP1 on a dword');
  t.equal(await status(page, page + 512, 16), PRP_OFFSET, 'PRP2 as a page with an offset');
  t.equal(await status(page, list + 4, 24), PRP_OFFSET, 'a list off the quadword');
  putEntries(driver, list, [page + PAGE, page + 2 * PAGE + 8]);
  t.equal(await status(page, list, 24), PRP_OFFSET, 'an entry with an offset');
  putEntries(driver, list + PAGE - 8, [list + PAGE + 16]);
  t.equal(await status(page, list + PAGE - 8, 24), PRP_OFFSET, 'a chained list with an offset');
  t.equal(await status(page, 0x1000, 24), 0x04, 'a list outside of memory');
  putEntries(driver, list, [page + PAGE, 0x1000]);
  t.equal(await status(page, list, 24), 0x04, 'a page outside of memory');
});

inBothModes('larger memory pages', async (t, driver) => {
  driver.disable();
  driver.rewind(GUEST_BASE + 15 * 65536);
  const big = 65536;
  const align = () => driver.rewind(Math.ceil(driver.pages(0) / big) * big);
  align();
  driver.pageStride = big / PAGE;
  t.equal(driver.enable(32, 0x0046_0201), 1);
  const queue = await driver.queuePair(1);
  const [first, second] = [driver.pages(), driver.pages()];
  driver.bytes(first + 4096, big - 4096).fill(1);
  driver.bytes(second, 8192).fill(2);
  const blocks = (big - 4096 + 8192) / BLOCK;
  t.equal(
    (await transfer(driver, queue, 1, { prp1: first + 4096, prp2: second, blocks })).status,
    0,
  );
  const list = driver.pages();
  const [a, b] = [driver.pages(), driver.pages()];
  putEntries(driver, list, [b]);
  t.equal((await transfer(driver, queue, 2, { prp1: a, prp2: b, blocks })).status, 0);
  t.equal(driver.bytes(a, big)[big - 4097], 1);
  t.equal(driver.bytes(a, big)[big - 4096], 2);
  t.equal(driver.bytes(b, 8192)[4095], 2);
});

type Descriptor = readonly [type: number, address: number, length: number];

function putDescriptors(driver: Driver, address: number, descriptors: readonly Descriptor[]): void {
  const bytes = Buffer.alloc(descriptors.length * 16);
  for (const [index, [type, at, length]] of descriptors.entries()) {
    bytes.writeBigUInt64LE(BigInt(at), index * 16);
    bytes.writeUInt32LE(length, index * 16 + 8);
    bytes[index * 16 + 15] = type;
  }
  driver.bytes(address, bytes.length).set(bytes);
}

const DATA = 0x00;
const SEGMENT = 0x20;
const LAST = 0x30;

async function sgl(
  driver: Driver,
  queue: QueuePair,
  opcode: number,
  blocks: number,
  [type, address, length]: Descriptor,
): Promise<number> {
  const prp2 = (BigInt(type) << 56n) | BigInt(length);
  const command = {
    opcode,
    namespaceId: 1,
    flags: SGL,
    prp1: address,
    prp2,
    dwords: [0, 0, blocks - 1],
  };
  return (await driver.submit(queue, command)).status;
}

inBothModes('any SGL moves the same bytes as a plain copy', async (t, driver) => {
  const queue = await driver.queuePair(1);
  const start = driver.pages(0);
  await fc.assert(
    fc.asyncProperty(
      fc.integer({ min: 1, max: 256 }),
      fc.array(fc.integer({ min: 0, max: 9000 }), { minLength: 1, maxLength: 20 }),
      fc.integer({ min: 2, max: 6 }),
      async (blocks, lengths, perSegment) => {
        driver.rewind(start);
        const length = blocks * BLOCK;
        const data = pattern(length, blocks);
        const source = driver.pages(Math.ceil(length / PAGE));
        driver.bytes(source, length).set(data);
        if ((await sgl(driver, queue, 1, blocks, [DATA, source, length])) !== 0) return false;

        const areas: Descriptor[] = [];
        let total = 0;
        for (const [index, wanted] of [...lengths, length].entries()) {
          const part = Math.min(wanted, length - total);
          areas.push([DATA, driver.pages(Math.ceil(part / PAGE) + 2) + index, part]);
          total += part;
        }
        const root = chain(driver, areas, perSegment);
        if ((await sgl(driver, queue, 2, blocks, root)) !== 0) return false;
        let done = 0;
        return areas.every(([, address, part]) => {
          const equal =
            Buffer.compare(driver.bytes(address, part), data.subarray(done, done + part)) === 0;
          done += part;
          return equal;
        });
      },
    ),
    { numRuns: 60 },
  );
  t.pass();
});

/** Lay descriptors out in segments of `size` descriptors; returns the descriptor of the first. */
function chain(driver: Driver, descriptors: readonly Descriptor[], size: number): Descriptor {
  const address = driver.pages();
  if (descriptors.length <= size) {
    putDescriptors(driver, address, descriptors);
    return [LAST, address, descriptors.length * 16];
  }
  const next = chain(driver, descriptors.slice(size - 1), size);
  putDescriptors(driver, address, [...descriptors.slice(0, size - 1), next]);
  return [SEGMENT, address, size * 16];
}

inBothModes('SGLs that are wrong are refused', async (t, driver) => {
  const queue = await driver.queuePair(1);
  const page = driver.pages(2);
  const list = driver.pages();
  const read = (descriptor: Descriptor) => sgl(driver, queue, 2, 8, descriptor);
  t.equal(await read([DATA, page, PAGE]), 0);
  t.equal(await read([DATA, page, 2 * PAGE]), 0, 'longer than the data is fine');
  t.equal(await read([DATA, page, PAGE - 1]), 0x0f, 'too short');
  t.equal(await read([0x10, page, PAGE]), 0x11, 'a bit bucket');
  t.equal(await read([0x40, page, PAGE]), 0x11, 'a keyed block');
  t.equal(await read([0x01, page, PAGE]), 0x11, 'an offset instead of an address');
  t.equal(await read([LAST, list, 0]), 0x0d, 'an empty segment');
  t.equal(await read([LAST, list, 24]), 0x0d, 'a segment of one and a half descriptors');
  t.equal(await read([LAST, list, 16 * 5000]), 0x0e, 'too many descriptors');
  putDescriptors(driver, list, [[DATA, page, 512]]);
  t.equal(await read([LAST, list, 16]), 0x0f, 'segments that end too early');
  putDescriptors(driver, list, [
    [LAST, list, 32],
    [DATA, page, PAGE],
  ]);
  t.equal(await read([SEGMENT, list, 32]), 0x0d, 'a segment that goes on in the middle');
  putDescriptors(driver, list, [
    [DATA, page, 0],
    [LAST, list, 32],
  ]);
  t.equal(await read([LAST, list, 32]), 0x0d, 'a last segment that goes on');
  putDescriptors(driver, list, [
    [DATA, page, 0],
    [SEGMENT, list, 32],
  ]);
  t.equal(await read([SEGMENT, list, 32]), 0x0e, 'a chain that never ends');
  t.equal(await read([DATA, 0x1000, PAGE]), 0x04, 'outside of memory');
  t.equal(await read([LAST, 0x1000, 16]), 0x04, 'a segment outside of memory');
});
