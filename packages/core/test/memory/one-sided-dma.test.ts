import t from 'tap';
import type { DmaMapping } from '../../src/memory/mapping.js';
import { OneSidedDma } from '../../src/memory/one-sided-dma.js';
import { WriteFence } from '../../src/memory/write-fence.js';
import type { ExposedRange, OneSidedMemory } from '../../src/transport/one-sided.js';
import { ATTACHMENT, ManualRemote, mappingOf } from './fakes.js';

const PAGE = 4096;
const BASE = 0x10000;

interface Access {
  readonly what: 'read' | 'write';
  readonly key: number;
  readonly offset: number;
  readonly length: number;
  end(error?: Error): void;
}

/** An adapter whose transfers end when the test says so. */
class ManualAdapter implements OneSidedMemory {
  readonly description = 'by hand';
  readonly accesses: Access[] = [];

  expose(): never {
    throw new Error('this side owns no memory');
  }

  read(range: ExposedRange, offset: number, data: Uint8Array): Promise<void> {
    return this.#start('read', range, offset, data);
  }

  write(range: ExposedRange, offset: number, data: Uint8Array): Promise<void> {
    return this.#start('write', range, offset, data);
  }

  #start(
    what: 'read' | 'write',
    { key }: ExposedRange,
    offset: number,
    { length }: Uint8Array,
  ): Promise<void> {
    return new Promise((resolve, reject) => {
      const end = (error?: Error): void => (error === undefined ? resolve() : reject(error));
      this.accesses.push({ what, key, offset, length, end });
    });
  }
}

/** Of four pages, those with a key are exposed. */
function open(...keys: (number | undefined)[]) {
  const adapter = new ManualAdapter();
  const messages = new ManualRemote(new WriteFence());
  const memory = new OneSidedDma(adapter, messages, ATTACHMENT);
  const exposed = keys.flatMap((key, page) =>
    key === undefined ? [] : [{ offset: page * PAGE, length: PAGE, address: 0x7000, key }],
  );
  const mapping: DmaMapping = mappingOf(BASE, keys.length, undefined, 'rw', exposed);
  const seen = () => [
    adapter.accesses.map(({ what, key, offset, length }) => [what, key, offset, length]),
    messages.transfers.map(({ kind, address, data }) => [kind, address, data.length]),
  ];
  return { adapter, messages, memory, mapping, seen };
}

t.test('what lies in one exposed range is one transfer of the adapter', async (t) => {
  const { memory, mapping, seen, adapter } = open(1, 2);
  const done = memory.read(mapping, BASE + 10, new Uint8Array(100));
  void memory.write(mapping, BASE + PAGE + 10, new Uint8Array(20));
  t.strictSame(seen(), [
    [
      ['read', 1, 10, 100],
      ['write', 2, 10, 20],
    ],
    [],
  ]);
  adapter.accesses[0]?.end();
  await done;
});

t.test('what is not exposed goes by messages', async (t) => {
  const { memory, mapping, seen } = open(undefined, 1, undefined, 2);
  void memory.write(mapping, BASE + PAGE / 2, new Uint8Array(3 * PAGE));
  t.strictSame(seen(), [
    [
      ['write', 1, 0, PAGE],
      ['write', 2, 0, PAGE / 2],
    ],
    [
      ['write', BASE + PAGE / 2, PAGE / 2],
      ['write', BASE + 2 * PAGE, PAGE],
    ],
  ]);
});

t.test('a transfer ends when its last part has, and fails as any part did', async (t) => {
  const { memory, mapping, adapter, messages } = open(1, undefined);
  let ended = false;
  const done = memory.read(mapping, BASE, new Uint8Array(2 * PAGE)).finally(() => {
    ended = true;
  });
  adapter.accesses[0]?.end(new Error('refused'));
  await new Promise(setImmediate);
  t.notOk(ended, 'the buffer is still in use');
  messages.transfers[0]?.end();
  await t.rejects(done, { message: 'refused' });
});

t.test('a mapping is free once the adapter has done with it', async (t) => {
  const { memory, mapping, adapter } = open(1, 2);
  t.equal(memory.cancel(mapping), undefined, 'nothing is under way');
  const transfers = [
    memory.read(mapping, BASE, new Uint8Array(8)),
    memory.write(mapping, BASE, new Uint8Array(8)),
  ];
  let free = false;
  const cancelled = memory.cancel(mapping)?.then(() => {
    free = true;
  });
  adapter.accesses[0]?.end();
  await transfers[0];
  t.notOk(free);
  adapter.accesses[1]?.end();
  await Promise.all([...transfers, cancelled]);
  t.ok(free);
});
