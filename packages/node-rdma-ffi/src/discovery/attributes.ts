import { verbFailed } from '../errors.js';
import type { DeviceContext } from '../native/device-context.js';
import { NativeStruct } from '../native/native-struct.js';
import { structs } from '../native/structs.js';

/** Limits of a device. */
export interface DeviceAttributes {
  /** Eight bytes as text, for example `0002:c903:0000:1234`. */
  readonly guid: string;
  readonly vendorId: number;
  readonly vendorPartId: number;
  readonly ports: number;
  /** Bytes of one memory region. */
  readonly maxMrBytes: number;
  readonly maxMr: number;
  readonly maxPd: number;
  readonly maxQp: number;
  /** Outstanding work requests of one queue. */
  readonly maxQpWr: number;
  readonly maxSge: number;
  readonly maxCq: number;
  /** Entries of one completion queue. */
  readonly maxCqe: number;
  /** RDMA reads of a peer that one queue pair serves at a time. */
  readonly maxQpRdAtom: number;
  /** RDMA reads one queue pair has under way at a time. */
  readonly maxQpInitRdAtom: number;
}

/** Asks the device. */
export function queryAttributes(context: DeviceContext): DeviceAttributes {
  const { ibv_device_attr: at } = structs;
  const attributes = new NativeStruct(at.size);
  const errno = context.library.queryDevice(context.pointer, attributes.address);
  if (errno !== 0) throw verbFailed('ibv_query_device', errno, context.name);
  const { view } = attributes;
  return {
    guid: guidText(view, at.node_guid),
    vendorId: attributes.uint32(at.vendor_id),
    vendorPartId: attributes.uint32(at.vendor_part_id),
    ports: view.getUint8(at.phys_port_cnt),
    // Devices without a limit say 2^64 - 1.
    maxMrBytes: Math.min(attributes.word(at.max_mr_size), Number.MAX_SAFE_INTEGER),
    maxMr: attributes.uint32(at.max_mr),
    maxPd: attributes.uint32(at.max_pd),
    maxQp: attributes.uint32(at.max_qp),
    maxQpWr: attributes.uint32(at.max_qp_wr),
    maxSge: attributes.uint32(at.max_sge),
    maxCq: attributes.uint32(at.max_cq),
    maxCqe: attributes.uint32(at.max_cqe),
    maxQpRdAtom: attributes.uint32(at.max_qp_rd_atom),
    maxQpInitRdAtom: attributes.uint32(at.max_qp_init_rd_atom),
  };
}

/** GUIDs are in network byte order. */
function guidText(view: DataView, offset: number): string {
  return [0, 2, 4, 6]
    .map((at) =>
      view
        .getUint16(offset + at)
        .toString(16)
        .padStart(4, '0'),
    )
    .join(':');
}
