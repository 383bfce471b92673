import { VfioUserError, type VfioUserErrorCode } from './errors.js';

/** What was attempted when a call of the operating system failed. */
export type Attempt = keyof typeof causes;

/** What an error code means for an attempt, and what to do about it. */
export type Cause = readonly [sentence: string, advice: string];

/** By the symbolic name of the error, or by what stands in the way. */
type Causes = Readonly<Record<string, Cause>>;

const START_SERVER = 'Start the server first, and check the address.';
const CHECK_PATH = 'Check the path.';
const STOP_OR_PATH = 'Stop it, or choose another path.';
const STOP_OR_PORT = 'Stop it, or choose another port; port 0 picks a free one.';
const REMOVE_OR_PATH = 'Remove it, or choose another path.';
const ROUTES = 'Check the address and the routes: `ip route get ADDRESS`.';
const ROOT_PORTS = 'Ports below 1024 are for root: choose another one.';
const RAISE_LIMIT = 'Raise the limit: `ulimit -n`, or LimitNOFILE= of systemd.';
const ATTACH = 'Attach something to it, or choose another device.';

/** Causes that do not depend on the attempt. */
const anywhere: Causes = {
  EMFILE: ['this process has no descriptors left', RAISE_LIMIT],
  ENFILE: ['this machine has no descriptors left', 'Raise the limit: `sysctl fs.file-max`.'],
  ENOTDIR: ['a part of the path is a file and no folder', CHECK_PATH],
  ELOOP: ['its symbolic links lead in a circle', REMOVE_OR_PATH],
  ENAMETOOLONG: ['its name is too long', 'Choose a shorter one.'],
  EROFS: ['its file system is read-only', 'Choose a path on another one.'],
  EISDIR: ['it is a folder', 'Name a file in it.'],
  ETXTBSY: [
    'it is swap space in use, or a program that runs',
    'Choose another path; `swapoff` gives back the former.',
  ],
};

const NO_FOLDER: Cause = [
  'its folder does not exist',
  'Create the folder first, or choose another path.',
];

const UNREADABLE: Cause = [
  'this user may not read it',
  'Change its permissions, or run as another user.',
];

