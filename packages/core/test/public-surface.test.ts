import t from 'tap';
import * as core from '../src/index.js';
import * as transport from '../src/transport/index.js';

/** What a user can import. A name more is a promise more; one less breaks somebody. */
const CORE = [
  'Command',
  'DeviceState',
  'DmaFaultError',
  'ExtensionCommand',
  'Feature',
  'Irq',
  'ProtocolViolationError',
  'Region',
  'RegisterSet',
  'RegisterSetBuilder',
  'RemoteError',
  'RequestRefusedError',
  'TestHost',
  'TransportRegistry',
  'VfioUserError',
  'advanceIova',
  'commandName',
  'connectDevice',
  'constants',
  'defaultLimits',
  'definePciDevice',
  'defineRegisters',
  'deviceSerialNumber',
  'diagnostics',
  'errno',
  'errnoOf',
  'getIova',
  'iovaFromHalves',
  'msi',
  'msix',
  'parseSize',
  'pciExpress',
  'powerManagement',
  'serve',
  'silentLogger',
  'startBridge',
  'vendorSpecific',
  'vendorSpecificExtended',
];

const TRANSPORT = [
  'FrameAssembler',
  'FramedConnection',
  'PendingConnections',
  'ScheduledTask',
  'TransportRegistry',
  'acceptOr',
  'connectionDefaults',
  'formatHostPort',
  'hostPortOf',
  'isLoopback',
  'nullSink',
  'openClient',
  'openServer',
  'orAborted',
  'parseHostPort',
  'parseUri',
  'repeatedKey',
  'resolveOptions',
  'splitZone',
  'withPort',
  'withoutZone',
];

t.test('the package exports what is listed here, and nothing else', async (t) => {
  t.strictSame(Object.keys(core).sort(), CORE.sort());
  t.strictSame(Object.keys(transport).sort(), TRANSPORT.sort());
});

t.test('constants have the names of the specification', async (t) => {
  for (const [name, value] of Object.entries(core.constants)) {
    t.match(name, /^[A-Z][A-Z0-9_]*$/);
    t.type(value, 'number');
  }
});
