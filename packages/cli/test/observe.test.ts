import { readFileSync } from 'node:fs';
import { get } from 'node:http';
import { connect, createServer } from 'node:net';
import {
  Command,
  type DmaDone,
  diagnostics,
  errno,
  Irq,
  ProtocolViolationError,
  type RequestHandled,
  RequestRefusedError,
  VfioUserError,
} from '@vfio-user/core';
import t, { type Test } from 'tap';
import { countedMetrics, requestDuration } from '../src/observe/metric-table.js';
import { Metrics } from '../src/observe/metrics.js';
import { metricsAddress } from '../src/observe/metrics-address.js';
import { MetricsServer } from '../src/observe/metrics-server.js';
import { Observation } from '../src/observe/observation.js';
import { summaryOf, Tally } from '../src/observe/tally.js';

const PORT_0 = { text: '127.0.0.1:0', host: '127.0.0.1', ip: '127.0.0.1', port: 0, hosts: [] };
const peer = 'somebody';
const about = { device: 'a device', peer };

function tallyOf(t: Test): Tally {
  const tally = new Tally();
  tally.start();
  t.teardown(() => tally.stop());
  return tally;
}

function metricsOf(t: Test): Metrics {
  const metrics = new Metrics(tallyOf(t));
  t.teardown(() => metrics.stop());
  return metrics;
}

function request(parts: Partial<RequestHandled>): void {
  const plain = { peer, command: Command.REGION_READ, bytesIn: 32, bytesOut: 36, errno: 0 };
  diagnostics.request.publish({ ...plain, durationMs: 0.002, ...parts });
}

function dma(parts: Partial<DmaDone>): void {
  diagnostics.dma.publish({
    ...about,
    path: 'shared',
    direction: 'read',
    bytes: 4096,
    errno: 0,
    ...parts,
  });
}

t.test('a summary tells counts, bytes and latencies of what it heard', async (t) => {
  const tally = tallyOf(t);
  for (let i = 0; i < 98; i++) request({});
  for (let i = 0; i < 2; i++) request({ durationMs: 5, errno: errno.EINVAL });
  dma({});
  dma({ path: 'messages', durationMs: 1, errno: errno.EFAULT });
  diagnostics.interrupt.publish({ ...about, index: Irq.MSIX, vector: 7, count: 3 });
  diagnostics.session.publish({ event: 'begun', peer });
  diagnostics.session.publish({ event: 'ended', peer, error: undefined });
  diagnostics.link.publish({ event: 'lost', device: 'tcp://x', error: new Error('gone') });
  diagnostics.link.publish({ event: 'reached-again', device: 'tcp://x' });
  diagnostics.error.publish({ error: new VfioUserError('VFU_TIMEOUT', 'late') });
  diagnostics.error.publish({ error: new TypeError('oops') });
  t.match(summaryOf(tally), {
    sessions: { begun: 1, ended: 1, turnedAway: {} },
    requests: { REGION_READ: { count: 100, failed: 2, bytesIn: 3200, bytesOut: 3600 } },
    dma: {
      'shared read': { count: 1, failed: 0, bytes: 4096 },
      'messages read': { count: 1, failed: 1, bytes: 0 },
    },
    interrupts: { msix: 3 },
    link: { lost: 1, reachedAgain: 1 },
    errors: { VFU_TIMEOUT: 1, other: 1 },
  });
  const { requests } = summaryOf(tally) as {
    requests: { REGION_READ: { p50Us: number; p99Us: number } };
  };
  t.ok(Math.abs(requests.REGION_READ.p50Us - 2) < 0.1, `p50 ${requests.REGION_READ.p50Us}`);
  t.ok(Math.abs(requests.REGION_READ.p99Us - 5000) < 100, `p99 ${requests.REGION_READ.p99Us}`);
});

