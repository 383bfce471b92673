import t from 'tap';
import * as errno from '../../src/errno.js';
import { ProtocolViolationError, RemoteError, VfioUserError } from '../../src/errors.js';
import { errnoOfUnreachable, turnedAwayText } from '../../src/session/turned-away.js';

function failed(code: string): VfioUserError {
  const cause = Object.assign(new Error('the system says so'), { code });
  const wrapped = new VfioUserError('VFU_SYSTEM_ERROR', 'cannot connect', { cause });
  return new VfioUserError('VFU_SYSTEM_ERROR', 'the device', { cause: wrapped });
}

t.test('a number says why a device cannot be reached', async (t) => {
  const { ECONNREFUSED, EHOSTUNREACH, ENOENT, ETIMEDOUT, EPROTO, ECONNRESET } = errno;
  const named = { ECONNREFUSED, EHOSTUNREACH, ENOENT, ETIMEDOUT };
  for (const [code, number] of Object.entries(named)) {
    t.equal(errnoOfUnreachable(failed(code)), number, code);
  }
  t.equal(errnoOfUnreachable(new RemoteError('busy', errno.EBUSY)), errno.EBUSY, 'its own');
  t.equal(errnoOfUnreachable(new RemoteError('no reason', 0)), errno.ENODEV);
  t.equal(errnoOfUnreachable(new VfioUserError('VFU_TIMEOUT', 'too late')), ETIMEDOUT);
  t.equal(errnoOfUnreachable(new ProtocolViolationError('HTTP')), EPROTO);
  t.equal(errnoOfUnreachable(new VfioUserError('VFU_PEER_CLOSED', 'it hung up')), ECONNRESET);
  for (const other of [failed('EWHATEVER'), new Error('?'), undefined]) {
    t.equal(errnoOfUnreachable(other), errno.ENODEV);
  }
});

t.test('a client that was told the number gets a sentence', async (t) => {
  t.match(turnedAwayText(errno.ECONNREFUSED), /bridge.*nobody listens.*\(errno 111\)/);
  t.match(turnedAwayText(errno.EBUSY), /serves another client \(errno 16\)/);
  t.equal(turnedAwayText(errno.ENOMEM), errno.errnoText(errno.ENOMEM));
  t.equal(turnedAwayText(12345), 'errno 12345');
});
