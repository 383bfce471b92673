import { execFileSync, spawnSync } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { encodeFileHeader, encodePacket, type Packet } from '@vfio-user/trace';
import t, { type Test } from 'tap';
import { recordedPackets } from '../../../tools/support/recorded-packets.js';
import { socketFolder } from '../../../tools/support/socket-folder.js';
import { runCaught } from './fake-io.js';

/** A capture file; the test has one at a time. */
function write(t: Test, bytes: Uint8Array): string {
  const path = `${t.testdir()}/capture.pcap`;
  writeFileSync(path, bytes);
  return path;
}

function capture(packets: readonly Packet[]): Buffer {
  return Buffer.concat([encodeFileHeader(), ...packets.map(encodePacket)]);
}

t.test('what is wrong with a file is said, and what was good in it is printed', async (t) => {
  const good = capture(recordedPackets('gpio').slice(0, 2));
  const changed = (at: number, value: number): Buffer => {
    const bytes = Buffer.from(good);
    bytes.writeUInt32LE(value, at);
    return bytes;
  };
  const cases: readonly (readonly [Uint8Array, RegExp])[] = [
    [new Uint8Array(0), /the file is empty/],
    [Buffer.from('hello, world, this is no capture'), /no pcap file/],
    [good.subarray(0, 20), /ends after 20 of 24 header bytes/],
    [changed(0, 0x0a0d0d0a), /a pcapng file; convert it with: editcap -F nsecpcap/],
    [changed(20, 1), /link type 1; `vfio-user trace` writes 147/],
    [changed(32, 3), /packet 1: holds 3 bytes of/],
    [changed(36, 0xffff_ffff), /packet 1: has 4294967295 bytes, the limit is/],
    [changed(40, 9), /packet 1: has a pseudo-header of version 9, this program reads 1/],
    [changed(40, 0x0000_0701), /packet 1: has an unknown direction, encoding or kind: 7, 0, 0/],
    [good.subarray(0, good.length - 5), /packet 2: the file ends after \d+ of its \d+ bytes/],
    [Buffer.concat([good, Buffer.alloc(7)]), /packet 3: the file ends in the middle of its header/],
  ];
  for (const [bytes, message] of cases) {
    const { code, stdout, stderr } = await runCaught(['trace', 'read', write(t, bytes)]);
    t.equal(code, 1, message.source);
    t.match(stderr, message);
    if (/packet [23]/.test(message.source)) t.match(stdout, /→ #0 +VERSION/);
  }
  const { code, stderr } = await runCaught(['trace', 'read', '/nowhere/at.pcap']);
  t.equal(code, 2);
  t.match(stderr, /cannot read the capture: ENOENT/);
  t.match((await runCaught(['trace', 'read', t.testdir()])).stderr, /cannot be read: EISDIR/);
});

t.test('read prints a capture, for people and as JSON', async (t) => {
  const path = write(t, capture(recordedPackets('nvme-shared')));
  const { code, stdout } = await runCaught(['trace', 'read', path]);
  t.equal(code, 0);
  const lines = stdout.trimEnd().split('\n');
  t.match(lines[0], /^\d\d:\d\d:\d\d\.\d{6} = session 1, native encoding$/);
  t.equal(lines.length, recordedPackets('nvme-shared').length + 1);
  const json = (await runCaught(['trace', 'read', path, '--json'])).stdout.trimEnd().split('\n');
  t.match(JSON.parse(json[0] ?? ''), { type: 'begin', session: 1, encoding: 'native' });
  t.match(JSON.parse(json[1] ?? ''), { type: 'message', command: 'VERSION' });
  const told = await runCaught(['trace', 'read', path, '--device', 'toaster']);
  t.match(told, { code: 2, stderr: /no register names of that device; there are: counter, gpio/ });
});

t.test('stats adds a capture up, for people and as JSON', async (t) => {
  const path = write(t, capture(recordedPackets('nvme-anonymous')));
  const { code, stdout } = await runCaught(['trace', 'stats', path]);
  t.equal(code, 0);
  t.match(stdout, /^864 messages, \d+ bytes\n/);
  t.match(stdout, /\nDMA_READ +server +25 +0 +\d+ +\d+µs/);
  t.match(stdout, /\nBAR0\+0x1000 +NVMe SQ0TDBL +0 +18 +0\n/);
  t.match(stdout, /not implemented by the device:\n {2}BAR0\+0x3c \(NVMe CMBSZ\)\n$/);
  const json = JSON.parse((await runCaught(['trace', 'stats', path, '--json'])).stdout);
  t.match(json, { messages: 864, malformed: 0 });
  t.match(
    json.places.find(({ offset, region }: { offset: number; region: string }) => {
      return offset === 0x1000 && region === 'BAR0';
    }),
    { register: 'NVMe SQ0TDBL', writes: 18 },
  );
});

t.test('URIs of different encodings are refused, saying what to do', async (t) => {
  const uris = ['--listen', `unix://${socketFolder(t)}/a`, '--connect', 'tcp://127.0.0.1:1'];
  const { code, stderr } = await runCaught(['trace', ...uris]);
  t.equal(code, 2);
  t.match(stderr, /native encoding and .* portable .* Add \?encoding=native or .* use a bridge/);
  t.match(await runCaught(['trace', '--listen', 'unix:///x']), {
    code: 2,
    stderr: /give both --listen <uri> and --connect <uri>/,
  });
  const file = ['--pcap', '/nowhere/x.pcap'];
  t.match(await runCaught(['trace', ...uris, ...file]), {
    code: 2,
    stderr: /--pcap \/nowhere\/x\.pcap: the file cannot be written/,
  });
});

const VECTORS = new URL('../../core/test/protocol/portable/vectors.json', import.meta.url);
const DISSECTOR = fileURLToPath(new URL('../../../docs/vfio-user.lua', import.meta.url));
const hasTshark = spawnSync('tshark', ['--version']).status === 0;

t.test(
  "Wireshark's dissector decodes a capture",
  { skip: hasTshark ? false : 'tshark is not installed' },
  async (t) => {
    const path = write(t, capture(recordedPackets('nvme-anonymous')));
    const home = `${path}.home`;
    mkdirSync(home);
    const tshark = (...args: string[]): string[] =>
      execFileSync('tshark', ['-X', `lua_script:${DISSECTOR}`, '-r', path, ...args], {
        encoding: 'utf8',
        env: { ...process.env, HOME: home },
        stdio: ['ignore', 'pipe', 'ignore'],
      })
        .trimEnd()
        .split('\n');
    const fields = ['id', 'direction', 'region', 'offset', 'data', 'no_reply'];
    const columns = fields.flatMap((name) => ['-e', `vfio_user.${name}`]);
    const filter = 'vfio_user.command == 10 && vfio_user.offset == 0x1000';
    const [doorbell] = tshark('-Y', filter, '-T', 'fields', ...columns);
    t.match(doorbell, /^110\t0\t0\t0x0000000000001000\t01000000\t(1|True)$/);
    const replies = tshark('-Y', 'vfio_user.command == 11 && vfio_user.latency');
    t.equal(replies.length, 25, 'replies know their requests');
    t.match(replies[0], /client → server +vfio-user \d+ #1 DMA_READ reply 0x1ffdd000 \[64\]/);
    t.strictSame(tshark('-Y', '_ws.lua.error || _ws.malformed'), [''], 'no fault in the script');

    writeFileSync(path, capture(connectionPackets()));
    const seen = ['minor', 'link_kind', 'link_value', 'handled'];
    const rows = tshark('-T', 'fields', ...seen.flatMap((name) => ['-e', `vfio_user.${name}`]));
    t.strictSame(rows, ['1\t\t\t', '\t2\t7\t70000', '\t3\t7\t4294967296']);
    const [preface, asked] = tshark();
    t.match(preface, /vfio-user \d+ preface 1\.1$/);
    t.match(asked, /vfio-user \d+ link KEEP_ALIVE handled 70000 value 7$/);
    t.strictSame(tshark('-Y', '_ws.lua.error || _ws.malformed'), ['']);
  },
);

/** A preface and link frames: what concerns the connections of a session only. */
function connectionPackets(): Packet[] {
  const vectors: { readonly name: string; readonly hex: string }[] = JSON.parse(
    readFileSync(VECTORS, 'utf8'),
  ).vectors;
  return ['preface-continue-client', 'link-keep-alive', 'link-keep-alive-reply'].map((name) => {
    const hex = vectors.find((vector) => vector.name === name)?.hex ?? '';
    const bytes = new Uint8Array(Buffer.from(hex, 'hex'));
    const kind = name.startsWith('preface') ? 'preface' : 'message';
    const where = { session: 1, sender: 'client', encoding: 'portable' } as const;
    return { ...where, kind, timeUs: 0, descriptors: 0, bytes, length: bytes.length };
  });
}

t.test('the dissector is where the help says', async (t) => {
  t.match((await runCaught(['trace', '--help'])).stdout, 'docs/vfio-user.lua');
  t.match(readFileSync(DISSECTOR, 'utf8'), 'wtap.USER0');
});
