/**
 * What a server offers in EHLO, as its owner says it: it changes within a
 * session, with TLS, with AUTH, and with what the relay can do.
 *
 * @module
 */

/** What the server offers in one session. */
export interface Offer {
  /** Octets of the largest message taken; 0: no limit. RFC 1870. */
  readonly size: number;
  /** Whether 8-bit bodies are taken. RFC 6152. @default {true} */
  readonly eightBitMime?: boolean;
  /** Whether UTF-8 addresses are taken. RFC 6531. @default {true} */
  readonly smtputf8?: boolean;
  /** Whether TLS can be begun. RFC 3207. @default {false} */
  readonly startTls?: boolean;
  /** SASL mechanisms; empty or absent: no AUTH. RFC 4954. */
  readonly auth?: readonly string[];
  /** Whether BDAT is taken. RFC 3030. @default {false} */
  readonly chunking?: boolean;
  /** Whether binary bodies are taken; needs `chunking`. @default {false} */
  readonly binaryMime?: boolean;
  /** Whether requests for notifications are taken. @default {false} */
  readonly dsn?: boolean;
  /** Whether REQUIRETLS is taken. RFC 8689. @default {false} */
  readonly requireTls?: boolean;
  /** The bounds that are told. RFC 9422. */
  readonly limits?: {
    /** Recipients of one message, told as RCPTMAX. */
    readonly recipients: number;
  };
  /** Whether XCLIENT is taken. @default {false} */
  readonly xclient?: boolean;
  /** Whether XFORWARD is taken. @default {false} */
  readonly xforward?: boolean;
}