t.test('nothing is counted before the first SIGUSR2, unless metrics are served', async (t) => {
  const logger = silent();
  const observation = await Observation.start({}, logger);
  t.teardown(() => observation.close());
  t.equal(diagnostics.request.hasSubscribers, false);
  const first = observation.statistics({ clientsServed: 1 });
  t.match(first, { clientsServed: 1, uptimeSeconds: Number, counting: /from now on/ });
  t.equal(diagnostics.request.hasSubscribers, true);
  request({});
  const second = observation.statistics({});
  t.match(second, { countedSeconds: Number, requests: { REGION_READ: { count: 1 } } });
  await observation.close();
  t.equal(diagnostics.request.hasSubscribers, false);

  const served = await Observation.start({ metrics: '127.0.0.1:0' }, logger);
  t.equal(diagnostics.request.hasSubscribers, true);
  t.match(logger.logged, [{ url: /^http:\/\/127\.0\.0\.1:[1-9]\d*\/metrics$/ }]);
  await served.close();
  t.equal(diagnostics.request.hasSubscribers, false);
});

t.test('metrics are what Prometheus reads', async (t) => {
  const metrics = metricsOf(t);
  request({ durationMs: 0.002 });
  request({ durationMs: 3, errno: errno.EINVAL });
  dma({ path: 'one-sided', direction: 'write', durationMs: 1 });
  diagnostics.interrupt.publish({ ...about, index: Irq.INTX, vector: 0, count: 1 });
  diagnostics.session.publish({ event: 'begun', peer });
  const busy = new RequestRefusedError(errno.EBUSY, 'the device serves another client');
  diagnostics.session.publish({ event: 'turned-away', peer, error: busy });
  // A bridge's reasons, by which a client is told that there is no device.
  for (const number of [errno.ENODEV, errno.ENOENT, errno.ECONNREFUSED, errno.ETIMEDOUT]) {
    const error = new RequestRefusedError(number, 'the device cannot be reached');
    diagnostics.session.publish({ event: 'turned-away', peer, error });
  }
  diagnostics.link.publish({ event: 'reached-again', device: 'tcp://x' });
  for (let i = 0; i < 4; i++) {
    diagnostics.link.publish({ event: 'interrupted', peer, error: new Error('reset') });
  }
  for (const gapMs of [2500, 50]) {
    diagnostics.link.publish({ event: 'continued', peer, gapMs, framesSentAgain: 3 });
  }
  diagnostics.link.publish({ event: 'given-up', peer, error: undefined });
  diagnostics.error.publish({ error: busy, peer });
  // Read twice: counters must not add up what they read before.
  await metrics.text();
  const lines = (await metrics.text()).split('\n');
  const expected = [
    'vfio_user_requests_total{command="REGION_READ",outcome="ok"} 1',
    'vfio_user_requests_total{command="REGION_READ",outcome="error"} 1',
    'vfio_user_request_bytes_total{command="REGION_READ",direction="received"} 64',
    'vfio_user_request_bytes_total{command="REGION_READ",direction="sent"} 72',
    'vfio_user_request_duration_seconds_bucket{le="0.000001",command="REGION_READ"} 0',
    'vfio_user_request_duration_seconds_bucket{le="0.000004",command="REGION_READ"} 1',
    'vfio_user_request_duration_seconds_bucket{le="0.004096",command="REGION_READ"} 2',
    'vfio_user_request_duration_seconds_count{command="REGION_READ"} 2',
    'vfio_user_dma_total{path="one-sided",direction="write",outcome="ok"} 1',
    'vfio_user_dma_bytes_total{path="one-sided",direction="write"} 4096',
    'vfio_user_interrupts_total{kind="intx"} 1',
    'vfio_user_sessions_total 1',
    'vfio_user_sessions_active 1',
    'vfio_user_sessions_turned_away_total{reason="busy"} 1',
    'vfio_user_sessions_turned_away_total{reason="device-unreachable"} 4',
    'vfio_user_sessions_held 1',
    'vfio_user_link_interruptions_total 4',
    'vfio_user_link_resumes_total 2',
    'vfio_user_link_frames_sent_again_total 6',
    'vfio_user_link_longest_gap_seconds 2.5',
    'vfio_user_link_losses_total 0',
    'vfio_user_link_reconnects_total 1',
    'vfio_user_errors_total{code="VFU_REQUEST_REFUSED"} 1',
  ];
  for (const line of expected) t.ok(lines.includes(line), line);
});

