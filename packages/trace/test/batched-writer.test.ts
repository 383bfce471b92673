import { Writable } from 'node:stream';
import t from 'tap';
import { BatchedWriter } from '../src/index.js';

/** A stream that has no room until {@link Slow.take}. */
class Slow extends Writable {
  readonly taken: string[] = [];
  #take = (): void => {};

  constructor() {
    super({ highWaterMark: 1 });
  }

  override _write(chunk: Buffer, _encoding: string, done: () => void): void {
    this.#take = () => {
      this.taken.push(chunk.toString());
      done();
    };
  }

  async take(): Promise<void> {
    this.#take();
    await new Promise(setImmediate);
  }
}

/** What was asked of a source. */
class Source {
  readonly calls: [string, object][] = [];

  hold(by: object): void {
    this.calls.push(['hold', by]);
  }

  release(by: object): void {
    this.calls.push(['release', by]);
  }
}

t.test('what comes within a turn is written as one piece', async (t) => {
  const stream = new Slow();
  const writer = new BatchedWriter(stream);
  writer.writeText('one ');
  writer.writeText('two');
  await new Promise(setImmediate);
  await stream.take();
  t.strictSame(stream.taken, ['one two']);
});

t.test('a source is held up as long as the stream has no room', async (t) => {
  const stream = new Slow();
  const source = new Source();
  const writer = new BatchedWriter(stream);
  writer.holdUp(source);
  writer.writeText('one');
  t.strictSame(source.calls, []);
  writer.flush();
  t.equal(writer.isFull, true);
  t.strictSame(source.calls, [['hold', writer]]);
  await stream.take();
  t.equal(writer.isFull, false);
  t.strictSame(source.calls, [
    ['hold', writer],
    ['release', writer],
  ]);
});

t.test('a source that comes while there is no room is held up at once', async (t) => {
  const stream = new Slow();
  const source = new Source();
  const writer = new BatchedWriter(stream);
  writer.writeText('one');
  writer.flush();
  writer.holdUp(source);
  t.strictSame(source.calls, [['hold', writer]]);
});

t.test('a stream that ends takes everything and holds nothing up', async (t) => {
  const stream = new Slow();
  const source = new Source();
  const writer = new BatchedWriter(stream);
  writer.holdUp(source);
  writer.writeText('one');
  writer.flush();
  stream.destroy();
  await writer.drained();
  await new Promise(setImmediate);
  t.strictSame(source.calls.at(-1), ['release', writer]);
  writer.writeText('two');
  await writer.written();
  t.equal(writer.isFull, false);
});
