import { readdirSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { reportSchema } from '@vfio-user/bench';
import {
  type Dma,
  type DmaRange,
  definePciDevice,
  type PciDeviceDefinition,
  serve,
  TransportRegistry,
} from '@vfio-user/core';
import { bench, counter } from '@vfio-user/devices';
import { unixTransport } from '@vfio-user/transport-unix';
import t, { type Test } from 'tap';
import { socketFolder } from '../../../tools/support/socket-folder.js';
import { runCaught } from './fake-io.js';

const registry = new TransportRegistry([unixTransport()]);

async function serveHere<Options>(
  t: Test,
  definition: PciDeviceDefinition<Options>,
): Promise<string> {
  const listen = `unix://${socketFolder(t)}/dev.sock`;
  const options = definition.options.parse({});
  const server = await serve({ definition, options, registry, listen });
  t.teardown(() => server.close());
  return server.uri;
}

/** The object with one of its members replaced. */
function withMember<T extends object>(object: T, replaced: Partial<T>): T {
  return new Proxy(object, {
    get(target, key) {
      if (key in replaced) return Reflect.get(replaced, key);
      const value = Reflect.get(target, key, target);
      return typeof value === 'function' ? value.bind(target) : value;
    },
  });
}

/** The bench device, with one byte of what it writes to the guest changed. */
function corruptingBench() {
  return definePciDevice({
    ...bench,
    create(host, options) {
      const { dma } = host;
      const range: Dma['range'] = (...args) => {
        const place = dma.range(...args);
        const write: DmaRange['write'] = (source, ...rest) => {
          const changed = source.slice();
          changed[changed.length >> 1] = ~(changed[changed.length >> 1] ?? 0);
          return place.write(changed, ...rest);
        };
        return withMember(place, { write });
      };
      return bench.create({ ...host, dma: withMember(dma, { range }) }, options);
    },
  });
}

t.test('all tests run on transports of this machine, each against a floor', async (t) => {
  const folder = t.testdir({});
  const [json, csv] = [join(folder, 'run.json'), join(folder, 'run.csv')];
  const { code, stdout, stderr } = await runCaught([
    ...['bench', '--transport', 'unix,tcp', '--duration', '2s', '--rounds', '1'],
    ...['--sizes', '64,64K', '--depth', '4', '--rate', '500', '--json', json, '--csv', csv],
  ]);
  t.equal(code, 0, stderr);
  t.equal(stderr, '', 'quiet in a pipe');
  t.match(stdout, /region-read: .*\n.*min +p50 +p99 +p99.9 +max/);
  t.match(stdout, /\(echo tcp\)/);

  const report = reportSchema.parse(JSON.parse(readFileSync(json, 'utf8')));
  t.strictSame(
    report.targets.map(({ name }) => name),
    ['unix', 'tcp'],
  );
  t.strictSame(report.leftOut, []);
  t.equal(new Set(report.results.map(({ test }) => test)).size, 10, 'every test');
  for (const result of report.results) {
    const { role, contender, toFloor, toFirst, cpu, latency, rounds } = result;
    const name = `${result.case} on ${contender}`;
    t.equal(rounds, 1);
    t.ok(cpu.client > 0, `${name}: time of the client`);
    if (contender !== 'memcpy') t.ok((cpu.server ?? 0) > 0, `${name}: time of the server`);
    if (role === 'transport') t.ok((toFloor?.median ?? 0) > 0, `${name}: has a floor`);
    if (contender === 'unix') t.equal(toFirst?.median, 1);
    if (result.quantity === 'latency') t.ok(latency && latency.min <= latency.p50, name);
  }
  const floors = report.results.filter(({ contender }) => contender === 'memcpy');
  t.ok(floors.length > 0 && floors.every(({ test }) => test.startsWith('dma')));

  const lines = readFileSync(csv, 'utf8').trim().split('\r\n');
  t.equal(lines.length, report.results.length + 1);
  t.match(lines[0], /^test,case,contender,role,/);
  const leftOver = readdirSync(tmpdir()).filter((name) => name.startsWith('vfub-'));
  t.notOk(
    leftOver.some((name) => report.targets[0]?.uri.includes(name)),
    'temporary files are gone',
  );
});

t.test('a device that corrupts data ends the run with status 1', async (t) => {
  const uri = await serveHere(t, corruptingBench());
  const args = ['bench', '--connect', uri, '--duration', '200ms', '--rounds', '1', '--sizes', '4K'];
  for (const test of ['dma-read', 'dma-write']) {
    const { code, stdout, stderr } = await runCaught([...args, '--tests', test]);
    t.equal(code, 1);
    t.equal(stdout, '', 'no figures');
    t.match(stderr, /^vfio-user: unix:dev\.sock: .*came back different/);
  }
});

t.test('a server of somebody else takes the tests that it can', async (t) => {
  const uri = await serveHere(t, counter);
  const json = join(t.testdir({}), 'run.json');
  const { code, stdout } = await runCaught([
    ...['bench', '--connect', uri, '--duration', '300ms', '--rounds', '1', '--json', json],
  ]);
  t.equal(code, 0);
  t.match(stdout, /dma-read on unix:dev\.sock: needs a device bench/);
  const report = reportSchema.parse(JSON.parse(readFileSync(json, 'utf8')));
  t.strictSame([...new Set(report.results.map(({ test }) => test))], ['connect', 'region-read']);
  const [result] = report.results.filter(({ role }) => role === 'transport');
  t.equal(result?.cpu.server, undefined, 'it is not our process');
  t.ok(result?.toFloor, 'on this machine there is a floor');

  const nothing = await runCaught(['bench', '--connect', uri, '--tests', 'doorbell']);
  t.equal(nothing.code, 1);
  t.match(nothing.stderr, /nothing could be measured:\n {2}doorbell .* needs a device bench/);
});

t.test('wrong usage is told with status 2', async (t) => {
  const cases: readonly (readonly [readonly string[], RegExp])[] = [
    [['--transport', 'pigeon'], /no transport pigeon; there are: unix, tcp/],
    [['--tests', 'speed'], /--tests speed: there are connect, region-read/],
    [['--sizes', '3'], /--sizes 3: expected a multiple of 4/],
    [['--sizes', '64M'], /--sizes 64M/],
    [['--depth', '65'], /--depth 65: expected a whole number from 1 to 64/],
    [['--duration', '5'], /--duration 5: expected a time/],
    [['--rounds', '0'], /--rounds 0/],
    [['--rate', 'fast'], /--rate fast/],
    [['--connect', 'unix:///x', '--transport', 'tcp'], /exclude each other/],
    [['--echo', 'tcp://127.0.0.1:1'], /give --connect as well/],
    [['echo', '--listen', 'tcp://0.0.0.0:0'], /insist with --insecure/],
    [['echo', '--listen', 'ws://127.0.0.1:0'], /an echo server is on unix:, tcp: or vsock:/],
    [['compare', 'a.json'], /Give two files or more/],
  ];
  for (const [args, message] of cases) {
    const { code, stdout, stderr } = await runCaught(['bench', ...args]);
    t.equal(code, 2, args.join(' '));
    t.equal(stdout, '');
    t.match(stderr, message);
  }
});
