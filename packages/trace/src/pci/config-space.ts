import { type CapabilityFields, CONVENTIONAL, EXTENDED } from './capability-decoders.js';
import { type CapabilityPlace, listCapabilities } from './capability-list.js';
import { ConfigBytes } from './config-bytes.js';
import { type DecodedHeader, decodeHeader } from './header.js';

/** A capability with its fields; none where its id is not decoded. */
export interface DecodedCapability extends CapabilityPlace {
  readonly name: string;
  readonly fields: CapabilityFields;
}

/** A configuration space, decoded. */
export interface DecodedConfigSpace extends DecodedHeader {
  readonly capabilities: readonly DecodedCapability[];
}

/**
 * Decode the configuration space of an endpoint. Never throws, whatever the bytes are.
 *
 * @param isPresent Whether a BAR exists, which its region's size tells.
 */
export function decodeConfigSpace(
  bytes: Uint8Array,
  isPresent: (bar: number) => boolean,
): DecodedConfigSpace {
  const config = new ConfigBytes(bytes);
  const capabilities = listCapabilities(config).map((place) => {
    const decoder = (place.extended ? EXTENDED : CONVENTIONAL).get(place.id);
    return {
      ...place,
      name: decoder?.name ?? `id 0x${place.id.toString(16)}`,
      fields: decoder?.decode?.(config, place.offset) ?? {},
    };
  });
  return { ...decodeHeader(config, isPresent), capabilities };
}
