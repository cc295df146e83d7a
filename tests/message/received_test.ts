import { assert, assertEquals } from "@std/assert";
import {
  formatReceived,
  MAX_RECEIVED,
  ReceivedCounter,
  type Trace,
  transmissionType,
} from "../../lib/message/received.ts";

const TRACE: Trace = {
  helo: "client.example",
  clientAddress: "192.0.2.1",
  hostname: "mx.example.org",
  protocol: "ESMTP",
  id: "k3Zr",
  date: new Date(0),
  utf8: false,
};

const FORMATTED: [name: string, trace: Partial<Trace>, want: string][] = [
  [
    "gives the address where the client's name is not known",
    {},
    "Received: from client.example ([192.0.2.1]) by mx.example.org with ESMTP\r\n" +
    " id k3Zr; Thu, 01 Jan 1970 00:00:00 +0000\r\n",
  ],
  [
    "names the client, and the recipient where there is one",
    { clientName: "c.example", recipient: "b@example.org" },
    "Received: from client.example (c.example [192.0.2.1]) by mx.example.org\r\n" +
    " with ESMTP id k3Zr for <b@example.org>; Thu, 01 Jan 1970 00:00:00 +0000\r\n",
  ],
  [
    "tags an IPv6 address and leaves its zone out",
    { helo: "[IPv6:::1]", clientAddress: "fe80::1%eth0" },
    "Received: from [IPv6:::1] ([IPv6:fe80::1]) by mx.example.org with ESMTP\r\n" +
    " id k3Zr; Thu, 01 Jan 1970 00:00:00 +0000\r\n",
  ],
  [
    "says localhost for a Unix socket, and unknown for no name",
    { helo: "", clientAddress: "", protocol: "UTF8SMTPSA" },
    "Received: from unknown (localhost) by mx.example.org with UTF8SMTPSA id k3Zr;\r\n" +
    " Thu, 01 Jan 1970 00:00:00 +0000\r\n",
  ],
  [
    "says unknown for an address that is not known",
    { clientName: "c.example", clientAddress: undefined },
    "Received: from client.example (c.example [unknown]) by mx.example.org\r\n" +
    " with ESMTP id k3Zr; Thu, 01 Jan 1970 00:00:00 +0000\r\n",
  ],
  [
    "gives version and cipher, and lets them end no comment",
    {
      tls: { protocol: "TLSv1.3", cipher: "TLS_AES)\r\nX" },
      protocol: "ESMTPS",
    },
    "Received: from client.example ([192.0.2.1])\r\n" +
    " (using TLSv1.3 with cipher TLS_AES???X) by mx.example.org with ESMTPS\r\n" +
    " id k3Zr; Thu, 01 Jan 1970 00:00:00 +0000\r\n",
  ],
  [
    "leaves TLS out where its version is not known",
    { tls: { protocol: undefined, cipher: "x" }, protocol: "ESMTPS" },
    "Received: from client.example ([192.0.2.1]) by mx.example.org with ESMTPS\r\n" +
    " id k3Zr; Thu, 01 Jan 1970 00:00:00 +0000\r\n",
  ],
  [
    "lets nothing from outside end the field or open a comment",
    {
      helo: "a) b\r\nX: (\u00e9",
      clientName: "c\\(\0",
      clientAddress: "1.2.3.4]\r\nX",
      id: "x;\r\ny",
      recipient: '"a\r\n b"@\u00e9.example',
    },
    "Received: from a??b??X:??? (c??? [1.2.3.4????]) by mx.example.org with ESMTP\r\n" +
    ' id x???y for <"a?? b"@?.example>; Thu, 01 Jan 1970 00:00:00 +0000\r\n',
  ],
  [
    "keeps UTF-8 where the header may hold it",
    {
      helo: "gr\u00fcn.example",
      recipient: "\u03b1@gr\u00fcn.example\u0085",
      utf8: true,
    },
    "Received: from gr\u00fcn.example ([192.0.2.1]) by mx.example.org with ESMTP id k3Zr\r\n" +
    " for <\u03b1@gr\u00fcn.example?>; Thu, 01 Jan 1970 00:00:00 +0000\r\n",
  ],
];

