import t from 'tap';
import { socketFolder } from '../../../tools/support/socket-folder.js';
import { reportError } from '../src/errors.js';
import { runCaught } from './fake-io.js';

t.test('--help names every command, on stdout, with status 0', async (t) => {
  const { code, stdout, stderr } = await runCaught(['--help']);
  t.equal(code, 0);
  t.equal(stderr, '');
  for (const command of ['serve', 'info', 'trace', 'doctor']) t.match(stdout, command);
});

t.test('serve --help lists devices, their settings and the defaults', async (t) => {
  for (const args of [
    ['serve', '--help'],
    ['help', 'serve'],
  ]) {
    const { code, stdout } = await runCaught(args);
    t.equal(code, 0);
    t.match(stdout, /counter +Tutorial/);
    t.match(stdout, /modulus .*\(default: 1000\)/);
    t.match(stdout, /loopback .*\(default: false\)/);
  }
});

t.test('--version prints the version', async (t) => {
  const { code, stdout } = await runCaught(['--version']);
  t.equal(code, 0);
  t.match(stdout, /^\d+\.\d+\.\d+\n$/);
});

t.test('wrong usage is told on stderr with status 2', async (t) => {
  const bridge = ['bridge', '--listen', 'unix:///x', '--connect', 'unix:///y'];
  const cases: readonly (readonly [readonly string[], RegExp])[] = [
    [['frobnicate'], /unknown command 'frobnicate'/],
    [['serve', '--frobnicate'], /unknown option '--frobnicate'/],
    [['info'], /missing required argument 'uri'/],
    [['info', 'unix:///x', '--log-level', 'loud'], /Allowed choices are/],
    [['serve', '--listen', 'unix:///x'], /which device\? Give one of: counter/],
    [['serve', 'toaster', '--listen', 'unix:///x'], /no device toaster; there are: counter/],
    [['serve', 'counter'], /where to listen\?/],
    [['serve', 'counter', '--listen', 'unix:///x', '--fd', '3'], /exclude each other/],
    [['serve', 'counter', '--socket-path=/x', '--fd=3'], /exclude each other/],
    [['serve', 'counter', '--fd=three'], /--fd three: expected the number/],
    [['serve', 'counter', '--listen', 'unix:///x', '--set', 'modulus'], /expected key=value/],
    [
      ['serve', 'counter', '--listen', 'unix:///x', '--set', 'a=1', '--set', 'a=2'],
      /a: given twice/,
    ],
    [['serve', 'counter', '--listen', 'unix:///x', '--set', 'modulus=0'], /modulus/],
    [['serve', 'counter', '--listen', 'unix:///x', '--set', 'colour=red'], /colour/],
    [
      ['serve', 'counter', '--listen', 'smtp://x:1'],
      /unknown scheme smtp:, known here: fd:, rdma:, tcp:, tls:, unix:/,
    ],
    [['serve', 'counter', '--listen', 'unix:///x', '--hold', '5'], /--hold 5: .*or 0 for off/],
    [['serve', 'counter', '--listen', 'unix:///x', '--hold', '25h'], /--hold 25h: expected a time/],
    [[...bridge, '--hold', '-1s'], /--hold -1s: expected a time such as 30s or 5m, at most a day/],
    [[...bridge, '--answer-timeout', '0'], /--answer-timeout 0: expected a time such as/],
    [[...bridge, '--link-timeout', '1441m'], /--link-timeout 1441m: .*at most a day/],
    [['info', '/tmp/x.sock'], /Did you mean unix:\/\/\/tmp\/x\.sock/],
    [['info', 'unix:///tmp/x.sock?colour=red'], /unknown option colour/],
    [['info', 'tcp://h:1?timeout=1s&timeout=2s'], /timeout= is given twice/],
  ];
  for (const [args, message] of cases) {
    const { code, stdout, stderr } = await runCaught(args);
    t.equal(code, 2, args.join(' '));
    t.equal(stdout, '');
    t.match(stderr, message);
  }
});

t.test('more than one activated socket is refused', async (t) => {
  const env = { LISTEN_PID: String(process.pid), LISTEN_FDS: '2' };
  const { code, stderr } = await runCaught(['serve', 'counter'], env);
  t.equal(code, 2);
  t.match(stderr, /one device needs one socket/);
});

t.test('--print-capabilities prints JSON whatever else is asked for', async (t) => {
  const args = ['serve', 'toaster', '--print-capabilities', '--fd=x', '--socket-path=/y'];
  const { code, stdout } = await runCaught(args);
  t.equal(code, 0);
  const answer = JSON.parse(stdout);
  t.match(answer, { type: 'pci', features: ['socket-path', 'fd'] });
  const counter = answer.devices.find((device: { name: string }) => device.name === 'counter');
  t.match(counter.settings, [{ key: 'modulus', required: false, default: 1000 }]);
});

t.test('a server that is not there is a failure with a hint', async (t) => {
  const { code, stderr } = await runCaught(['info', `unix://${socketFolder(t)}/no.sock`]);
  t.equal(code, 1);
  t.match(stderr, /^vfio-user: .*no\.sock/);
  t.match(stderr, /Start the server first/);
});

t.test('a descriptor that is not open is a failure', async (t) => {
  const { code, stderr } = await runCaught(['serve', 'counter', '--fd=987654']);
  t.equal(code, 1);
  t.match(stderr, /^vfio-user: .*987654/);
});

t.test('an error that nobody threw on purpose comes with its stack', async (t) => {
  const { text, exitCode } = await reportError(new TypeError('oops'));
  t.equal(exitCode, 1);
  t.match(text, /unexpected error: TypeError: oops\n +at /);
});

t.test('doctor finds what the tests themselves need', async (t) => {
  const { code, stdout } = await runCaught(['doctor', '--json']);
  t.equal(code, 0);
  const findings: { name: string; ok: boolean; advice?: string }[] = JSON.parse(stdout);
  for (const name of ['node', 'fd passing', 'memfd sealing']) {
    t.equal(findings.find((finding) => finding.name === name)?.ok, true, name);
  }
  t.ok(findings.some(({ name }) => name === 'tls'));
  for (const finding of findings) t.equal(finding.ok, finding.advice === undefined, finding.name);
  t.match((await runCaught(['doctor'])).stdout, /^ok +node /);
});
