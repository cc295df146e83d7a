import { assert, assertEquals } from "@std/assert";
import {
  MAX_PROXY_HEADER_BYTES,
  parseProxyHeader,
  type ProxiedEnds,
} from "../../lib/transport/proxy_protocol.ts";

const SIGNATURE = "\r\n\r\n\0\r\nQUIT\n";

/** A text's characters, a byte each. */
function bytesOf(text: string): Uint8Array {
  return Uint8Array.from(text, (char) => char.charCodeAt(0));
}

/** A header of version 2. */
function v2(command: number, kind: number, rest: number[] | string): string {
  const text = typeof rest === "string" ? rest : String.fromCharCode(...rest);
  const length = String.fromCharCode(text.length >> 8, text.length & 0xff);
  return SIGNATURE + String.fromCharCode(command, kind) + length + text;
}

function ends(
  remote: string,
  remotePort: number,
  local: string,
  localPort: number,
): ProxiedEnds {
  return { remote, remotePort, local, localPort };
}

const IPV4 = [192, 0, 2, 1, 198, 51, 100, 2, 0xdc, 0x04, 0, 25];
const DOC6 = [0x20, 0x01, 0x0d, 0xb8, ...Array(11).fill(0)];
const MAPPED = [...Array(10).fill(0), 0xff, 0xff];
const PORTS = [0xdc, 0x04, 0, 25];
const V4_ENDS = ends("192.0.2.1", 56324, "198.51.100.2", 25);

const TAKEN: [name: string, header: string, ProxiedEnds | undefined][] = [
  [
    "TCP4 of version 1",
    "PROXY TCP4 192.0.2.1 198.51.100.2 56324 25\r\n",
    V4_ENDS,
  ],
  [
    "the largest TCP4",
    "PROXY TCP4 255.255.255.255 255.255.255.255 65535 65535\r\n",
    ends("255.255.255.255", 65535, "255.255.255.255", 65535),
  ],
  [
    "port 0",
    "PROXY TCP4 0.0.0.0 0.0.0.0 0 0\r\n",
    ends("0.0.0.0", 0, "0.0.0.0", 0),
  ],
  [
    "TCP6 of version 1, which becomes short",
    "PROXY TCP6 2001:0DB8:0:0:0:0:0:1 ::1 56324 25\r\n",
    ends("2001:db8::1", 56324, "::1", 25),
  ],
  [
    "TCP6 at its longest",
    `PROXY TCP6 ${Array(8).fill("ffff").join(":")} ${
      Array(8).fill("ffff").join(":")
    } 65535 65535\r\n`,
    ends(
      Array(8).fill("ffff").join(":"),
      65535,
      Array(8).fill("ffff").join(":"),
      65535,
    ),
  ],
  [
    "IPv4 mapped into TCP6",
    "PROXY TCP6 ::ffff:192.0.2.1 ::ffff:c633:6402 56324 25\r\n",
    V4_ENDS,
  ],
  ["IPv4 of version 2", v2(0x21, 0x11, IPV4), V4_ENDS],
  [
    "IPv6 of version 2",
    v2(0x21, 0x21, [...DOC6, 1, ...DOC6, 2, ...PORTS]),
    ends("2001:db8::1", 56324, "2001:db8::2", 25),
  ],
  [
    "IPv4 mapped into IPv6 of version 2",
    v2(0x21, 0x21, [
      ...MAPPED,
      ...IPV4.slice(0, 4),
      ...MAPPED,
      ...IPV4.slice(4, 8),
      ...PORTS,
    ]),
    V4_ENDS,
  ],
  [
    "what stands behind the addresses",
    v2(0x21, 0x11, [...IPV4, 3, 0, 4, 1, 2, 3, 4]),
    V4_ENDS,
  ],
  ["LOCAL", v2(0x20, 0x00, []), undefined],
  ["LOCAL with addresses", v2(0x20, 0x11, IPV4), undefined],
  ["LOCAL of an unknown family", v2(0x20, 0x55, [1, 2, 3]), undefined],
  [
    "the longest that is taken",
    v2(0x21, 0x11, [...IPV4, ...Array(16 * 1024 - 12).fill(0)]),
    V4_ENDS,
  ],
];
for (const [name, header, expected] of TAKEN) {
  Deno.test(`parseProxyHeader() takes ${name}, and nothing behind it`, () => {
    for (const behind of ["", "\n", "EHLO a\r\n", header]) {
      assertEquals(
        parseProxyHeader(bytesOf(header + behind)),
        { type: "header", length: header.length, ends: expected },
      );
    }
  });

  Deno.test(`parseProxyHeader() wants more at every cut of ${name}`, () => {
    const bytes = bytesOf(header);
    for (let cut = 0; cut < Math.min(bytes.length, 300); cut++) {
      const parsed = parseProxyHeader(bytes.subarray(0, cut));
      assert(parsed.type === "more", `at ${cut}: ${parsed.type}`);
      assert(parsed.length > cut, `at ${cut}: ${parsed.length}`);
      assert(parsed.length <= bytes.length, `at ${cut}: ${parsed.length}`);
    }
  });
}

