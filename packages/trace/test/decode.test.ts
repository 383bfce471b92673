import { Command, Irq, Region } from '@vfio-user/core';
import { nativeEncodingFor, PortableEncoding } from '@vfio-user/core/internal';
import { registerMaps } from '@vfio-user/devices';
import t from 'tap';
import { recordedPackets } from '../../../tools/support/recorded-packets.js';
import { SessionDecoder } from '../src/decode/session-decoder.js';
import { TraceDecoder } from '../src/decode/trace-decoder.js';
import type { Packet } from '../src/packet.js';
import { messageJson } from '../src/text/message-json.js';
import { messageLine } from '../src/text/message-line.js';
import { choosePalette, coloured, plain } from '../src/text/palette.js';
import { durationText, escapeControls } from '../src/text/values.js';
import { preface } from './preface.js';

const names = { candidates: [...registerMaps.values()] };

/** The lines of a session without the time of day, which depends on the time zone. */
function linesOf(packets: readonly Packet[]): string[] {
  const decoder = new SessionDecoder('native', names);
  return packets.map((packet) => messageLine(decoder.decode(packet), plain).slice(16));
}

function packetOf(sender: Packet['sender'], bytes: Uint8Array, rest: Partial<Packet> = {}): Packet {
  return {
    timeUs: 1_764_000_000_000_000,
    session: 1,
    sender,
    encoding: 'native',
    kind: 'message',
    descriptors: 0,
    bytes,
    length: bytes.length,
    ...rest,
  };
}

/** Requests and replies as one side writes them. */
const native = nativeEncodingFor(2 ** 20);

function bytesOf({ head, data }: { head: Uint8Array; data: Uint8Array | undefined }): Uint8Array {
  return Uint8Array.from(data === undefined ? head : Buffer.concat([head, data]));
}

t.test('a recorded session of QEMU with nvme is told line by line', async (t) => {
  const lines = linesOf(recordedPackets('nvme-anonymous'));
  for (const line of [
    '→ #1     DMA_MAP                       0x0+512M read|write offset 0x0',
    '← #1     DMA_MAP                 1.2ms',
    '→ #24    DEVICE_SET_IRQS               INTX [0, +1] eventfd|trigger fds=1',
    '← #19    REGION_READ             140µs CONFIG+0x88 MSIX.TABLE [4] = 0x00002000',
    '→ #27    REGION_READ                   CONFIG+0x4 COMMAND [2]',
    '→ #103   REGION_WRITE                  BAR0+0x2c NVMe ASQ+4 [4] = 0x00000000 (no reply)',
    '→ #110   REGION_WRITE                  BAR0+0x1000 NVMe SQ0TDBL [4] = 0x00000001 (no reply)',
    '← #1     DMA_READ                      0x1ffdd000 [64]',
    '→ #1     DMA_READ                290µs 0x1ffdd000 [64] = 06 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 ... +48',
  ]) {
    t.ok(lines.includes(line), line);
  }
  t.notOk(
    lines.some((line) => / \? /.test(line)),
    'every reply finds its request',
  );
});

t.test('gpio is recognised, its ports have names', async (t) => {
  const lines = linesOf(recordedPackets('gpio'));
  t.ok(lines.some((line) => /REGION_READ .* BAR2\+0x1 PCI-IDIO-16 INPUTS_0_7/.test(line)));
});

t.test('JSON has the same, for programs', async (t) => {
  const decoder = new SessionDecoder('native', names);
  const objects = recordedPackets('nvme-anonymous').map((packet) =>
    JSON.parse(messageJson(decoder.decode(packet))),
  );
  t.match(objects[0], {
    type: 'message',
    time: '2025-11-24T16:00:00.000000Z',
    session: 1,
    from: 'client',
    kind: 'request',
    command: 'VERSION',
    body: { major: 0 },
  });
  const doorbell = objects.find(({ accesses = [] }) => accesses[0]?.register === 'NVMe SQ0TDBL');
  t.match(doorbell, {
    command: 'REGION_WRITE',
    noReply: true,
    accesses: [{ access: 'write', region: 'BAR0', offset: 4096, count: 4, data: '01000000' }],
  });
  t.match(
    objects.find(({ kind, command }) => kind === 'reply' && command === 'DMA_MAP'),
    { from: 'server', latencyUs: 1180 },
  );
});

