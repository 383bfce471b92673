import type { Test } from 'tap';
import type { DiagnosticsChannel } from '../../src/index.js';

/** What is published on a channel from now until the test ends. */
export function listenTo<Message extends object>(
  t: Test,
  channel: DiagnosticsChannel<Message>,
): Message[] {
  const messages: Message[] = [];
  const listener = (message: Message): void => void messages.push(message);
  channel.subscribe(listener);
  t.teardown(() => channel.unsubscribe(listener));
  return messages;
}