const START = '"PROXY " or the signature of version 2';
const ADDRESSES4 = "two addresses of TCP4";
const ADDRESSES6 = "two addresses of TCP6";
const REFUSED: [name: string, header: string, expected: string][] = [
  ["a command", "EHLO a\r\n", START],
  ["small letters", "proxy TCP4 1.2.3.4 1.2.3.4 1 2\r\n", START],
  ["a ClientHello", "\x16\x03\x01", START],
  ["a signature that goes wrong", "\r\n\r\n\0\r\nQUIT ", START],
  [
    "another family",
    "PROXY UDP4 1.2.3.4 1.2.3.4 1 2\r\n",
    "TCP4 or TCP6",
  ],
  [
    "two spaces",
    "PROXY  TCP4 1.2.3.4 1.2.3.4 1 2\r\n",
    "TCP4 or TCP6",
  ],
  ["an empty line", "PROXY \r\n", "TCP4 or TCP6"],
  ["a bare LF", "PROXY TCP4 1.2.3.4 1.2.3.4 1 2\n", "CRLF at the line's end"],
  ["a bare CR in a port", "PROXY TCP4 1.2.3.4 1.2.3.4 1 2\r\r\n", "two ports"],
  ["an octet too large", "PROXY TCP4 1.2.3.256 1.2.3.4 1 2\r\n", ADDRESSES4],
  ["leading zeros", "PROXY TCP4 01.2.3.4 1.2.3.4 1 2\r\n", ADDRESSES4],
  ["IPv6 as TCP4", "PROXY TCP4 ::1 ::1 1 2\r\n", ADDRESSES4],
  ["IPv4 as TCP6", "PROXY TCP6 1.2.3.4 1.2.3.4 1 2\r\n", ADDRESSES6],
  ["a zone", "PROXY TCP6 fe80::1%eth0 ::1 1 2\r\n", ADDRESSES6],
  ["a name", "PROXY TCP4 mail.example.com 1.2.3.4 1 2\r\n", ADDRESSES4],
  ["one address", "PROXY TCP4 1.2.3.4\r\n", ADDRESSES4],
  ["one port", "PROXY TCP4 1.2.3.4 1.2.3.4 1\r\n", "two ports"],
  ["three ports", "PROXY TCP4 1.2.3.4 1.2.3.4 1 2 3\r\n", "two ports"],
  ["a port too large", "PROXY TCP4 1.2.3.4 1.2.3.4 1 65536\r\n", "two ports"],
  [
    "a port with a zero before",
    "PROXY TCP4 1.2.3.4 1.2.3.4 1 02\r\n",
    "two ports",
  ],
  ["a negative port", "PROXY TCP4 1.2.3.4 1.2.3.4 -1 2\r\n", "two ports"],
  ["a trailing space", "PROXY TCP4 1.2.3.4 1.2.3.4 1 2 \r\n", "two ports"],
  [
    "a long line",
    `PROXY TCP4 ${"x".repeat(96)}`,
    "a line of at most 107 bytes",
  ],
  [
    "a line too long by one",
    `PROXY TCP4 ${"x".repeat(95)}\r\n`,
    "a line of at most 107 bytes",
  ],
  [
    "version 1 in binary",
    v2(0x11, 0x11, IPV4),
    "version 2 and the command LOCAL or PROXY",
  ],
  [
    "an unknown command",
    v2(0x22, 0x11, IPV4),
    "version 2 and the command LOCAL or PROXY",
  ],
  [
    "datagrams",
    v2(0x21, 0x12, IPV4),
    "a stream over IPv4 or IPv6",
  ],
  [
    "an unknown family",
    v2(0x21, 0x41, IPV4),
    "a stream over IPv4 or IPv6",
  ],
  [
    "too little for IPv4",
    v2(0x21, 0x11, IPV4.slice(1)),
    "room for the addresses",
  ],
  [
    "too little for IPv6",
    v2(0x21, 0x21, Array(35).fill(0)),
    "room for the addresses",
  ],
  [
    "a client on a Unix socket, who would be the proxy",
    v2(0x21, 0x31, Array(216).fill(0x2f)),
    "a stream over IPv4 or IPv6",
  ],
  [
    "a client without a family, likewise",
    v2(0x21, 0x00, IPV4),
    "a stream over IPv4 or IPv6",
  ],
  ["UNKNOWN, likewise", "PROXY UNKNOWN\r\n", "TCP4 or TCP6"],
  [
    "more than is taken",
    v2(0x21, 0x11, Array(16 * 1024 + 1).fill(0)),
    `at most ${MAX_PROXY_HEADER_BYTES} bytes`,
  ],
];
for (const [name, header, expected] of REFUSED) {
  Deno.test(`parseProxyHeader() refuses ${name}, at every cut or later`, () => {
    const bytes = bytesOf(header);
    assertEquals(parseProxyHeader(bytes), { type: "refused", expected });
    for (let cut = 0; cut < Math.min(bytes.length, 120); cut++) {
      const { type } = parseProxyHeader(bytes.subarray(0, cut));
      assert(type !== "header", `at ${cut}`);
    }
  });
}
