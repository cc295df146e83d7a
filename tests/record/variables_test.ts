import { assertEquals } from "@std/assert";
import { type Event, steps } from "./support.ts";

const VALUES = { host: "mx.a.test", id: "1a2b3c4d" };

const CASES: readonly [
  name: string,
  variables: Record<string, string>,
  events: Event[],
  want: string,
][] = [
  [
    "known values, as whole words",
    VALUES,
    [
      ["S", "220 mx.a.test a.mx.a.test mx.a.test.b mx.a.test-b 1a2b3c4d0\r\n"],
      ["S", "250-mx.a.test\r\n250 <x@mx.a.test>, mx.a.test. id=1a2b3c4d;\r\n"],
    ],
    "S: 220 ${host} a.mx.a.test mx.a.test.b mx.a.test-b 1a2b3c4d0\nS: 250-${host}\nS: 250 <x@${host}>, ${host}. id=${id};\n",
  ],
  [
    "a known value that the client says once Postern has said it",
    VALUES,
    [["S", "220 mx.a.test\r\n"], ["C", "RCPT TO:<b@mx.a.test>\r\n"], [
      "P",
      "RCPT TO:<b@mx.a.test>\r\n",
    ]],
    "S: 220 ${host}\nC: RCPT TO:<b@${host}>\nP: RCPT TO:<b@${host}>\n",
  ],
  [
    "no value that the client said first, passed on or not",
    VALUES,
    [["S", "220 a\r\n"], ["C", "DATA\r\nto mx.a.test\r\n"], [
      "P",
      "EHLO mx.a.test\r\nto mx.a.test\r\n",
    ]],
    "S: 220 a\nC: DATA\nC: to mx.a.test\nP: EHLO ${host}\nP: to mx.a.test\n",
  ],
  [
    "dates in what is claimed, not in what is sent or passed on",
    {},
    [
      ["S", "220 a ESMTP Exim 4.96 Tue, 24 Nov 2026 14:15:00 +0000\r\n"],
      ["C", "Date: Tue, 24 Nov 2026 14:15:00 +0000\r\n"],
      [
        "P",
        "Received: x; 4 Nov 2026 14:15 GMT (UTC)\r\nDate: Tue, 24 Nov 2026 14:15:00 +0000\r\n",
      ],
      ["R", "250 Tue, 24 Nov 2026 14:15:00 +0000\r\n"],
      ["S", "250 24 Nov 2026\r\n"],
    ],
    "S: 220 a ESMTP Exim 4.96 ${date}\nC: Date: Tue, 24 Nov 2026 14:15:00 +0000\nP: Received: x; ${date}\nP: Date: Tue, 24 Nov 2026 14:15:00 +0000\nR: 250 Tue, 24 Nov 2026 14:15:00 +0000\nS: 250 24 Nov 2026\n",
  ],
  [
    "the ids that servers give to messages",
    {},
    [
      ["S", "250 2.0.0 Ok: queued as 4XyzAb1Z2c\r\n"],
      ["S", "250 OK id=1rABCD-0001Xy-AB\r\n"],
      ["S", "250 2.0.0 1a2b3c4d Message accepted for delivery\r\n"],
      ["S", "250 2.0.0 4AOEFx12 Message accepted for delivery\r\n"],
      ["S", "250 Ok: 12345678\r\n221 1rABCD-0001Xy-AB\r\n"],
    ],
    "S: 250 2.0.0 Ok: queued as ${id}\nS: 250 OK id=${id2}\nS: 250 2.0.0 ${id3} Message accepted for delivery\nS: 250 2.0.0 ${id4} Message accepted for delivery\nS: 250 Ok: ${id5}\nS: 221 ${id2}\n",
  ],
  [
    "no words in their places, and no other numbers",
    {},
    [
      ["S", "250 2.0.0 Ok: queued as spam\r\n250 Ok: queued\r\n"],
      ["S", "250 Message accepted for delivery\r\n250 Ok: 1234\r\n"],
      ["S", "550 id=12345678\r\n250 took 123456 ms\r\n"],
    ],
    "S: 250 2.0.0 Ok: queued as spam\nS: 250 Ok: queued\nS: 250 Message accepted for delivery\nS: 250 Ok: 1234\nS: 550 id=12345678\nS: 250 took 123456 ms\n",
  ],
  [
    "an id beside the session's",
    VALUES,
    [["S", "220 1a2b3c4d\r\n250 OK id=1rABCD-0001Xy-AB\r\n"]],
    "S: 220 ${id}\nS: 250 OK id=${id2}\n",
  ],
  [
    "no id that the relay has given",
    {},
    [["R", "250 queued as 4XyzAb1Z2c\r\n"], [
      "S",
      "250 queued as 4XyzAb1Z2c\r\n",
    ]],
    "R: 250 queued as 4XyzAb1Z2c\nS: 250 queued as 4XyzAb1Z2c\n",
  ],
  [
    "not more than a line may have",
    VALUES,
    [["S", `220 ${"mx.a.test ".repeat(10)}\r\n`]],
    `S: 220 ${"${host} ".repeat(8)}mx.a.test mx.a.test \n`,
  ],
  [
    "what a secret has left",
    { host: "mx.a.test", id: "hunter22" },
    [
      ["S", "220 mx.a.test hunter22\r\n"],
      ["C", "AUTH PLAIN AGFubgBodW50ZXIyMg==\r\n"],
    ],
    "S: 220 ${host} ${secret:auth_password}\nC: AUTH PLAIN ${secret:auth}\n",
  ],
  [
    "no value with a secret in it",
    { host: "mx.hunter22.test" },
    [
      ["S", "220 mx.hunter22.test\r\n"],
      ["C", "AUTH PLAIN AGFubgBodW50ZXIyMg==\r\n"],
    ],
    "S: 220 mx.${secret:auth_password}.test\nC: AUTH PLAIN ${secret:auth}\n",
  ],
  [
    "nothing where there is nothing known",
    {},
    [["S", "220 mx.a.test 1a2b3c4d\r\n"]],
    "S: 220 mx.a.test 1a2b3c4d\n",
  ],
];

for (const [name, variables, events, want] of CASES) {
  Deno.test(`Recording makes variables of ${name}`, () => {
    assertEquals(steps(events, { variables }), want);
  });
}
