import type { Command } from '../commands/command.js';
import type { CommandHandler } from '../commands/handler.js';
import { scatter } from '../commands/pieces.js';
import type { ControllerState } from '../controller-state.js';
import { FIRMWARE_REVISION } from '../identity.js';
import { IO_OPCODE, MAX_TRANSFER_BYTES } from '../io/constants.js';
import { STATUS } from '../status.js';
import { ALL_NAMESPACES } from '../storage/namespace.js';
import { ADMIN_OPCODE, LOG_PAGE } from './constants.js';
import { smartLog } from './smart-log.js';

/** Commands Supported and Effects: supported; changes the contents of the namespace. */
const SUPPORTED = 1 << 0;
const CHANGES_CONTENTS = 1 << 1;

const CONTENT_CHANGING: readonly number[] = [
  IO_OPCODE.WRITE,
  IO_OPCODE.WRITE_ZEROES,
  IO_OPCODE.DATASET_MANAGEMENT,
];

/** Get Log Page (NVM Express 1.4, 5.14). */
export function getLogPage(state: ControllerState): CommandHandler {
  return {
    check(command) {
      const dwords = (command.dword(10) >>> 16) + (command.dword(11) & 0xffff) * 0x1_0000 + 1;
      const length = dwords * 4;
      if (length > MAX_TRANSFER_BYTES) return STATUS.INVALID_FIELD_IN_COMMAND;
      const page = pageFor(state, command);
      if (page === undefined) return STATUS.INVALID_LOG_PAGE;
      if (command.namespaceId !== 0 && command.namespaceId !== ALL_NAMESPACES) {
        return STATUS.INVALID_FIELD_IN_COMMAND; // no log is kept for a single namespace
      }
      const offset = command.dword(12);
      if (command.dword(13) !== 0 || offset % 4 !== 0 || offset > page.length) {
        return STATUS.INVALID_FIELD_IN_COMMAND;
      }
      command.dataLength = length;
      return STATUS.SUCCESS;
    },
    perform(command, data) {
      const page = pageFor(state, command) as Uint8Array; // check() has seen it
      const answer = new Uint8Array(command.dataLength);
      const offset = command.dword(12);
      answer.set(page.subarray(offset, offset + answer.length));
      scatter(answer, data);
      const retainsEvent = (command.dword(10) & (1 << 15)) !== 0;
      if (!retainsEvent) state.events.logPageRead(command.dword(10) & 0xff);
      return STATUS.SUCCESS;
    },
  };
}

function pageFor(state: ControllerState, command: Command): Uint8Array | undefined {
  switch (command.dword(10) & 0xff) {
    case LOG_PAGE.ERROR:
      return state.errorLog.encode();
    case LOG_PAGE.SMART:
      return smartLog(state);
    case LOG_PAGE.FIRMWARE_SLOT:
      return firmwareSlots();
    case LOG_PAGE.CHANGED_NAMESPACES:
      return new Uint8Array(4096); // none ever
    case LOG_PAGE.COMMANDS_SUPPORTED:
      return commandsSupported(state);
    default:
      return undefined;
  }
}

function firmwareSlots(): Uint8Array {
  const page = Buffer.alloc(512);
  page[0] = 1; // slot 1 is active
  page.write(FIRMWARE_REVISION, 8, 'latin1');
  return page;
}

function commandsSupported({ namespace }: ControllerState): Uint8Array {
  const page = new DataView(new ArrayBuffer(4096));
  for (const opcode of Object.values(ADMIN_OPCODE)) page.setUint32(opcode * 4, SUPPORTED, true);
  const canDeallocate = namespace.storage.deallocation !== undefined;
  for (const opcode of Object.values(IO_OPCODE)) {
    if (opcode === IO_OPCODE.DATASET_MANAGEMENT && !canDeallocate) continue;
    const effects = CONTENT_CHANGING.includes(opcode) ? CHANGES_CONTENTS : 0;
    page.setUint32(1024 + opcode * 4, SUPPORTED | effects, true);
  }
  return new Uint8Array(page.buffer);
}
