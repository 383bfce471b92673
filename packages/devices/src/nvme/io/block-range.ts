import { iovaFromHalves } from '@vfio-user/core';
import type { Command } from '../commands/command.js';
import { STATUS, type Status } from '../status.js';
import { NAMESPACE_ID, type Namespace } from '../storage/namespace.js';

/** SLBA. */
export function firstBlock(command: Command): number | bigint {
  return iovaFromHalves(command.dword(10), command.dword(11));
}

/** NLB, which counts from 0 in the command. */
export function blockCount(command: Command): number {
  return (command.dword(12) & 0xffff) + 1;
}

/** Where the blocks start in the storage, bytes; of a command that {@link checkBlocks} passed. */
export function byteOffset(command: Command, namespace: Namespace): number {
  return Number(firstBlock(command)) * namespace.blockBytes;
}

/** Whether the namespace and its blocks exist, and may be changed if that is asked for. */
export function checkBlocks(command: Command, namespace: Namespace, isWrite: boolean): Status {
  if (command.namespaceId !== NAMESPACE_ID) return STATUS.INVALID_NAMESPACE_OR_FORMAT;
  if (!namespace.contains(firstBlock(command), blockCount(command))) return STATUS.LBA_OUT_OF_RANGE;
  return isWrite && namespace.storage.isReadOnly
    ? STATUS.NAMESPACE_IS_WRITE_PROTECTED
    : STATUS.SUCCESS;
}
