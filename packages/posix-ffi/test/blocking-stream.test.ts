import t from 'tap';
import { BlockingStream, NativeMemory, socketPair } from '../src/index.js';

t.test('bytes arrive as they were sent, and the end of the stream is told', async (t) => {
  const [ours, theirs] = socketPair().map((socket) => new BlockingStream(socket)) as [
    BlockingStream,
    BlockingStream,
  ];
  const sent = new NativeMemory(8);
  sent.bytes.set([1, 2, 3, 4, 5, 6, 7, 8]);
  ours.send(sent.address, 5);
  ours.send(sent.address + 5, 3);
  const received = new NativeMemory(8);
  t.ok(theirs.receive(received.address, 8));
  t.strictSame([...received.bytes], [...sent.bytes]);

  ours.send(sent.address, 3);
  ours.close();
  t.notOk(theirs.receive(received.address, 4), 'the stream ends before the fourth byte');
  t.throws(() => theirs.send(sent.address, 8), /write/);
  theirs.close();
});