for (const [name, trace, want] of FORMATTED) {
  Deno.test(`formatReceived() ${name}`, () => {
    assertEquals(formatReceived({ ...TRACE, ...trace }), want);
  });
}

Deno.test("formatReceived() keeps every line within 998 bytes, whatever it is given", () => {
  const long = "\u20ac".repeat(10_000);
  const text = formatReceived({
    helo: long,
    clientName: long,
    clientAddress: "a".repeat(10_000),
    hostname: long,
    protocol: "ESMTP",
    id: "x".repeat(10_000),
    recipient: `${"\u20ac".repeat(64)}@${"\u20ac".repeat(255)}`,
    date: new Date(0),
    utf8: true,
  });
  for (const line of text.split("\r\n")) {
    assert(new TextEncoder().encode(line).length <= 998);
  }
  const overlong = { ...TRACE, recipient: `${"a".repeat(400)}@example.org` };
  assertEquals(formatReceived(overlong), formatReceived(TRACE));
});

Deno.test("transmissionType() gives the words of RFC 3848 and RFC 6531", () => {
  const type = (flags: string) =>
    transmissionType({
      esmtp: flags.includes("e"),
      lmtp: flags.includes("l"),
      tls: flags.includes("s"),
      authenticated: flags.includes("a"),
      utf8: flags.includes("u"),
    });
  assertEquals(["", "e", "es", "ea", "esa", "s"].map(type), [
    "SMTP",
    "ESMTP",
    "ESMTPS",
    "ESMTPA",
    "ESMTPSA",
    "ESMTPS",
  ]);
  assertEquals(["eu", "eus", "eua", "eusa"].map(type), [
    "UTF8SMTP",
    "UTF8SMTPS",
    "UTF8SMTPA",
    "UTF8SMTPSA",
  ]);
  assertEquals(["l", "els", "ela", "elsa", "elu", "elusa"].map(type), [
    "LMTP",
    "LMTPS",
    "LMTPA",
    "LMTPSA",
    "UTF8LMTP",
    "UTF8LMTPSA",
  ]);
});

const COUNTED: [name: string, data: string, count: number][] = [
  ["any case", "Received: a\r\nRECEIVED:b\r\nreceived:\r\n\r\n", 3],
  ["no folded line", "Received: a\r\n Received: b\r\n\tReceived: c\r\n\r\n", 1],
  ["nothing in the body", "A: b\r\n\r\nReceived: a\r\n", 0],
  ["nothing in a body without a header", "\r\nReceived: a\r\n", 0],
  [
    "no other field",
    "Received-SPF: a\r\nX-Received: b\r\nReceive: c\r\n\r\n",
    0,
  ],
  ["a field with spaces before the colon", "Received \t: a\r\n\r\n", 1],
  ["no line without a colon", "Received\r\nReceived a:\r\n\r\n", 0],
  [
    "a stuffed line by what it says",
    ".Received: a\r\n..Received: b\r\n\r\n",
    1,
  ],
  ["nothing in no message", "", 0],
];

for (const [name, data, count] of COUNTED) {
  Deno.test(`ReceivedCounter counts ${name}, however cut`, () => {
    const all = new TextEncoder().encode(data);
    for (let size = 1; size <= all.length + 1; size++) {
      for (let first = 0; first < size; first++) {
        const counter = new ReceivedCounter();
        counter.add(all.subarray(0, first));
        for (let at = first; at < all.length; at += size) {
          counter.add(all.subarray(at, at + size));
        }
        assertEquals(counter.count, count);
      }
    }
  });
}

Deno.test("ReceivedCounter tells a message that has gone in a circle", () => {
  const counter = new ReceivedCounter();
  const field = new TextEncoder().encode(formatReceived(TRACE));
  for (let i = 0; i <= MAX_RECEIVED; i++) counter.add(field);
  assert(counter.count > MAX_RECEIVED);
});