t.test('the device can be told, and then needs no configuration space', async (t) => {
  const decoder = new SessionDecoder('native', { device: registerMaps.get('bench') });
  const data = Uint8Array.of(1, 0, 0, 0);
  const access = { region: Region.BAR0, count: 4, data };
  const write = (offset: number): string => {
    const bytes = bytesOf(native.encodeRequest(Command.REGION_WRITE, 1, { ...access, offset }));
    return messageLine(decoder.decode(packetOf('client', bytes)), plain);
  };
  t.match(write(0x10), /BAR0\+0x10 bench SCRATCH \[4\] = 0x00000001$/);
  t.match(write(0x800), /BAR0\+0x800 \(not implemented\) \[4\]/);
});

t.test('an error names its errno, what it was about, and how long it took', async (t) => {
  const decoder = new SessionDecoder('native', names);
  const access = { region: Region.BAR5, offset: 0x40, count: 4 };
  const request = bytesOf(native.encodeRequest(Command.REGION_READ, 9, access));
  decoder.decode(packetOf('client', request));
  const reply = bytesOf(native.encodeError(Command.REGION_READ, 9, 22));
  const traced = decoder.decode(
    packetOf('server', reply, { timeUs: 1_764_000_000_000_000 + 12.5 }),
  );
  t.match(
    messageLine(traced, plain),
    /← #9 {5}REGION_READ +13µs BAR5\+0x40 \[4\] invalid argument/,
  );
  t.match(JSON.parse(messageJson(traced)), { kind: 'error', errno: 22, latencyUs: 12.5 });
  const unasked = decoder.decode(packetOf('server', reply));
  t.match(messageLine(unasked, plain), /REGION_READ +\? invalid argument/);
});

