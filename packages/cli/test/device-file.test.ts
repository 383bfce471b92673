import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connectDevice, Region, TransportRegistry } from '@vfio-user/core';
import { unixTransport } from '@vfio-user/transport-unix';
import t, { type Test } from 'tap';
import { runCli } from './cli-process.js';

const DEVICE = `
import { definePciDevice, DmaFaultError, VfioUserError } from '@vfio-user/core';
import { z } from 'zod';
import { DEVICE_ID } from './ids.js';

export default definePciDevice({
  name: 'mine',
  summary: 'A device of a user',
  options: z.strictObject({ value: z.coerce.number().default(42).describe('what it answers') }),
  create(host, { value }) {
    let seen = 0;
    return {
      identity: { vendorId: 0x1234, deviceId: DEVICE_ID, classCode: 0xff0000 },
      bars: {
        0: {
          kind: 'memory32',
          size: 4096,
          access: {
            read: (offset) => (offset === 0 ? value : seen),
            write(_offset, _size, address) {
              try {
                host.dma.range(address, 4, 'write');
              } catch (error) {
                seen = Number(error instanceof DmaFaultError) + 2 * Number(VfioUserError.is(error));
              }
            },
          },
        },
      },
      reset() {},
    };
  },
});
`;

/** A folder with these files, and with nothing that is installed around it. */
function emptyFolder(t: Test, files: Readonly<Record<string, string>>): string {
  const folder = mkdtempSync(join(tmpdir(), 'vfio-user-device-'));
  t.teardown(() => rmSync(folder, { recursive: true }));
  for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text);
  return folder;
}

for (const [name, ids, text] of [
  ['device.ts', 'ids.ts', DEVICE.replace('let seen = 0', 'let seen: number = 0')],
  ['device.mjs', 'ids.js', DEVICE.replace('./ids.js', './ids.mjs')],
] as const) {
  t.test(`a device in ${name} is served, with the core of the command`, async (t) => {
    const idsName = name.endsWith('ts') ? ids : 'ids.mjs';
    const id = name.endsWith('ts') ? 'const DEVICE_ID: number' : 'const DEVICE_ID';
    const folder = emptyFolder(t, { [name]: text, [idsName]: `export ${id} = 0xc0de;` });
    const uri = `unix://${folder}/dev.sock`;
    const server = runCli(t, ['serve', `${folder}/${name}`, '--listen', uri, '--set', 'value=7']);
    t.equal(await server.line('stdout', /./), `listening ${uri}`);
    const registry = new TransportRegistry([unixTransport()]);
    const client = await connectDevice(uri, { registry });
    t.strictSame([...(await client.regionRead(Region.BAR0, 0, 4))], [7, 0, 0, 0]);
    t.strictSame([...(await client.regionRead(Region.CONFIG, 2, 2))], [0xde, 0xc0]);
    await client.regionWrite(Region.BAR0, 0, Uint8Array.of(0, 0, 16, 0));
    const seen = await client.regionRead(Region.BAR0, 4, 1);
    t.equal(seen[0], 3, 'a fault is of the class that the file imports');
    await client.close();
    server.signal('SIGTERM');
    t.equal((await server.ended()).code, 0);
  });
}

t.test('the settings of a device in a file are in the help and the capabilities', async (t) => {
  const folder = emptyFolder(t, { 'device.ts': DEVICE, 'ids.ts': 'export const DEVICE_ID = 1;' });
  const file = `${folder}/device.ts`;
  const help = await runCli(t, ['serve', file, '--help']).ended();
  t.equal(help.code, 0);
  t.match(
    help.stdout.join('\n'),
    /mine +A device of a user\n +value +what it answers \(default: 42\)/,
  );
  t.notMatch(help.stdout.join('\n'), /nvme +NVMe/);
  const printed = await runCli(t, ['serve', file, '--print-capabilities']).ended();
  t.match(JSON.parse(printed.stdout.join('\n')).devices, [
    { name: 'mine', settings: [{ key: 'value' }] },
  ]);
  const wrong = await runCli(t, ['serve', file, '--listen', 'memory:x', '--set', 'valu=1']).ended();
  t.equal(wrong.code, 2);
  t.match(wrong.stderr.join('\n'), /the settings of mine are wrong:\n +there is no valu/);
  t.match(wrong.stderr.at(-1), `vfio-user serve ${file} --help`);
});

