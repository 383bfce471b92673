import type { Command } from '../commands/command.js';
import type { ControllerState } from '../controller-state.js';
import { STATUS, type Status } from '../status.js';
import type { Storage } from '../storage/storage.js';

const FORCE_UNIT_ACCESS = 1 << 30;

/** Success, once all completed writes are on stable storage. */
export function flushed(storage: Storage): Status | Promise<Status> {
  const flush = storage.flush();
  return flush === undefined ? STATUS.SUCCESS : flush.then(() => STATUS.SUCCESS);
}

/** Whether a command asks for FUA ("Force Unit Access"). */
export function forcesUnitAccess(command: Command): boolean {
  return (command.dword(12) & FORCE_UNIT_ACCESS) !== 0;
}

/** Success of a write: at once, or after a flush where FUA or a disabled write cache asks for one. */
export function written(command: Command, state: ControllerState): Status | Promise<Status> {
  const { storage } = state.namespace;
  if (!storage.hasVolatileCache) return STATUS.SUCCESS;
  const mayStayInCache = state.features.isWriteCacheEnabled && !forcesUnitAccess(command);
  return mayStayInCache ? STATUS.SUCCESS : flushed(storage);
}