t.test('a message nobody understands is shown as bytes, with the reason', async (t) => {
  const bytes = bytesOf(native.encodeRequest(Command.DEVICE_RESET, 3, undefined));
  bytes[2] = 99;
  const traced = new SessionDecoder('native', names).decode(packetOf('client', bytes));
  const line = messageLine(traced, plain);
  t.match(line, /→ #3 .*command 99: unknown command \| 03 00 63 00 10 00 00 00/);
  t.match(JSON.parse(messageJson(traced)), {
    kind: 'malformed',
    reason: /unknown command/,
    raw: '03006300100000000000000000000000',
  });
});

t.test('what a terminal would act on is escaped', async (t) => {
  t.equal(escapeControls('\x1b[2Jbad\r\n\x9b\u202e'), '\\u001b[2Jbad\\u000d\\u000a\\u009b\\u202e');
  const capabilities = '{"x":"\x1b]0;title\x07"}';
  const version = { major: 0, minor: 1, capabilities };
  const bytes = bytesOf(native.encodeRequest(Command.VERSION, 1, version));
  const line = messageLine(
    new SessionDecoder('native', names).decode(packetOf('client', bytes)),
    plain,
  );
  t.notMatch(line, /\p{Cc}/u);
});

t.test('the portable encoding is decoded, interrupts and prefaces included', async (t) => {
  const portable = new PortableEncoding();
  const decoder = new SessionDecoder('portable', names);
  const line = (packet: Packet): string => messageLine(decoder.decode(packet), plain).slice(16);
  const interrupt = { index: Irq.MSIX, vector: 3, count: 2 };
  const bytes = bytesOf(portable.encodeRequest(0x8001, 0, interrupt, true));
  t.equal(
    line(packetOf('server', bytes, { encoding: 'portable' })),
    '← #0     INTERRUPT                     MSIX vector 3 x2 (no reply)',
  );
  const broken = packetOf('client', Uint8Array.of(1, 2, 3), {
    encoding: 'portable',
    kind: 'preface',
  });
  t.match(line(broken), /→ +preface +.*\| 01 02 03$/);
});

t.test('frames that concern their connection only are told', async (t) => {
  const decoder = new SessionDecoder('portable', names);
  const link = (kind: number, value: number, handled: number): Packet => {
    const bytes = Buffer.alloc(24);
    for (const [at, number] of [24, 0, kind, value, handled].entries()) {
      bytes.writeUInt32LE(number, 4 * at);
    }
    return packetOf('client', bytes, { encoding: 'portable' });
  };
  const line = (packet: Packet): string => messageLine(decoder.decode(packet), plain).slice(16);
  t.equal(line(link(2, 7, 70_000)), '→        link KEEP_ALIVE               handled 70000 value 7');
  t.equal(line(link(4, 0, 5)), '→        link END                      handled 5');
  t.match(line(link(99, 0, 5)), /link kind 99 +handled 5$/);
  const traced = decoder.decode(link(1, 0, 3));
  t.match(JSON.parse(messageJson(traced)), { type: 'link-frame', kind: 'HANDLED', handled: 3 });
  const short = packetOf('client', Uint8Array.of(9, 0, 0, 0, 0, 0, 0, 0, 1), {
    encoding: 'portable',
  });
  t.match(line(short), /record cannot be read.* \| 09 00 00/);
});

t.test('the session id of a preface is not shown, nor passed on', async (t) => {
  const session = new Uint8Array(16).fill(0xee);
  const whole = preface({ session, handled: 12 });
  const wrong = Uint8Array.from(whole);
  wrong[18] = 0xc1;
  for (const [bytes, pattern] of [
    [whole, /1\.1 goes on, handled 12 resume$/],
    [wrong, /cannot be read.* \| 89 56 46 55 .* 00 00 00 00/],
  ] as const) {
    const packet = packetOf('client', bytes, { encoding: 'portable', kind: 'preface' });
    const traced = new SessionDecoder('portable', names).decode(packet);
    t.match(messageLine(traced, plain), pattern);
    for (const shown of [messageLine(traced, plain), messageJson(traced)]) {
      t.notMatch(shown, /ee ?ee ?ee/);
    }
    t.equal(traced.packet.bytes.includes(0xee), false);
    t.equal(traced.packet.bytes.length, bytes.length, 'everything else stays');
    t.equal(bytes.includes(0xee), true, 'the session itself is not touched');
  }
});

t.test('a packet that a file holds only the beginning of is decoded', async (t) => {
  const data = new Uint8Array(10_000).fill(7);
  const write = { address: 0x1000, count: data.length, data };
  const whole = bytesOf(native.encodeRequest(Command.DMA_WRITE, 1, write));
  const cut = packetOf('server', whole.subarray(0, 100), { length: whole.length });
  const line = messageLine(new SessionDecoder('native', names).decode(cut), plain);
  t.match(line, /DMA_WRITE +0x1000 \[10000\] = 07 07 .* \.\.\. \+9984$/);
});

t.test('sessions are told apart, and only so many are followed', async (t) => {
  const decoders = new TraceDecoder(names);
  const bytes = bytesOf(native.encodeRequest(Command.DEVICE_RESET, 3, undefined));
  for (let session = 1; session <= 100; session++) {
    decoders.decode(packetOf('client', bytes, { session }));
  }
  t.equal(decoders.follows(1), false);
  t.equal(decoders.follows(100), true);
});

t.test('colours are for terminals, unless NO_COLOR is set', async (t) => {
  t.equal(choosePalette(true, undefined), coloured);
  t.equal(choosePalette(true, ''), coloured);
  t.equal(choosePalette(true, '1'), plain);
  t.equal(choosePalette(false, undefined), plain);
  const [packet] = recordedPackets('gpio');
  if (packet === undefined) throw new Error('an empty recording');
  const traced = new SessionDecoder('native', names).decode(packet);
  t.match(messageLine(traced, coloured), '\x1b[36mVERSION');
});

t.test('durations are short', async (t) => {
  const cases: readonly (readonly [number, string])[] = [
    [0.21, '0.2µs'],
    [12.4, '12µs'],
    [1234, '1.2ms'],
    [250_000, '250ms'],
    [2_500_000, '2.50s'],
  ];
  for (const [us, text] of cases) t.equal(durationText(us), text);
});
