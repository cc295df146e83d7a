/**
 * Decides what a parameter of MAIL or RCPT may say, and writes them for the
 * next server.
 *
 * What is handed on as it was written (ENVID, ORCPT, AUTH) is checked whole:
 * its decoded form has no control character, and no length beyond the RFCs'.
 * What a parameter means for the message is decided by those who ask.
 *
 * @module
 */

import type { Capabilities } from "./capabilities.ts";
import type { Offer } from "./offer.ts";
import { parseSize } from "./size.ts";
import { decodeXtext } from "./xtext.ts";

/** What MAIL says beside the sender. */
export interface MailParameters {
  /** Octets of the message, as the client reckons. RFC 1870. */
  readonly size?: number;
  /** What the message's body may hold. RFC 6152, RFC 3030. */
  readonly body?: "7BIT" | "8BITMIME" | "BINARYMIME";
  /** Whether addresses and headers may be UTF-8. RFC 6531. */
  readonly smtputf8: boolean;
  /** How much of it comes back in a notification. RFC 3461 section 4.3. */
  readonly ret?: "FULL" | "HDRS";
  /** The sender's name for it, xtext as written. RFC 3461 section 4.4. */
  readonly envid?: string;
  /** Whether it may go over verified TLS only. RFC 8689. */
  readonly requireTls?: boolean;
  /** Who sent it first: xtext as written, or `<>`. RFC 4954 section 5. */
  readonly auth?: string;
}

/** What RCPT says beside the recipient. */
export interface RcptParameters {
  /** `NEVER`, or such as `SUCCESS,DELAY`, in capitals. RFC 3461 section 4.1. */
  readonly notify?: string;
  /** Such as `rfc822;xtext`, as written. RFC 3461 section 4.2. */
  readonly orcpt?: string;
}

/**
 * Reads the value of a parameter, `undefined` where it has none; a string says
 * what was expected instead.
 */
export type ReadValue<P> = (
  value: string | undefined,
  offer: Offer,
) => Partial<P> | string;

/** Characters of an envelope identifier. RFC 3461 section 4.4. */
const MAX_ENVID_LENGTH = 100;

/** Characters of an original recipient, and so of AUTH. RFC 3461 section 4. */
const MAX_ORCPT_LENGTH = 500;

const NOTIFY =
  /^(?:NEVER|(?:SUCCESS|FAILURE|DELAY)(?:,(?:SUCCESS|FAILURE|DELAY)){0,2})$/;