t.test('whatever numbers a peer chooses, labels come from lists that end', async (t) => {
  const metrics = metricsOf(t);
  for (let command = 1000; command < 1100; command++) request({ command, errno: errno.EINVAL });
  for (let index = 10; index < 20; index++) {
    diagnostics.interrupt.publish({ ...about, index, vector: index, count: 1 });
  }
  for (let number = 200; number < 300; number++) {
    const error = new RequestRefusedError(number, `number ${number}`);
    diagnostics.session.publish({ event: 'turned-away', peer: `peer ${number}`, error });
  }
  const violation = new ProtocolViolationError('not VERSION');
  diagnostics.session.publish({ event: 'turned-away', peer, error: violation });
  const late = new VfioUserError('VFU_TIMEOUT', 'no VERSION');
  diagnostics.session.publish({ event: 'turned-away', peer, error: late });
  const text = await metrics.text();
  t.match(text, 'vfio_user_requests_total{command="unknown",outcome="error"} 100');
  t.match(text, 'vfio_user_request_duration_seconds_count{command="unknown"} 100');
  t.match(text, 'vfio_user_interrupts_total{kind="unknown"} 10');
  t.match(text, 'vfio_user_sessions_turned_away_total{reason="other"} 100');
  t.match(text, 'vfio_user_sessions_turned_away_total{reason="invalid"} 1');
  t.match(text, 'vfio_user_sessions_turned_away_total{reason="timeout"} 1');
  t.equal(text.match(/^vfio_user_requests_total\{/gm)?.length, 2);
});

t.test('the endpoint answers GET of /metrics and nothing else', async (t) => {
  const server = await MetricsServer.listen(PORT_0, metricsOf(t), silent());
  t.teardown(() => server.close());
  const found = await fetch(`${server.url}?by=name`);
  t.equal(found.status, 200);
  t.match(found.headers.get('content-type'), /^text\/plain; version=0\.0\.4/);
  t.match(await found.text(), '# TYPE vfio_user_requests_total counter');
  const elsewhere = await fetch(new URL('/', server.url));
  t.equal(elsewhere.status, 404);
  t.match(await elsewhere.text(), '/metrics');
  const posted = await fetch(server.url, { method: 'POST', body: 'x' });
  t.equal(posted.status, 405);
  t.equal(posted.headers.get('allow'), 'GET');
});

t.test('connections that ask for nothing keep nobody from the metrics', async (t) => {
  const server = await MetricsServer.listen(PORT_0, metricsOf(t), silent());
  t.teardown(() => server.close());
  const port = Number(new URL(server.url).port);
  const quiet = Array.from({ length: 100 }, () => connect(port, '127.0.0.1'));
  t.teardown(() => {
    for (const socket of quiet) socket.destroy();
  });
  await new Promise<void>((resolve) => {
    let left = 100 - 64;
    for (const socket of quiet) {
      socket.on('error', () => {}).on('close', () => --left === 0 && resolve());
      socket.resume();
    }
  });
  t.equal((await fetch(server.url)).status, 200);
});

t.test('a page whose name stands for this machine does not get the metrics', async (t) => {
  const address = await metricsAddress('127.0.0.1:0?host=metrics.example', false);
  const logger = silent();
  const server = await MetricsServer.listen(address, metricsOf(t), logger);
  t.teardown(() => server.close());
  const statusFor = (host: string) =>
    new Promise<number | undefined>((resolve, reject) => {
      const asked = get(server.url, { headers: { host } }, (response) => {
        response.resume().once('end', () => resolve(response.statusCode));
      });
      asked.once('error', reject);
    });
  t.equal(await statusFor('rebound.example'), 403);
  t.match(logger.warnings, [{ peer: /^127\.0\.0\.1:\d+$/, reason: /"rebound\.example".*host=/ }]);
  for (const host of ['127.0.0.1:80', 'localhost', 'metrics.example:1']) {
    t.equal(await statusFor(host), 200, host);
  }
  t.equal(logger.warnings.length, 1);
  for (const query of ['names=x', 'host=', 'host=a b', 'host=a&host=b', 'host=*.a']) {
    const refused = metricsAddress(`127.0.0.1:0?${query}`, false);
    await t.rejects(refused, { code: 'VFU_CONFIG_INVALID' }, query);
  }
});

t.test('--metrics listens on this host only, unless told otherwise', async (t) => {
  for (const text of [
    '127.0.0.1:9464',
    '127.1.2.3:0',
    '[::1]:80',
    '[::1%25lo]:80',
    '[::1%lo]:80',
    'localhost:9464',
  ]) {
    t.match(await metricsAddress(text, false), { text, port: Number(text.split(':').at(-1)) });
  }
  for (const text of ['0.0.0.0:9464', '[::]:9464', '192.0.2.7:9464', '[2001:db8::1]:1']) {
    await t.rejects(metricsAddress(text, false), {
      code: 'VFU_CONFIG_INVALID',
      message: /lets anybody who reaches it read the metrics.*or insist with --insecure/,
    });
    t.match(await metricsAddress(text, true), { text });
  }
  const wrong = ['9464', 'localhost', '127.0.0.1:', '127.0.0.1:65536', 'tcp://127.0.0.1:1', ':1'];
  for (const text of wrong) {
    await t.rejects(metricsAddress(text, true), { message: /expected host:port, for example/ });
  }
  await t.rejects(metricsAddress('no.such.host.invalid:1', true), { message: /no address/ });
});

t.test('an address in use is a failure that names it', async (t) => {
  const other = createServer();
  await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve));
  t.teardown(() => other.close());
  const { port } = other.address() as { port: number };
  await t.rejects(Observation.start({ metrics: `127.0.0.1:${port}` }, silent()), {
    code: 'VFU_SYSTEM_ERROR',
    message: new RegExp(`--metrics 127.0.0.1:${port}: cannot listen`),
    cause: { code: 'EADDRINUSE' },
  });
  t.equal(diagnostics.request.hasSubscribers, false, 'and nothing is left behind');
});