/** Causes by attempt; they take precedence. */
export const causes = {
  'connect-unix': {
    ENOENT: ['there is no such socket', START_SERVER],
    ECONNREFUSED: ['nobody listens there', START_SERVER],
    EACCES: [
      'this user may not use that socket',
      "Run as the server's user, or let this one in: `vfio-user serve --socket-mode`.",
    ],
    EPROTOTYPE: [
      'it is no stream socket',
      'Check the path: a vfio-user server listens on a stream socket.',
    ],
    'a folder': ['it is a folder', 'Name the socket in it.'],
    'no socket': [
      'it is a file and no socket',
      'Check the path: it is the one that the server listens on.',
    ],
    'a dangling link': ['it is a symbolic link that leads nowhere', START_SERVER],
  },
  'listen-unix': {
    ENOENT: NO_FOLDER,
    EACCES: [
      'this user may not write to its folder',
      'Choose another folder, or change its permissions.',
    ],
    EPERM: [
      'its file system takes no sockets',
      'Choose a path on another one, for example below /run or /tmp.',
    ],
    EADDRINUSE: ['another process listens there already', STOP_OR_PATH],
    'a folder': ['it is a folder', 'Name a socket in it.'],
    'no socket': ['there is a file that is no socket', REMOVE_OR_PATH],
    'a dangling link': ['there is a symbolic link that leads nowhere', REMOVE_OR_PATH],
  },
  'connect-network': {
    ECONNREFUSED: ['nobody listens there', START_SERVER],
    ECONNRESET: [
      'the other side closed the connection',
      'Its log says why. Is it a vfio-user server, and the port the right one?',
    ],
    ETIMEDOUT: ['nobody answered', 'Is the machine up, and does a firewall let us through?'],
    EHOSTUNREACH: ['there is no way to that machine', ROUTES],
    ENETUNREACH: ['there is no way to that machine', ROUTES],
    EACCES: [
      'this machine does not let us connect',
      'Is it a broadcast address, or does a firewall here forbid it?',
    ],
    EPERM: ['this machine does not let us connect', 'Does a firewall here forbid it?'],
    EADDRNOTAVAIL: [
      'there is no such address, or no local port left',
      'Check the address, and its zone (%25eth0) if it begins with fe80.',
    ],
  },
  'listen-network': {
    EADDRINUSE: ['another process listens there already', STOP_OR_PORT],
    EADDRNOTAVAIL: [
      'this machine does not have that address',
      '`ip address` lists those it has; 0.0.0.0 and [::] stand for all of them.',
    ],
    EACCES: ['this user may not', ROOT_PORTS],
  },
  'connect-vsock': {
    ENODEV: [
      'no vsock device connects this machine to that one',
      '`vfio-user doctor` says what this machine offers.',
    ],
    ECONNRESET: ['nobody listens there', START_SERVER],
    ETIMEDOUT: ['nobody answered', 'Does the virtual machine run?'],
  },
  'listen-vsock': {
    EADDRINUSE: ['another process listens there already', STOP_OR_PORT],
    EADDRNOTAVAIL: ['that is not the number of this machine', 'Listen on any: vsock://any:PORT.'],
    EACCES: ['this user may not', ROOT_PORTS],
  },
  'find-host': {
    ENOTFOUND: ['no name server knows it', 'Check how the name is spelt.'],
    EAI_AGAIN: [
      'no name server answers',
      'Check the network and /etc/resolv.conf, or give an IP address.',
    ],
  },
  'read-file': {
    ENOENT: ['there is no such file', CHECK_PATH],
    EACCES: UNREADABLE,
  },
  'write-file': {
    ENOENT: NO_FOLDER,
    EACCES: ['this user may not write there', 'Choose another path, or change the permissions.'],
    EPERM: [
      'it may not be changed',
      'Choose another path; `lsattr` shows a file that is immutable.',
    ],
    EFBIG: [
      'it would be larger than its file system or `ulimit -f` allows',
      'Choose a smaller size, or another disk.',
    ],
    ENOSPC: ['the disk is full', 'Choose a path on another one.'],
    EDQUOT: ["this user's quota is used up", 'Choose a path on another disk.'],
  },
  'open-image': {
    ENOENT: ['there is no such file', 'Check the path, or give size=... to create it.'],
    EACCES: UNREADABLE,
    EPERM: [
      'it may not be changed',
      'Give readonly=true; `lsattr` shows a file that is immutable, `chattr -ia` ends that.',
    ],
    EROFS: ['its file system is read-only', 'Give readonly=true.'],
    ENXIO: ['nothing is attached to the device', ATTACH],
    ENODEV: ['nothing is attached to the device', ATTACH],
    ENOMEDIUM: ['nothing is attached to the device', ATTACH],
    'to be read only': ['there is no such file', 'Check the path: readonly=true creates nothing.'],
    'no device': ['there is no such device', 'Attach it, or check the path.'],
    'a device of others': ['this process may not use the device', 'Give it to its container.'],
    'no folder': NO_FOLDER,
    'no files': ['files cannot be created there', 'Choose another path.'],
    'a closed folder': [
      'this user may not look into its folder',
      "Change the folder's permissions, or run as another user.",
    ],
    'a folder': ['it is a folder', 'Name a file in it.'],
    'a dangling link': [
      'it is a symbolic link that leads nowhere',
      'Remove it, or give size=... to create the file that it names.',
    ],
    'no image': ['it is neither a file nor a block device', 'Name one of the two.'],
    readable: [
      'this user may read it but not write to it',
      'Change its permissions, or give readonly=true.',
    ],
  },
} as const satisfies Readonly<Record<string, Causes>>;

/** The symbolic name of a system error, for example `EPIPE`. */
export function errorCode(error: unknown): string | undefined {
  return error instanceof Error && 'code' in error && typeof error.code === 'string'
    ? error.code
    : undefined;
}

function causeOf(attempt: Attempt, key = ''): Cause | undefined {
  const own: Causes = causes[attempt];
  return own[key] ?? anywhere[key];
}

export interface FailureOptions {
  readonly code?: VfioUserErrorCode;
  /** Key in {@link causes}, if it is not the error's name. */
  readonly key?: string | undefined;
}

/**
 * Wrap a system error. `what` says what was attempted; the explanation and the advice come from
 * {@link causes}.
 */
export function attemptFailed(
  attempt: Attempt,
  what: string,
  error: unknown,
  { code = 'VFU_SYSTEM_ERROR', key = errorCode(error) }: FailureOptions = {},
): VfioUserError {
  if (VfioUserError.is(error)) {
    return new VfioUserError(error.code, `${what}: ${error.message}`, { cause: error });
  }
  const name = errorCode(error);
  const known = causeOf(attempt, key);
  if (known === undefined) {
    const reason = error instanceof Error ? error.message : String(error);
    return new VfioUserError(code, `${what}: ${reason}`, { cause: error });
  }
  const [sentence, advice] = known;
  const reason = name === undefined ? sentence : `${name}: ${sentence}`;
  return new VfioUserError(code, `${what}: ${reason}`, { cause: error, advice });
}