/** addr-type, an atom, and the rest. RFC 3461 section 4.2. */
const ORCPT = /^([\w!#$%&'*+\-/?^`{|}~]+);(.+)$/;

/** HEXPOINT of RFC 6533 section 3, but for the control characters. */
const HEX_POINT =
  "20|2B|3D|5C|[A-F][\\dA-F]|[1-9A-F][\\dA-F]{2}|(?:[1-9A-CEF][\\dA-F]|D[0-7])[\\dA-F]{2}|[1-9A-F][\\dA-F]{4}|10[\\dA-F]{4}";

/** utf-8-enc-addr, RFC 6533 section 3. */
const UTF8_ADDRESS = new RegExp(
  `^(?:[!-*,-<>-[\\]-~\\u00a0-\\uffff]|\\\\x\\{(?:${HEX_POINT})\\})+$`,
);

const NON_ASCII = /[\u0080-\uffff]/;

/** The reader of SIZE. RFC 1870 section 6. */
export function readSize(
  value: string | undefined,
): Partial<MailParameters> | string {
  const size = parseSize(value);
  return size === undefined ? "SIZE= with up to 20 digits" : { size };
}

/** The reader of BODY. RFC 6152 section 3, RFC 3030 section 3. */
export function readBody(
  value: string | undefined,
  offer: Offer,
): Partial<MailParameters> | string {
  const body = value?.toUpperCase();
  if (body === "7BIT" || body === "8BITMIME") return { body };
  if (!offersBinaryMime(offer)) return "BODY=7BIT or BODY=8BITMIME";
  if (body === "BINARYMIME") return { body };
  return "BODY=7BIT, BODY=8BITMIME or BODY=BINARYMIME";
}

/** Whether BINARYMIME can be offered: only BDAT can carry such a body. */
export function offersBinaryMime(offer: Offer): boolean {
  return offer.binaryMime === true && offer.chunking === true;
}

/** The reader of SMTPUTF8. RFC 6531 section 3.4. */
export function readSmtputf8(
  value: string | undefined,
): Partial<MailParameters> | string {
  return value === undefined ? { smtputf8: true } : "SMTPUTF8 without a value";
}

/** The reader of RET. RFC 3461 section 4.3. */
export function readRet(
  value: string | undefined,
): Partial<MailParameters> | string {
  const ret = value?.toUpperCase();
  return ret === "FULL" || ret === "HDRS" ? { ret } : "RET=FULL or RET=HDRS";
}

/** The reader of ENVID. RFC 3461 section 4.4. */
export function readEnvid(
  envid: string | undefined,
): Partial<MailParameters> | string {
  return isPrintableXtext(envid, MAX_ENVID_LENGTH)
    ? { envid }
    : `ENVID= with up to ${MAX_ENVID_LENGTH} characters of xtext`;
}

/** The reader of REQUIRETLS. RFC 8689 section 2. */
export function readRequireTls(
  value: string | undefined,
): Partial<MailParameters> | string {
  return value === undefined
    ? { requireTls: true }
    : "REQUIRETLS without a value";
}

/** The reader of AUTH. RFC 4954 section 5. */
export function readAuth(
  auth: string | undefined,
): Partial<MailParameters> | string {
  // "<>" is xtext too.
  return isPrintableXtext(auth, MAX_ORCPT_LENGTH)
    ? { auth }
    : `AUTH=<>, or up to ${MAX_ORCPT_LENGTH} characters of xtext`;
}

/** The reader of NOTIFY. RFC 3461 section 4.1. */
export function readNotify(
  value: string | undefined,
): Partial<RcptParameters> | string {
  const notify = value?.toUpperCase();
  return notify !== undefined && NOTIFY.test(notify)
    ? { notify }
    : "NOTIFY=NEVER or a list of SUCCESS, FAILURE and DELAY";
}

/** The reader of ORCPT. RFC 3461 section 4.2, RFC 6533 section 3. */
export function readOrcpt(
  orcpt: string | undefined,
  offer: Offer,
): Partial<RcptParameters> | string {
  const expected =
    `ORCPT=type;address with up to ${MAX_ORCPT_LENGTH} characters`;
  if (orcpt === undefined || orcpt.length > MAX_ORCPT_LENGTH) return expected;
  const [, type = "", address = ""] = ORCPT.exec(orcpt) ?? [];
  if (type.toLowerCase() !== "utf-8") {
    return isPrintableXtext(address, MAX_ORCPT_LENGTH) ? { orcpt } : expected;
  }
  const isOffered = offer.smtputf8 !== false || !NON_ASCII.test(address);
  return isOffered && UTF8_ADDRESS.test(address) ? { orcpt } : expected;
}

/**
 * Formats the parameters of a MAIL command for a server. What it does not
 * offer is left out: whether the message can go there at all is asked before.
 *
 * @param parameters The parameters.
 * @param capabilities What the server offers.
 * @returns Such as ` SIZE=100 SMTPUTF8`, with a space in front; or "".
 */
export function formatMailParameters(
  parameters: MailParameters,
  capabilities: Capabilities,
): string {
  const { size, body, smtputf8, ret, envid, requireTls, auth } = parameters;
  const { sizeOffered, eightBitMime, binaryMime, dsn } = capabilities;
  const bodyOffered = body === "BINARYMIME" ? binaryMime : eightBitMime;
  let text = "";
  if (sizeOffered && size !== undefined) text += ` SIZE=${size}`;
  if (bodyOffered && body !== undefined) text += ` BODY=${body}`;
  if (capabilities.smtputf8 && smtputf8) text += " SMTPUTF8";
  if (dsn && ret !== undefined) text += ` RET=${ret}`;
  if (dsn && envid !== undefined) text += ` ENVID=${envid}`;
  if (capabilities.requireTls && requireTls) text += " REQUIRETLS";
  if (capabilities.auth.size > 0 && auth !== undefined) text += ` AUTH=${auth}`;
  return text;
}

/**
 * Formats the parameters of a RCPT command for a server, as
 * {@linkcode formatMailParameters} does.
 *
 * @param parameters The parameters.
 * @param capabilities What the server offers.
 * @returns Such as ` NOTIFY=NEVER`, with a space in front; or "".
 */
export function formatRcptParameters(
  parameters: RcptParameters,
  capabilities: Capabilities,
): string {
  if (!capabilities.dsn) return "";
  const { notify, orcpt } = parameters;
  let text = "";
  if (notify !== undefined) text += ` NOTIFY=${notify}`;
  if (orcpt !== undefined) text += ` ORCPT=${orcpt}`;
  return text;
}

/** Whether it is xtext of printable ASCII, as RFC 3461 section 4 asks for. */
function isPrintableXtext(
  text: string | undefined,
  maxLength: number,
): text is string {
  if (text === undefined || text.length > maxLength) return false;
  const decoded = decodeXtext(text);
  return decoded !== undefined && !NON_ASCII.test(decoded);
}