t.test('docs/observability.md lists every metric and every channel', async (t) => {
  const file = new URL('../../../docs/observability.md', import.meta.url);
  const cells = readFileSync(file, 'utf8')
    .split('\n')
    .filter((line) => line.startsWith('| `'))
    .map((line) => line.split('|').map((cell) => cell.trim()));
  const rows = cells.map(([, ...row]) => row.slice(0, -1).join(' | '));
  for (const { name, type, labels, help } of [...countedMetrics, requestDuration]) {
    const names = labels.map((label) => `\`${label}\``).join(', ');
    t.ok(rows.includes(`\`${name}\` | ${type} | ${names} | ${help}`), name);
  }
  const listed = rows.filter((row) => row.startsWith('`vfio_user_'));
  t.equal(listed.length, countedMetrics.length + 1, 'and none that is not there');
  for (const { name } of Object.values(diagnostics)) {
    t.ok(
      rows.some((row) => row.startsWith(`\`${String(name)}\` |`)),
      String(name),
    );
  }
});

function silent() {
  const logged: object[] = [];
  const warnings: object[] = [];
  const ignore = (): void => {};
  const logger = {
    logged,
    warnings,
    info: (fields: object) => void logged.push(fields),
    debug: ignore,
    warn: (fields: object) => void warnings.push(fields),
    error: ignore,
    child: () => logger,
  };
  return logger;
}
