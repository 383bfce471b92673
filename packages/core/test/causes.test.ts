import t from 'tap';
import { type Attempt, attemptFailed, causes, errorCode } from '../src/causes.js';
import { VfioUserError } from '../src/errors.js';

const failure = (code: string): Error =>
  Object.assign(new Error(`what the system says of ${code}`), { code });

t.test('each cause is a clause, each advice whole sentences', async (t) => {
  for (const [attempt, known] of Object.entries(causes)) {
    for (const [key, [sentence, advice]] of Object.entries(known)) {
      t.match(sentence, /^[a-z].*[a-z]$/, `${attempt} ${key}`);
      t.match(advice, /^[A-Z0-9`].*[.?]$/, `${attempt} ${key}`);
    }
  }
});

t.test('an advice is about what was attempted', async (t) => {
  const starts = (attempt: Attempt): string[] =>
    Object.values(causes[attempt]).flatMap(([, advice]) =>
      /start the server/i.test(advice) ? [advice] : [],
    );
  const never = [
    'listen-unix',
    'listen-network',
    'listen-vsock',
    'read-file',
    'write-file',
    'open-image',
  ] as const;
  for (const attempt of never) t.strictSame(starts(attempt), [], attempt);
  t.ok(starts('connect-unix').length > 0);
});

t.test('what the system answered is told by attempt', async (t) => {
  const missing = failure('ENOENT');
  t.match(attemptFailed('connect-unix', 'cannot connect to /x', missing), {
    code: 'VFU_SYSTEM_ERROR',
    message: 'cannot connect to /x: ENOENT: there is no such socket',
    advice: /^Start the server first/,
    cause: missing,
  });
  t.match(attemptFailed('listen-unix', 'cannot listen on /x/y', missing), {
    message: 'cannot listen on /x/y: ENOENT: its folder does not exist',
    advice: /^Create the folder/,
  });
  const taken = failure('EADDRINUSE');
  t.match(attemptFailed('listen-unix', 'no', taken, { key: 'a folder' }), {
    message: 'no: EADDRINUSE: it is a folder',
    advice: 'Name a socket in it.',
  });
  t.match(attemptFailed('open-image', 'file /x', undefined, { key: 'a folder' }), {
    message: 'file /x: it is a folder',
    advice: 'Name a file in it.',
  });
});

t.test('what means the same everywhere is told everywhere', async (t) => {
  for (const attempt of Object.keys(causes) as Attempt[]) {
    t.match(attemptFailed(attempt, 'no', failure('EMFILE')), {
      message: 'no: EMFILE: this process has no descriptors left',
      advice: /ulimit -n/,
    });
  }
  t.match(attemptFailed('open-image', 'no', failure('EROFS')).advice, /readonly=true/);
  t.match(attemptFailed('write-file', 'no', failure('EROFS')).advice, /Choose a path/);
});

t.test('what nobody foresaw is told as the system says it', async (t) => {
  const error = attemptFailed('read-file', 'no', failure('EWHATEVER'), {
    code: 'VFU_CONFIG_INVALID',
  });
  t.match(error, { code: 'VFU_CONFIG_INVALID', message: 'no: what the system says of EWHATEVER' });
  t.notOk('advice' in error);
  t.match(attemptFailed('read-file', 'no', 'text'), { message: 'no: text' });
});

t.test('an error of ours keeps its code', async (t) => {
  const inner = new VfioUserError('VFU_TIMEOUT', 'too late', { advice: 'Be quick.' });
  const outer = attemptFailed('connect-network', 'cannot connect', inner);
  t.match(outer, { code: 'VFU_TIMEOUT', message: 'cannot connect: too late', cause: inner });
  t.equal(errorCode(inner), 'VFU_TIMEOUT');
});
