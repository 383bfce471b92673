/** Explanations of the error codes of Node and OpenSSL. */
const texts: Readonly<Record<string, string>> = {
  DEPTH_ZERO_SELF_SIGNED_CERT:
    'its certificate is self-signed: name it as ca=, if it is the right one',
  SELF_SIGNED_CERT_IN_CHAIN: 'its certificate was signed by an authority that ca= does not name',
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
    'its certificate was signed by an authority that ca= does not name',
  UNABLE_TO_VERIFY_LEAF_SIGNATURE:
    'its certificate was signed by an authority that ca= does not name',
  UNABLE_TO_GET_ISSUER_CERT: 'its certificate was signed by an authority that ca= does not name',
  CERT_SIGNATURE_FAILURE: 'the signature of its certificate is wrong',
  CERT_HAS_EXPIRED: 'its certificate has expired: renew it',
  CERT_NOT_YET_VALID: 'its certificate is not valid yet: is a clock wrong?',
  INVALID_PURPOSE: 'its certificate is for another purpose, see its extended key usage',
  ERR_SSL_WRONG_VERSION_NUMBER:
    'the other side does not speak TLS: is it a plain port, or a plain peer?',
  ERR_SSL_HTTP_REQUEST: 'the other side sent a plain HTTP request to a TLS port',
  ERR_SSL_PACKET_LENGTH_TOO_LONG:
    'the other side does not speak TLS: is it a plain port, or a plain peer?',
  ERR_SSL_BAD_PROTOCOL_VERSION_NUMBER:
    'the other side does not speak TLS: is it a plain port, or a plain peer?',
  ERR_SSL_BAD_RECORD_TYPE:
    'the other side does not speak TLS: is it a plain port, or a plain peer?',
  ERR_SSL_UNEXPECTED_MESSAGE:
    'the other side does not speak TLS as it should: is it a plain port, or a plain peer?',
  ERR_SSL_UNSUPPORTED_PROTOCOL: 'the other side only knows versions older than TLS 1.3: update it',
  ERR_SSL_TLSV1_ALERT_PROTOCOL_VERSION: 'the other side does not accept TLS 1.3: update it',
  ERR_SSL_PEER_DID_NOT_RETURN_A_CERTIFICATE:
    'the client has no certificate: it needs cert= and key= signed by an authority of ca=',
  ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED:
    'the server wants a certificate: add cert= and key= to the URI',
  ERR_SSL_TLSV1_ALERT_UNKNOWN_CA: 'the other side does not know who signed our certificate',
  ERR_SSL_SSLV3_ALERT_CERTIFICATE_UNKNOWN: 'the other side does not accept our certificate',
  ERR_SSL_SSLV3_ALERT_BAD_CERTIFICATE: 'the other side does not accept our certificate',
  ERR_SSL_SSLV3_ALERT_CERTIFICATE_EXPIRED: 'our certificate has expired: renew it',
  ERR_SSL_SSLV3_ALERT_HANDSHAKE_FAILURE: 'the other side refused every cipher we offer',
  ERR_TLS_HANDSHAKE_TIMEOUT: 'the other side did not finish the TLS handshake in time',
};

/** A TLS or socket error, in a sentence. */
export function tlsFailure(error: unknown): string {
  const { code, message } = failureOf(error);
  if (code === 'ERR_TLS_CERT_ALTNAME_INVALID') {
    return `its certificate is for another name: connect to a name that it has, or say which with servername= (${message})`;
  }
  if (code === 'ECONNRESET' && /TLS/.test(message)) {
    return 'the other side closed the connection amid the TLS handshake: does it speak TLS there?';
  }
  const text = code === undefined ? undefined : texts[code];
  return text === undefined ? message : `${text} (${code})`;
}

/** What OpenSSL calls the alerts that tell something about certificates or settings. */
const alerts: Readonly<Record<number, string>> = {
  40: 'ERR_SSL_SSLV3_ALERT_HANDSHAKE_FAILURE',
  42: 'ERR_SSL_SSLV3_ALERT_BAD_CERTIFICATE',
  45: 'ERR_SSL_SSLV3_ALERT_CERTIFICATE_EXPIRED',
  46: 'ERR_SSL_SSLV3_ALERT_CERTIFICATE_UNKNOWN',
  48: 'ERR_SSL_TLSV1_ALERT_UNKNOWN_CA',
  116: 'ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED',
};

/** An alert that ended a connection (RFC 8446, section 6), in a sentence. */
export function alertFailure(description: number): string {
  const code = alerts[description];
  return code === undefined ? `the other side sent TLS alert ${description}` : tlsFailure(code);
}

/** {@link tlsFailure} as an error, for connections. */
export function explainTls(error: Error): Error {
  return new Error(tlsFailure(error), { cause: error });
}

function failureOf(error: unknown): { code: string | undefined; message: string } {
  // The reason why a server refused a client is only a code.
  if (typeof error === 'string') return { code: error, message: error };
  if (!(error instanceof Error)) return { code: undefined, message: String(error) };
  const code = 'code' in error && typeof error.code === 'string' ? error.code : undefined;
  return { code, message: error.message };
}
