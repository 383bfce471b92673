import type { Command } from '../commands/command.js';
import type { CommandHandler } from '../commands/handler.js';
import { scatter } from '../commands/pieces.js';
import type { ControllerState } from '../controller-state.js';
import { STATUS } from '../status.js';
import { NAMESPACE_ID } from '../storage/namespace.js';
import { CONTROLLER_ID, identifyController } from './identify-controller.js';
import { identifyNamespace, namespaceDescriptors } from './identify-namespace.js';

/** Every structure has this length, bytes. */
const IDENTIFY_BYTES = 4096;

/** Which structure (CNS). */
const CNS = {
  NAMESPACE: 0x00,
  CONTROLLER: 0x01,
  ACTIVE_NAMESPACES: 0x02,
  NAMESPACE_DESCRIPTORS: 0x03,
  CONTROLLERS_OF_NAMESPACE: 0x12,
  CONTROLLERS: 0x13,
} as const;

/** Identify (NVM Express 1.4, 5.15). */
export function identify(state: ControllerState): CommandHandler {
  return {
    check(command) {
      command.dataLength = IDENTIFY_BYTES;
      const namespaceId = command.namespaceId;
      switch (command.dword(10) & 0xff) {
        case CNS.CONTROLLER:
        case CNS.CONTROLLERS:
          return STATUS.SUCCESS;
        case CNS.NAMESPACE:
        case CNS.NAMESPACE_DESCRIPTORS:
        case CNS.CONTROLLERS_OF_NAMESPACE:
          return namespaceId === NAMESPACE_ID ? STATUS.SUCCESS : STATUS.INVALID_NAMESPACE_OR_FORMAT;
        case CNS.ACTIVE_NAMESPACES:
          // The list starts after this identifier; the last two have no successor.
          return namespaceId < 0xffff_fffe ? STATUS.SUCCESS : STATUS.INVALID_NAMESPACE_OR_FORMAT;
        default:
          return STATUS.INVALID_FIELD_IN_COMMAND;
      }
    },
    perform(command, data) {
      const structure = structureFor(state, command);
      if (structure instanceof Uint8Array) {
        scatter(structure, data);
        return STATUS.SUCCESS;
      }
      return async (target) => {
        target.set(await structure);
        return STATUS.SUCCESS;
      };
    },
  };
}

function structureFor(state: ControllerState, command: Command): Uint8Array | Promise<Uint8Array> {
  switch (command.dword(10) & 0xff) {
    case CNS.NAMESPACE: {
      const used = state.namespace.storage.allocatedBytes();
      return typeof used === 'number'
        ? identifyNamespace(state, used)
        : used.then((bytes) => identifyNamespace(state, bytes));
    }
    case CNS.CONTROLLER:
      return identifyController(state);
    case CNS.ACTIVE_NAMESPACES:
      return activeNamespaces(command.namespaceId);
    case CNS.NAMESPACE_DESCRIPTORS:
      return namespaceDescriptors(state);
    default:
      return controllers(command.dword(10) >>> 16);
  }
}

function activeNamespaces(after: number): Uint8Array {
  const list = new DataView(new ArrayBuffer(IDENTIFY_BYTES));
  if (after < NAMESPACE_ID) list.setUint32(0, NAMESPACE_ID, true);
  return new Uint8Array(list.buffer);
}

function controllers(from: number): Uint8Array {
  const list = new DataView(new ArrayBuffer(IDENTIFY_BYTES));
  if (from <= CONTROLLER_ID) {
    list.setUint16(0, 1, true);
    list.setUint16(2, CONTROLLER_ID, true);
  }
  return new Uint8Array(list.buffer);
}
