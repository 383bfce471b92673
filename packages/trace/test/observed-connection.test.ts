import t from 'tap';
import type { TraceSink } from '../src/trace-sink.js';
import { Tracer } from '../src/tracer.js';
import { preface } from './preface.js';

/** Notes what is told, in short. */
class Notes implements Required<TraceSink> {
  readonly all: string[] = [];

  onBegin = ({ session }: { session: number }): void => void this.all.push(`begin ${session}`);
  onContinued = ({ session }: { session: number }): void => void this.all.push(`on ${session}`);
  onMessage: TraceSink['onMessage'] = ({ packet, preface, isSentAgain, linkFrame }) => {
    const what = preface === undefined ? (linkFrame ? 'link' : 'frame') : 'preface';
    this.all.push(`${packet.session} ${packet.sender} ${what}${isSentAgain ? ' again' : ''}`);
  };
  onEnd: NonNullable<TraceSink['onEnd']> = ({ session, mayGoOn }) => {
    this.all.push(`${mayGoOn ? 'lost' : 'end'} ${session}`);
  };

  take(): string[] {
    return this.all.splice(0);
  }
}

function frame(...record: number[]) {
  const bytes = Uint8Array.of(8 + record.length, 0, 0, 0, record.length, 0, 0, 0, ...record);
  return {
    bytes,
    view: new DataView(bytes.buffer),
    start: 0,
    length: bytes.length,
    descriptors: [],
  };
}

function begin(notes: Notes) {
  const tracer = new Tracer([notes]);
  const connect = () => tracer.observe({ peer: 'somebody', encoding: 'portable' });
  const first = connect();
  first.onPreface?.('client', preface({ session: new Uint8Array(16) }));
  first.onPreface?.('server', preface());
  return { connect, first };
}

t.test('frames that are sent again are told, the others are not', async (t) => {
  const notes = new Notes();
  const { connect, first } = begin(notes);
  for (let i = 0; i < 3; i++) first.onFrame('client', frame(0x80));
  first.onFrame('server', frame(0x80));
  first.onEnd(new Error('reset'));
  t.strictSame(notes.take().slice(-2), ['1 server frame', 'lost 1']);
  const second = connect();
  second.onPreface?.('client', preface({ handled: 1 }));
  second.onPreface?.('server', preface({ handled: 1 }));
  for (let i = 0; i < 3; i++) second.onFrame('client', frame(0x80));
  second.onFrame('server', frame(0x80));
  t.strictSame(notes.take(), [
    'on 1',
    '1 client preface',
    '1 server preface',
    '1 client frame again',
    '1 client frame again',
    '1 client frame',
    '1 server frame',
  ]);
});

t.test('an earlier connection that ends later says nothing any more', async (t) => {
  const notes = new Notes();
  const { connect, first } = begin(notes);
  const second = connect();
  second.onPreface?.('client', preface({ handled: 0 }));
  second.onPreface?.('server', preface({ handled: 0 }));
  notes.take();
  first.onFrame('server', frame(0x80));
  first.onEnd();
  t.strictSame(notes.take(), [], 'its frames come again on the newer one');
  second.onEnd();
  t.strictSame(notes.take(), ['lost 1']);
});

t.test('a server that does not go on begins another session', async (t) => {
  const notes = new Notes();
  const { connect, first } = begin(notes);
  first.onEnd();
  notes.take();
  const second = connect();
  second.onPreface?.('client', preface({ handled: 0 }));
  second.onPreface?.('server', preface({ session: new Uint8Array(16).fill(8) }));
  second.onFrame('client', frame(0x80));
  second.onEnd();
  t.strictSame(notes.take(), [
    'on 1',
    '1 client preface',
    'end 1',
    'begin 2',
    '2 server preface',
    '2 client frame',
    'lost 2',
  ]);
});

t.test('a session without resume ends with its connection, as does one that said so', async (t) => {
  const notes = new Notes();
  const tracer = new Tracer([notes]);
  const plain = tracer.observe({ peer: 'somebody', encoding: 'portable' });
  plain.onPreface?.('client', preface({ capabilities: [] }));
  plain.onPreface?.('server', preface());
  plain.onEnd();
  t.strictSame(notes.take().at(-1), 'end 1');

  const { first } = begin(notes);
  const end = Uint8Array.of(24, 0, 0, 0, 0, 0, 0, 0, 4, ...new Array(15).fill(0));
  const view = new DataView(end.buffer);
  first.onFrame('client', { bytes: end, view, start: 0, length: 24, descriptors: [] });
  first.onEnd();
  t.strictSame(notes.take().slice(-2), ['1 client link', 'end 1']);
});

t.test('a session whose beginning was not seen is shown from there on', async (t) => {
  const notes = new Notes();
  const connection = new Tracer([notes]).observe({ peer: 'somebody', encoding: 'portable' });
  connection.onPreface?.('client', preface({ handled: 500 }));
  connection.onPreface?.('server', preface({ handled: 400 }));
  connection.onFrame('server', frame(0x80));
  t.strictSame(notes.take(), ['begin 1', '1 client preface', '1 server preface', '1 server frame']);
});
