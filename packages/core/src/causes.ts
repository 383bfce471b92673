import { VfioUserError, type VfioUserErrorCode } from './errors.js';

/** What was attempted when a call of the operating system failed. */
export type Attempt =
  | 'connect-unix'
  | 'listen-unix'
  | 'connect-network'
  | 'listen-network'
  | 'connect-vsock'
  | 'listen-vsock'
  | 'find-host'
  | 'read-file'
  | 'write-file';

/** What an error code means for an attempt, and what to do about it. */
export interface Cause {
  readonly sentence: string;
  readonly advice?: string;
}

const START_SERVER = 'Start the server first, and check the address.';
const NO_FOLDER: Cause = {
  sentence: 'its folder does not exist',
  advice: 'Create the folder first, or choose another path.',
};
const PART_IS_FILE: Cause = {
  sentence: 'a part of the path is a file and no folder',
  advice: 'Check the path.',
};
const READ_ONLY: Cause = {
  sentence: 'its file system is read-only',
  advice: 'Choose a path on another one.',
};
const LINKS: Cause = {
  sentence: 'its symbolic links lead in a circle',
  advice: 'Remove the link, or choose another path.',
};
const NO_DESCRIPTORS: Cause = {
  sentence: 'this process has no descriptors left',
  advice: 'Raise the limit: `ulimit -n`, or LimitNOFILE= of systemd.',
};
const NO_WAY: Cause = {
  sentence: 'there is no way to that machine',
  advice: 'Check the address and the routes: `ip route get ADDRESS`.',
};
const NO_SUCH_ADDRESS: Cause = {
  sentence: 'this machine does not have that address',
  advice: '`ip address` lists those it has; 0.0.0.0 and [::] stand for all of them.',
};

