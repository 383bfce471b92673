import { Command, ExtensionCommand, errno, Feature } from '@vfio-user/core';
import {
  deviceStateName,
  type ReplyMessage,
  type RequestMessage,
  sizeText,
} from '@vfio-user/core/internal';
import {
  DEVICE_FLAGS,
  DMA_MAP_FLAGS,
  DMA_UNMAP_FLAGS,
  IRQ_FLAGS,
  interruptName,
  REGION_FLAGS,
  regionName,
  SET_IRQS_FLAGS,
  splitFeature,
} from './names.js';
import { dataText, flagsText, hexText } from './values.js';

/** The body of a request as text; empty for plain region accesses, which have a text of their own. */
export function requestText({ command, body }: RequestMessage): string {
  switch (command) {
    case Command.VERSION:
      return `${body.major}.${body.minor} ${body.capabilities ?? ''}`;
    case Command.DMA_MAP: {
      const place = `${hexText(body.address)}+${sizeText(body.size)}`;
      return `${place} ${flagsText(body.flags, DMA_MAP_FLAGS)} offset ${hexText(body.offset)}`;
    }
    case Command.DMA_UNMAP: {
      const place = `${hexText(body.address)}+${sizeText(body.size)}`;
      return `${place} ${flagsText(body.flags, DMA_UNMAP_FLAGS)}`;
    }
    case Command.DEVICE_GET_REGION_INFO:
      return `${regionName(body.index)} argsz ${body.argsz}`;
    case Command.DEVICE_GET_REGION_IO_FDS:
      return `${regionName(body.index)} room for ${body.count}`;
    case Command.DEVICE_GET_IRQ_INFO:
      return interruptName(body.index);
    case Command.DEVICE_SET_IRQS: {
      const place = `${interruptName(body.index)} [${body.start}, +${body.count}]`;
      const bools = body.bools === undefined ? '' : ` = ${dataText(body.bools)}`;
      const events = body.events === undefined ? '' : ` ${body.events} events`;
      return `${place} ${flagsText(body.flags, SET_IRQS_FLAGS)}${bools}${events}`;
    }
    case Command.REGION_WRITE: {
      const pushed = body.pushed ?? [];
      return pushed.map(({ address, data }) => `with ${hexText(address)}+${data.length}`).join(' ');
    }
    case Command.DMA_READ:
      return `${hexText(body.address)} [${body.count}]`;
    case Command.DMA_WRITE:
      return `${hexText(body.address)} [${body.count}] = ${dataText(body.data)}`;
    case Command.DEVICE_FEATURE:
      return featureText(body.flags, body.data);
    case Command.MIG_DATA_READ:
      return `[${body.size}]`;
    case Command.MIG_DATA_WRITE:
      return `[${body.size}] = ${dataText(body.data)}`;
    case ExtensionCommand.INTERRUPT:
      return `${interruptName(body.index)} vector ${body.vector}${times(body.count)}`;
    case ExtensionCommand.DOORBELL:
      return `${regionName(body.region)} entry ${body.entry}${times(body.count)}`;
    case ExtensionCommand.KEEP_ALIVE:
      return body.reply ? 'answered' : 'asked';
    case ExtensionCommand.ACKNOWLEDGE:
      return `${body.messages} messages, ${body.bytes} bytes so far`;
    case ExtensionCommand.PUSH_RULES:
      return body.rules
        .map(({ region, offset, ring: { address, entries } }) => {
          return `${regionName(region)}+${hexText(offset)} pushes ${hexText(address)} x${entries}`;
        })
        .join('; ');
    case ExtensionCommand.DMA_FAULT: {
      const what = `DMA_WRITE ${hexText(body.address)} [${body.count}]`;
      return `message ${body.message}, ${what}: ${errno.errnoText(body.errno)}`;
    }
    default:
      return '';
  }
}

/** The body of a reply as text; empty for region accesses. */
export function replyText({ command, body }: ReplyMessage): string {
  switch (command) {
    case Command.VERSION:
      return `${body.major}.${body.minor} ${body.capabilities ?? ''}`;
    case Command.DMA_UNMAP: {
      const place = `${hexText(body.address)}+${sizeText(body.size)}`;
      return body.bits === undefined ? place : `${place} dirty = ${dataText(body.bits)}`;
    }
    case Command.DEVICE_GET_INFO: {
      const { numRegions, numIrqs, flags, serial } = body;
      const text = `${numRegions} regions, ${numIrqs} interrupts, ${flagsText(flags, DEVICE_FLAGS)}`;
      return serial === undefined ? text : `${text}, serial ${JSON.stringify(serial)}`;
    }
    case Command.DEVICE_GET_REGION_INFO: {
      const { index, size, flags, argsz, sparse = [] } = body;
      const areas = sparse.map((area) => `${hexText(area.offset)}+${sizeText(area.size)}`);
      const mappable = areas.length === 0 ? '' : ` mappable ${areas.join(', ')}`;
      const head = `${regionName(index)} argsz ${argsz} size ${sizeText(size)}`;
      return `${head} ${flagsText(flags, REGION_FLAGS)}${mappable}`;
    }
    case Command.DEVICE_GET_REGION_IO_FDS: {
      const entries = body.entries.map(({ offset, size }) => `${hexText(offset)}+${size}`);
      return `${regionName(body.index)} ${body.count} entries ${entries.join(', ')}`;
    }
    case Command.DEVICE_GET_IRQ_INFO:
      return `${interruptName(body.index)} count ${body.count} ${flagsText(body.flags, IRQ_FLAGS)}`;
    case Command.DMA_READ:
      return `${hexText(body.address)} [${body.count}] = ${dataText(body.data)}`;
    case Command.DMA_WRITE:
      return body === undefined ? '' : `${hexText(body.address)} [${body.count}]`;
    case Command.REGION_WRITE_MULTI:
      return `${body.count} written`;
    case Command.DEVICE_FEATURE:
      return featureText(body.flags, body.data);
    case Command.MIG_DATA_READ:
      return `[${body.size}] = ${dataText(body.data)}`;
    default:
      return '';
  }
}

/** Flags and data of DEVICE_FEATURE, of a request or a reply. */
function featureText(flags: number, data: Uint8Array): string {
  const { feature, name, operations, operationNames } = splitFeature(flags);
  const text = `${name} ${flagsText(operations, operationNames)}`;
  if (data.length === 0) return text;
  if (feature === Feature.MIG_DEVICE_STATE && data.length >= 4) {
    const view = new DataView(data.buffer, data.byteOffset, data.length);
    return `${text} ${deviceStateName(view.getUint32(0, true))}`;
  }
  return `${text} = ${dataText(data)}`;
}

function times(count: number): string {
  return count === 1 ? '' : ` x${count}`;
}
