import {
  Command,
  commandName,
  ExtensionCommand,
  errno,
  Irq,
  RemoteError,
  RequestRefusedError,
  VfioUserError,
} from '@vfio-user/core';
import { isUnreachable } from '@vfio-user/core/internal';

// A peer chooses the numbers; labels come from fixed lists, so that it cannot create new ones.

const COMMANDS: ReadonlySet<number> = new Set([
  ...Object.values(Command),
  ...Object.values(ExtensionCommand),
]);

const INTERRUPTS = new Map<number, string>([
  [Irq.INTX, 'intx'],
  [Irq.MSI, 'msi'],
  [Irq.MSIX, 'msix'],
  [Irq.ERR, 'error'],
  [Irq.REQ, 'release'],
]);

/** `REGION_READ`; `unknown` for a number that is no command. */
export function commandLabel(command: number): string {
  return COMMANDS.has(command) ? commandName(command) : 'unknown';
}

export function interruptLabel(index: number): string {
  return INTERRUPTS.get(index) ?? 'unknown';
}

/** Label of the reason why a client was refused. */
export function refusalLabel(error: unknown): string {
  if (error instanceof RequestRefusedError || error instanceof RemoteError) {
    if (error.errno === errno.EBUSY) return 'busy';
    if (error.errno === errno.EINVAL) return 'invalid';
    return isUnreachable(error.errno) ? 'device-unreachable' : 'other';
  }
  if (!VfioUserError.is(error)) return 'other';
  if (error.code === 'VFU_TIMEOUT') return 'timeout';
  return error.code === 'VFU_PROTOCOL_VIOLATION' ? 'invalid' : 'other';
}

/** The stable code of an error of ours; `other` for what was not thrown on purpose. */
export function errorLabel(error: unknown): string {
  return VfioUserError.is(error) ? error.code : 'other';
}