/** For each attempt, by the symbolic name of the error, or by what stands in the way of a socket. */
export const causes: Readonly<Record<Attempt, Readonly<Record<string, Cause>>>> = {
  'connect-unix': {
    ENOENT: { sentence: 'there is no such socket', advice: START_SERVER },
    ENOTDIR: PART_IS_FILE,
    ELOOP: LINKS,
    ECONNREFUSED: { sentence: 'nobody listens there', advice: START_SERVER },
    EACCES: {
      sentence: 'this user may not use that socket',
      advice: "Run as the server's user, or let this one in: `vfio-user serve --socket-mode`.",
    },
    EPROTOTYPE: {
      sentence: 'it is no stream socket',
      advice: 'Check the path: a vfio-user server listens on a stream socket.',
    },
    EMFILE: NO_DESCRIPTORS,
    'a folder': { sentence: 'it is a folder', advice: 'Name the socket in it.' },
    'no socket': {
      sentence: 'it is a file and no socket',
      advice: 'Check the path: it is the one that the server listens on.',
    },
    'a dangling link': {
      sentence: 'it is a symbolic link that leads nowhere',
      advice: START_SERVER,
    },
  },
  'listen-unix': {
    ENOENT: NO_FOLDER,
    ENOTDIR: PART_IS_FILE,
    ELOOP: LINKS,
    EACCES: {
      sentence: 'this user may not write to its folder',
      advice: 'Choose another folder, or change its permissions.',
    },
    EPERM: {
      sentence: 'its file system takes no sockets',
      advice: 'Choose a path on another one, for example below /run or /tmp.',
    },
    EROFS: READ_ONLY,
    EADDRINUSE: {
      sentence: 'another process listens there already',
      advice: 'Stop it, or choose another path.',
    },
    EMFILE: NO_DESCRIPTORS,
    'a folder': { sentence: 'it is a folder', advice: 'Name a socket in it.' },
    'no socket': {
      sentence: 'there is a file that is no socket',
      advice: 'Remove it, or choose another path.',
    },
    'a dangling link': {
      sentence: 'there is a symbolic link that leads nowhere',
      advice: 'Remove it, or choose another path.',
    },
  },
  'connect-network': {
    ECONNREFUSED: { sentence: 'nobody listens there', advice: START_SERVER },
    ECONNRESET: {
      sentence: 'the other side closed the connection',
      advice: 'Its log says why. Is it a vfio-user server, and the port the right one?',
    },
    ETIMEDOUT: {
      sentence: 'nobody answered',
      advice: 'Is the machine up, and does a firewall let us through?',
    },
    EHOSTUNREACH: NO_WAY,
    ENETUNREACH: NO_WAY,
    EACCES: {
      sentence: 'this machine does not let us connect',
      advice: 'Is it a broadcast address, or does a firewall here forbid it?',
    },
    EPERM: {
      sentence: 'this machine does not let us connect',
      advice: 'Does a firewall here forbid it?',
    },
    EADDRNOTAVAIL: {
      sentence: 'there is no such address, or no local port left',
      advice: 'Check the address, and its zone (%25eth0) if it begins with fe80.',
    },
    EMFILE: NO_DESCRIPTORS,
  },
  'listen-network': {
    EADDRINUSE: {
      sentence: 'another process listens there already',
      advice: 'Stop it, or choose another port; port 0 picks a free one.',
    },
    EADDRNOTAVAIL: NO_SUCH_ADDRESS,
    EACCES: {
      sentence: 'this user may not',
      advice: 'Ports below 1024 are for root: choose another one.',
    },
    EMFILE: NO_DESCRIPTORS,
  },
  'connect-vsock': {
    ENODEV: {
      sentence: 'no vsock device connects this machine to that one',
      advice: '`vfio-user doctor` says what this machine offers.',
    },
    ECONNRESET: { sentence: 'nobody listens there', advice: START_SERVER },
    ETIMEDOUT: { sentence: 'nobody answered', advice: 'Does the virtual machine run?' },
    EMFILE: NO_DESCRIPTORS,
  },
  'listen-vsock': {
    EADDRINUSE: {
      sentence: 'another process listens there already',
      advice: 'Stop it, or choose another port; port 0 picks a free one.',
    },
    EADDRNOTAVAIL: {
      sentence: 'that is not the number of this machine',
      advice: 'Listen on any: vsock://any:PORT.',
    },
    EACCES: {
      sentence: 'this user may not',
      advice: 'Ports below 1024 are for root: choose another one.',
    },
    EMFILE: NO_DESCRIPTORS,
  },
  'find-host': {
    ENOTFOUND: { sentence: 'no name server knows it', advice: 'Check how the name is spelt.' },
    EAI_AGAIN: {
      sentence: 'no name server answers',
      advice: 'Check the network and /etc/resolv.conf, or give an IP address.',
    },
  },
  'read-file': {
    ENOENT: { sentence: 'there is no such file', advice: 'Check the path.' },
    ENOTDIR: PART_IS_FILE,
    ELOOP: LINKS,
    EISDIR: { sentence: 'it is a folder', advice: 'Name a file in it.' },
    EACCES: {
      sentence: 'this user may not read it',
      advice: 'Change its permissions, or run as another user.',
    },
    EMFILE: NO_DESCRIPTORS,
  },
  'write-file': {
    ENOENT: NO_FOLDER,
    ENOTDIR: PART_IS_FILE,
    ELOOP: LINKS,
    EISDIR: { sentence: 'it is a folder', advice: 'Name a file in it.' },
    EACCES: {
      sentence: 'this user may not write there',
      advice: 'Choose another path, or change the permissions.',
    },
    EPERM: {
      sentence: 'it may not be changed',
      advice: 'Choose another path; `lsattr` shows a file that is immutable.',
    },
    EROFS: READ_ONLY,
    ETXTBSY: { sentence: 'it is a program that runs', advice: 'Choose another path.' },
    ENOSPC: { sentence: 'the disk is full', advice: 'Choose a path on another one.' },
    EDQUOT: { sentence: "this user's quota is used up", advice: 'Choose a path on another disk.' },
    EMFILE: NO_DESCRIPTORS,
  },
};

/** The symbolic name of a system error, for example `EPIPE`. */
export function errorCode(error: unknown): string | undefined {
  return error instanceof Error && 'code' in error && typeof error.code === 'string'
    ? error.code
    : undefined;
}

export interface FailureOptions {
  readonly code?: VfioUserErrorCode;
  /** Where in {@link causes} to look, where that is not the error's own name. */
  readonly key?: string | undefined;
}

/**
 * Wrap what the operating system answered to an attempt. `what` says what was attempted; what the
 * answer means, and what to do about it, is in {@link causes}.
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
  const known = causes[attempt][key ?? ''];
  if (known === undefined) {
    const reason = error instanceof Error ? error.message : String(error);
    return new VfioUserError(code, `${what}: ${reason}`, { cause: error });
  }
  const { sentence, advice } = known;
  return new VfioUserError(code, `${what}: ${name}: ${sentence}`, { cause: error, advice });
}
