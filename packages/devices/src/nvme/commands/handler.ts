import { STATUS, type Status } from '../status.js';
import type { Command } from './command.js';

/** The command stays open: an asynchronous event request. */
export const NO_COMPLETION = -2;

/** The command has to wait: call this with a copy of its data, which must stay valid until the promise settles. */
export type Later = (data: Uint8Array) => Promise<Status>;

/** How a command ends. */
export type Outcome = Status | typeof NO_COMPLETION | Promise<Status> | Later;

/** What one opcode does, whether or not the guest's memory is at hand. */
export interface CommandHandler {
  /** Check all that needs no data; sets `command.dataLength`. */
  check(command: Command): Status;
  /**
   * Do it. `data` is the command's buffer in pieces, together `command.dataLength` bytes: to read
   * from or to fill, as the direction of the opcode says. Pieces are only valid until the call
   * returns, and so is `command`: whoever goes on afterwards clones it, or returns a
   * {@link Later} if it needs the data as well. What is thrown becomes a status.
   */
  perform(command: Command, data: readonly Uint8Array[]): Outcome;
}

/** The handlers of a command set by opcode. */
export type CommandSet = readonly (CommandHandler | undefined)[];

/** Index handlers by opcode. */
export function commandSet(handlers: Readonly<Record<number, CommandHandler>>): CommandSet {
  const set: (CommandHandler | undefined)[] = new Array(256).fill(undefined);
  for (const [opcode, handler] of Object.entries(handlers)) set[Number(opcode)] = handler;
  return set;
}

/** A handler for a command that transfers nothing. */
export function withoutData(perform: (command: Command) => Outcome): CommandHandler {
  return { check: () => STATUS.SUCCESS, perform };
}
