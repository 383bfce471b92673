/** Why a device is reset. */
export type ResetKind = 'device' | 'function-level' | 'power' | 'connection-lost';
