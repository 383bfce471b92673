// Drives devices as the parent process says, and reports what became of each operation.

import { endWithParent } from './child.js';
import { DrivenSession } from './driven-session.js';
import type { ClientReport, SessionOrder } from './messages.js';

const sessions = new Map<number, DrivenSession>();

function report(message: ClientReport): void {
  process.send?.(message);
}

function sessionOf(session: number): DrivenSession {
  const known = sessions.get(session);
  if (known !== undefined) return known;
  const driven: DrivenSession = new DrivenSession((failure) =>
    report({ session, failure, answer: driven.answer() }),
  );
  sessions.set(session, driven);
  return driven;
}

process.on('message', (message) => {
  const { session, order } = message as SessionOrder;
  const driven = sessionOf(session);
  driven.obey(order).then(
    (answer) => report({ session, answer }),
    (error: Error) => report({ session, failure: error.message, answer: driven.answer() }),
  );
});
endWithParent(() => Promise.resolve());
