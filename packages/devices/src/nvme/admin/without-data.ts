import type { Command } from '../commands/command.js';
import type { CommandHandler } from '../commands/handler.js';
import { STATUS } from '../status.js';

/** A handler for a command that transfers nothing. */
export function withoutData(
  perform: (command: Command) => ReturnType<CommandHandler['perform']>,
): CommandHandler {
  return { check: () => STATUS.SUCCESS, perform };
}
