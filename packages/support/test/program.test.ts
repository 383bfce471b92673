import t from 'tap';
import { ListeningProcess, Program } from '../src/index.js';

const node = (code: string): string[] => [process.execPath, '-e', code];
const FOREVER = 'setInterval(() => {}, 1000);';

t.test('a program says where it listens, and ends when asked to', async (t) => {
  const server = await ListeningProcess.start(
    node(`console.log('hello'); console.log('listening tcp://here:1'); ${FOREVER}`),
  );
  t.equal(server.address, 'tcp://here:1');
  t.ok(server.isRunning);
  t.equal(await server.stop(), 'SIGTERM');
  t.notOk(server.isRunning);
  t.equal(await server.stop(), 'SIGTERM', 'asked once more');
});

t.test('one that ends before it listens: what was awaited, and what it said', async (t) => {
  const start = ListeningProcess.start(node('console.error("no port"); process.exitCode = 3;'));
  await t.rejects(start, { message: /listening.*did not come on stdout: before it ended \(3\)/ });
  await t.rejects(start, { message: /no port/ });
});

t.test('one that never listens is ended when the time is up', async (t) => {
  const begin = ListeningProcess.start(node(`console.log('pid ' + process.pid); ${FOREVER}`), {
    timeoutMs: 3000,
  });
  const error = await begin.then(
    () => t.fail('it does not listen'),
    (reason: Error) => reason,
  );
  t.match(error, { message: /did not come on stdout: within 3000 ms/ });
  const pid = Number(/pid (\d+)/.exec((error as Error).message)?.[1]);
  t.throws(() => process.kill(pid, 0), { code: 'ESRCH' }, 'it is gone');
});

t.test('an aborted start rejects with the reason of the signal', async (t) => {
  const reason = new Error('changed my mind');
  const controller = new AbortController();
  const start = ListeningProcess.start(node(FOREVER), { signal: controller.signal });
  controller.abort(reason);
  t.equal(await start.catch((error: unknown) => error), reason);
  await t.rejects(ListeningProcess.start(node(FOREVER), { signal: controller.signal }), reason);
});

t.test('a program that cannot be started says so', async (t) => {
  await t.rejects(ListeningProcess.start(['/nowhere/program']), { message: /ENOENT/ });
  const program = new Program(['/nowhere/program']);
  await t.rejects(program.ended(), { message: /ENOENT/ });
  t.match(await program.stop(), /ENOENT/);
});

t.test('lines are waited for, from where one wants, and for so long', async (t) => {
  const program = new Program(
    node('for (let i = 0; i < 10; i++) console.error("line " + i); process.stdout.write("rest");'),
  );
  t.equal(await program.line('stderr', /line [5-9]/), 'line 5');
  t.equal(await program.line('stderr', 'line', 1000, 7), 'line 7');
  const { code, stdout, stderr } = await program.ended();
  t.equal(code, 0);
  t.same(stdout, ['rest'], 'a last line without an end');
  t.equal(stderr.length, 10);
  await t.rejects(program.logged('line 10'), {
    message: /"line 10" did not come on stderr: before/,
  });
});

t.test('of a program that says much, the last lines are kept', async (t) => {
  const program = new Program(node('for (let i = 0; i < 1000; i++) console.error(i);'), {
    keptLines: 10,
  });
  const { stderr } = await program.ended();
  t.ok(stderr.length <= 20, `${stderr.length} lines`);
  t.equal(stderr.at(-1), '999');
});