t.test('a trace has the names of a file, if it gives any', async (t) => {
  const named = `
import { definePciDevice, defineRegisters } from '@vfio-user/core';
import { z } from 'zod';
const registers = defineRegisters({ ANSWER: { offset: 0, reset: 42 } });
const bars = { 0: registers };
export default definePciDevice({
  name: 'mine', summary: 'mine', options: z.strictObject({}),
  registers: { title: 'mine', describes: () => false, bars },
  create: () => ({
    identity: { vendorId: 1, deviceId: 2, classCode: 0xff0000 },
    bars: { 0: { kind: 'memory32', size: 4096, access: registers.create() } },
    reset() {},
  }),
});`;
  const folder = emptyFolder(t, {
    'named.mjs': named,
    'ids.mjs': 'export const DEVICE_ID = 1;',
    'plain.mjs': DEVICE.replace('./ids.js', './ids.mjs'),
  });
  const [device, traced] = [`unix://${folder}/dev.sock`, `unix://${folder}/trace.sock`];
  await runCli(t, ['serve', `${folder}/named.mjs`, '--listen', device]).line(
    'stdout',
    /^listening/,
  );
  const trace = runCli(t, [
    'trace',
    '--device',
    `${folder}/named.mjs`,
    '--listen',
    traced,
    '--connect',
    device,
  ]);
  await trace.line('stdout', /^listening/);
  const client = await connectDevice(traced, {
    registry: new TransportRegistry([unixTransport()]),
  });
  await client.regionRead(Region.BAR0, 0, 4);
  await trace.line('stdout', /mine ANSWER/);
  await client.close();
  const args = [
    'trace',
    '--device',
    `${folder}/plain.mjs`,
    '--listen',
    traced,
    '--connect',
    device,
  ];
  const plain = await runCli(t, args).ended();
  t.equal(plain.code, 2);
  t.match(plain.stderr.join('\n'), /plain\.mjs: its definition has no `registers`/);
});

t.test('what is wrong with a file is said, and where', async (t) => {
  const files = {
    'named.mjs':
      'export const mine = { name: "a", summary: "b", options: { safeParse() {} }, create() {} };',
    'nothing.mjs': 'export const a = 1;',
    'schema.mjs':
      'export default { name: "a", summary: "b", options: { safeParse: 1 }, create() {} };',
    'half.mjs': 'export default { name: "a", create() {} };',
    'throws.mjs': 'const a = 1;\n\nthrow new Error("boom");',
    'throws.ts': 'const a: number = 1;\n\ninterface B {}\nthrow new Error("boom");',
    'syntax.mjs': 'const a = 1;\nconst b = = 2;',
    'syntax.ts': 'const a = 1;\nconst b = = 2;',
    'import.ts': 'import a from "not-there";\nexport default a;',
  };
  const folder = emptyFolder(t, files);
  const cases: readonly [keyof typeof files | 'none.ts', RegExp][] = [
    ['none.ts', /no device \S+none\.ts: there is no file \S+none\.ts/],
    ['named.mjs', /named\.mjs has no default export: it exports mine; add `export default mine;`/],
    ['nothing.mjs', /nothing\.mjs has no default export: write `export default definePciDevice/],
    [
      'half.mjs',
      /half\.mjs: its default export is no definition of a device: it lacks `summary` \(a text\), `options`/,
    ],
    ['schema.mjs', /it lacks `options` \(a zod schema\)\./],
    ['throws.mjs', /cannot load \S+throws\.mjs, line 3: boom/],
    ['throws.ts', /cannot load \S+throws\.ts, line 4: boom/],
    ['syntax.mjs', /cannot load \S+syntax\.mjs, line 2: /],
    ['syntax.ts', /cannot load \S+syntax\.ts, line 2: /],
    ['import.ts', /cannot load \S+import\.ts: Cannot find package 'not-there'/],
  ];
  for (const [name, text] of cases) {
    const ending = await runCli(t, ['serve', `${folder}/${name}`, '--listen', 'memory:x']).ended();
    t.equal(ending.code, 2, name);
    t.match(ending.stderr.join('\n'), text);
  }
});

t.test('a start that cannot go on is said, and a signal ends one that takes long', async (t) => {
  const create = (text: string): string =>
    `export default { name: "a", summary: "b", options: { safeParse: () => ({ success: true }) }, create: ${text} };`;
  const folder = emptyFolder(t, {
    'module.mjs': 'await new Promise(() => {});',
    'create.mjs': create('() => new Promise(() => {})'),
    'slow.mjs': create('() => new Promise((made) => setTimeout(made, 1e8, console.log("making")))'),
  });
  // What the test runner loads ahead has an opinion on exit statuses of its own.
  const serveFile = (name: string) => {
    const args = ['serve', `${folder}/${name}`, '--listen', `unix://${folder}/dev.sock`];
    return runCli(t, args, { prefix: 'NODE_OPTIONS=' });
  };
  for (const name of ['module.mjs', 'create.mjs']) {
    const { code, stderr } = await serveFile(name).ended();
    t.equal(code, 1, name);
    t.match(stderr.join('\n'), /waits for a promise that never settles/);
  }
  const slow = serveFile('slow.mjs');
  await slow.line('stdout', /^making$/);
  slow.signal('SIGTERM');
  t.equal((await slow.ended()).code, 0);
});
