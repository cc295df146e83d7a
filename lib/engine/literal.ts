/**
 * Decides whether a text is an address literal: an IPv4 or IPv6 address
 * between square brackets.
 *
 * It keeps the grammar of RFC 5321 section 4.1.3 and no more: no zone
 * identifier, and "::" stands for at least two groups. Of the tags for other
 * kinds of addresses none has been standardized, so there is no other kind:
 * "[2001:db8::1]" is an IPv6 address without its tag, not a literal with the
 * tag "2001". It does not say which host the address names.
 *
 * @module
 */

const IPV4_OCTET = "(?:25[0-5]|2[0-4]\\d|[01]?\\d?\\d)";
const IPV4 = `${IPV4_OCTET}(?:\\.${IPV4_OCTET}){3}`;

const IPV4_LITERAL = new RegExp(`^\\[${IPV4}\\]$`);

const IPV6_LITERAL = /^\[IPv6:([\da-f:.]+)\]$/i;

const IPV4_TAIL = new RegExp(`(?<=:)${IPV4}$`);
const IPV6_FULL = /^(?:[\da-f]{1,4}:){7}[\da-f]{1,4}$/i;
const IPV6_SHORT =
  /^(?:[\da-f]{1,4}(?::[\da-f]{1,4}){0,5})?::(?:[\da-f]{1,4}(?::[\da-f]{1,4}){0,5})?$/i;
const IPV6_GROUP = /[\da-f]+/gi;

/** Groups that may be written beside "::". RFC 5321 section 4.1.3. */
const MAX_SHORT_GROUPS = 6;

/**
 * Says whether a text is an address literal, brackets included.
 *
 * @param text The text from "[" to "]".
 * @returns Whether RFC 5321 section 4.1.3 allows it.
 */
export function isAddressLiteral(text: string): boolean {
  if (IPV4_LITERAL.test(text)) return true;
  const ipv6 = IPV6_LITERAL.exec(text)?.[1];
  return ipv6 !== undefined && isIpv6(ipv6);
}

/** Two groups in place of an IPv4 tail make four forms into two. */
function isIpv6(address: string): boolean {
  const groups = address.replace(IPV4_TAIL, "0:0");
  if (IPV6_FULL.test(groups)) return true;
  return IPV6_SHORT.test(groups) &&
    (groups.match(IPV6_GROUP)?.length ?? 0) <= MAX_SHORT_GROUPS;
}
