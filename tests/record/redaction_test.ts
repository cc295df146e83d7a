import {
  assert,
  assertEquals,
  assertStringIncludes,
  assertThrows,
} from "@std/assert";
import { Buffer } from "node:buffer";
import { conversationOf } from "../../lib/record/conversation.ts";
import { Redaction, SecretLeftError } from "../../lib/record/redaction.ts";
import { Tape } from "../../lib/record/tape.ts";
import { random } from "../../lib/replay/random.ts";
import { leaksOf } from "./leaks.ts";
import {
  at,
  byteByByte,
  type Event,
  octets,
  record,
  steps,
} from "./support.ts";

const PASSWORD = "hunter2!";

function b64(text: string): string {
  return Buffer.from(text, "utf8").toString("base64");
}

function plain(user: string, password: string): string {
  return b64(`\0${user}\0${password}`);
}

const LOGIN: Event[] = [
  ["S", "220 a\r\n"],
  ["C", "AUTH LOGIN\r\n"],
  ["S", "334 VXNlcm5hbWU6\r\n"],
  ["C", `${b64("ann")}\r\n`],
  ["S", "334 UGFzc3dvcmQ6\r\n"],
  ["C", `${b64(PASSWORD)}\r\n`],
  ["S", "235 ok\r\n"],
];

const OAUTH = `user=ann@a.test\x01auth=Bearer ya29.${"t0k".repeat(9)}\x01\x01`;

const EXCHANGES: readonly [name: string, events: Event[], want: string][] = [
  [
    "AUTH PLAIN with an initial response",
    [["C", `AUTH PLAIN ${plain("ann", PASSWORD)}\r\n`], ["S", "235 ok\r\n"]],
    "C: AUTH PLAIN ${secret:auth}\nS: 235 ok\n",
  ],
  [
    "AUTH PLAIN in two steps",
    [["C", "AUTH PLAIN\r\n"], ["S", "334 \r\n"], [
      "C",
      `${plain("ann", PASSWORD)}\r\n`,
    ], ["S", "535 no\r\n"]],
    "C: AUTH PLAIN\nS: 334 \nC: ${secret:wrong}\nS: 535 no\n",
  ],
  [
    "AUTH in any spelling",
    [["C", ` auth \t pLaIn\t ${plain("ann", PASSWORD)} \t\r\n`]],
    "C:  auth \t pLaIn\t ${secret:auth} \t\n",
  ],
  [
    "AUTH LOGIN",
    LOGIN,
    "S: 220 a\nC: AUTH LOGIN\nS: 334 VXNlcm5hbWU6\nC: ${secret:auth}\nS: 334 UGFzc3dvcmQ6\nC: ${secret:auth}\nS: 235 ok\n",
  ],
  [
    "AUTH LOGIN with the user as initial response",
    [["C", `AUTH LOGIN ${b64("ann")}\r\n`], ["S", "334 UGFzc3dvcmQ6\r\n"], [
      "C",
      `${b64(PASSWORD)}\r\n`,
    ]],
    "C: AUTH LOGIN ${secret:auth}\nS: 334 UGFzc3dvcmQ6\nC: ${secret:auth}\n",
  ],
  [
    "answers that nobody waited for",
    [["C", `AUTH LOGIN\r\n${b64("ann")}\r\n${b64(PASSWORD)}\r\nQUIT\r\n`], [
      "S",
      "503 no\r\n500 a\r\n500 b\r\n221 c\r\n",
    ]],
    "C: AUTH LOGIN\nC: ${secret:auth}\nC: ${secret:auth}\nC: QUIT\nS: 503 no\nS: 500 a\nS: 500 b\nS: 221 c\n",
  ],
  [
    "answers after a refusal",
    [
      ["C", "AUTH LOGIN\r\n"],
      ["S", "502 no\r\n"],
      [
        "C",
        `${b64("ann")}\r\n`,
      ],
      ["S", "500 a\r\n"],
      ["C", `${b64(PASSWORD)}\r\n`],
    ],
    "C: AUTH LOGIN\nS: 502 no\nC: ${secret:auth}\nS: 500 a\nC: ${secret:auth}\n",
  ],
  [
    "answers when earlier replies come late",
    [["C", "EHLO a\r\nAUTH LOGIN\r\n"], ["S", "250 a\r\n"], [
      "S",
      "334 VXNlcm5hbWU6\r\n",
    ], ["C", `${b64("ann")}\r\n${b64(PASSWORD)}\r\n`]],
    "C: EHLO a\nC: AUTH LOGIN\nS: 250 a\nS: 334 VXNlcm5hbWU6\nC: ${secret:auth}\nC: ${secret:auth}\n",
  ],
  [
    "a challenge to what did not look like AUTH",
    [["C", "XAUTH LOGIN\r\n"], ["S", "334 VXNlcm5hbWU6\r\n"], [
      "C",
      `${b64(PASSWORD)}\r\n`,
    ]],
    "C: XAUTH LOGIN\nS: 334 ${challenge}\nC: ${secret:auth}\n",
  ],
  [
    "lines that end with LF alone",
    [["C", `EHLO a\nAUTH PLAIN ${plain("ann", PASSWORD)}\nQUIT\n`]],
    String
      .raw`C> "EHLO a\nAUTH PLAIN ${"${secret:auth}"}\nQUIT\n"${"\n"}`,
  ],
  [
    "an answer that is cut off",
    [["C", `AUTH PLAIN ${plain("ann", PASSWORD)}`], ["==", "reset"]],
    'C> "AUTH PLAIN ${secret:auth}"\n== reset\n',
  ],
  [
    "a password that is no base64, with blanks in it",
    [["C", `AUTH PLAIN ann ${PASSWORD}\r\n`], ["S", `535 ${PASSWORD}?\r\n`]],
    "C: AUTH PLAIN ${secret:wrong}\nS: 535 ${secret:wrong_password}?\n",
  ],
  [
    "a response without a mechanism",
    [["C", `AUTH ${plain("ann", PASSWORD)}\r\n`]],
    "C: AUTH ${secret:auth}\n",
  ],
  [
    "CRAM-MD5, and its challenge",
    [["C", "AUTH CRAM-MD5\r\n"], ["S", "334 PDE4OTYuNjk3QGE+\r\n"], [
      "C",
      `${b64("ann b913a602c7eda7a495b4e6e7334d3890")}\r\n`,
    ], ["S", "535 b913a602c7eda7a495b4e6e7334d3890\r\n"]],
    "C: AUTH CRAM-MD5\nS: 334 ${challenge}\nC: ${secret:wrong}\nS: 535 ********************************\n",
  ],
  [
    "SCRAM, and all its challenges",
    [
      ["C", `AUTH SCRAM-SHA-256 ${b64("n,,n=ann,r=abcd")}\r\n`],
      ["S", "334 cj1hYmNkeA==\r\n"],
      ["C", `${b64("c=biws,r=abcdx,p=PROOF1234=")}\r\n`],
      ["S", "334 dj1hYmNk\r\n"],
      ["C", "\r\n"],
      ["S", "535 p=PROOF1234=\r\n"],
    ],
    "C: AUTH SCRAM-SHA-256 ${secret:wrong}\nS: 334 ${secret:wrong}\nC: ${secret:wrong}\nS: 334 ${secret:wrong}\nC:\nS: 535 p=**********\n",
  ],
  [
    "XOAUTH2, whose token comes again",
    [
      ["C", `AUTH XOAUTH2 ${b64(OAUTH)}\r\n`],
      [
        "S",
        `334 ${b64('{"status":"400"}')}\r\n`,
      ],
      ["C", "\r\n"],
      ["S", `535 ya29.${"t0k".repeat(9)}\r\n`],
    ],
    "C: AUTH XOAUTH2 ${secret:wrong}\nS: 334 ${challenge}\nC:\nS: 535 ${secret:wrong_password}\n",
  ],
  [
    "OAUTHBEARER",
    [["C", `AUTH OAUTHBEARER ${b64(`n,a=ann,${OAUTH.slice(15)}`)}\r\n`]],
    "C: AUTH OAUTHBEARER ${secret:auth}\n",
  ],
  [
    "a mechanism of another kind",
    [["C", `AUTH X-FOO ${b64(PASSWORD)}\r\n`], ["S", `500 ${PASSWORD}\r\n`]],
    "C: AUTH X-FOO ${secret:auth}\nS: 500 ********\n",
  ],
  [
    "an exchange that is given up",
    [["C", "AUTH LOGIN\r\n"], ["S", "334 VXNlcm5hbWU6\r\n"], ["C", "*\r\n"], [
      "S",
      "501 a\r\n",
    ], ["C", "NOOP x\r\n"]],
    "C: AUTH LOGIN\nS: 334 VXNlcm5hbWU6\nC: *\nS: 501 a\nC: NOOP x\n",
  ],
  [
    "an exchange that ends with QUIT",
    [["C", "AUTH LOGIN\r\n"], ["S", "334 VXNlcm5hbWU6\r\n"], ["C", "QUIT\r\n"]],
    "C: AUTH LOGIN\nS: 334 VXNlcm5hbWU6\nC: QUIT\n",
  ],
  [
    "an empty initial response",
    [["C", "AUTH EXTERNAL =\r\n"], ["S", "235 a\r\n"], ["C", "FOO bar\r\n"]],
    "C: AUTH EXTERNAL =\nS: 235 a\nC: FOO bar\n",
  ],
  [
    "two pairs, each with a name of its own",
    [
      ["C", `AUTH PLAIN ${plain("ann", PASSWORD)}\r\n`],
      ["S", "535 no\r\n"],
      ["C", `AUTH PLAIN ${plain("bob", "sesame77")}\r\n`],
      ["S", `535 ${PASSWORD} or sesame77\r\n`],
      ["C", `AUTH LOGIN ${b64("ann")}\r\n${b64(PASSWORD)}\r\n`],
    ],
    "C: AUTH PLAIN ${secret:wrong}\nS: 535 no\nC: AUTH PLAIN ${secret:wrong2}\nS: 535 ${secret:wrong_password} or ${secret:wrong2_password}\nC: AUTH LOGIN ${secret:auth}\nC: ${secret:auth}\n",
  ],
  [
    "the relay's exchange, whose challenge is said again",
    [["P", "AUTH CRAM-MD5\r\n"], ["R", "334 PDE4OTYuNjk3QGE+\r\n"], [
      "P",
      `${b64("ann b913a602c7eda7a495b4e6e7334d3890")}\r\n`,
    ]],
    "P: AUTH CRAM-MD5\nR: 334 PDE4OTYuNjk3QGE+\nP: ${secret:auth}\n",
  ],
  [
    "no exchange in a message",
    [["C", "MAIL FROM:<>\r\nRCPT TO:<b@a>\r\nDATA\r\n"], [
      "S",
      "250 a\r\n250 b\r\n354 go\r\n",
    ], ["C", "\r\nAUTH LOGIN\r\nYW5u\r\n.\r\nAUTH PLAIN AAAA\r\n"]],
    "C: MAIL FROM:<>\nC: RCPT TO:<b@a>\nC: DATA\nS: 250 a\nS: 250 b\nS: 354 go\nC:\nC: AUTH LOGIN\nC: YW5u\nC: .\nC: AUTH PLAIN ${secret:auth}\n",
  ],
  [
    "an exchange behind DATA that was refused",
    [["C", "DATA\r\n"], ["S", "503 a\r\n"], ["C", "AUTH PLAIN AAAA\r\n"]],
    "C: DATA\nS: 503 a\nC: AUTH PLAIN ${secret:auth}\n",
  ],
  [
    "an exchange behind a message that the server broke off",
    [
      ["C", "DATA\r\n"],
      ["S", "354 a\r\n"],
      ["C", "x\r\n"],
      ["S", "451 b\r\n"],
      [
        "C",
        "AUTH PLAIN AAAA\r\n",
      ],
    ],
    "C: DATA\nS: 354 a\nC: x\nS: 451 b\nC: AUTH PLAIN ${secret:auth}\n",
  ],
];

for (const [name, events, want] of EXCHANGES) {
  Deno.test(`Recording takes out ${name}`, () => {
    assertEquals(steps(events), want);
  });
}

Deno.test("Recording takes secrets out in every chunking alike", () => {
  const long: Event[] = [
    ["C", `AUTH PLAIN ${plain("ann", PASSWORD)}\r\n`],
    ["S", `535 ${PASSWORD}\r\n`],
    ...LOGIN,
    ["C", `BDAT 40 LAST\r\n${b64(`Hello ${PASSWORD}`)}\r\n${PASSWORD}\r\n`],
  ];
  const { text: want } = record(long).format();
  assertEquals(leaksOf(want, PASSWORD), []);
  assertEquals(record(long, {}, byteByByte).format().text, want);
  for (let cut = 1; cut < 80; cut++) {
    assertEquals(record(long, {}, at(cut)).format().text, want);
  }
  for (let seed = 1; seed < 50; seed++) {
    const chance = random(seed);
    const text = record(long, {}, function* (bytes) {
      for (let from = 0; from < bytes.length;) {
        const size = 1 + Math.floor(chance() * 9);
        yield bytes.subarray(from, from += size);
      }
    }).format().text;
    assertEquals(text, want);
  }
});

/** Behind a login with the password, and in the message: what becomes of it. */
const ELSEWHERE: readonly [
  name: string,
  letters: string,
  line: string,
  want: string,
][] = [
  [
    "in the server's error",
    "S",
    `550 <${PASSWORD}>`,
    "550 <${secret:auth_password}>",
  ],
  [
    "in a message",
    "C",
    `a ${PASSWORD}${PASSWORD} b`,
    "a ${secret:auth_password}${secret:auth_password} b",
  ],
  [
    "in a message that is passed on",
    "P",
    `x${PASSWORD}`,
    "x${secret:auth_password}",
  ],
  ["in the relay's words", "R", `550 ${PASSWORD}`, "550 ********"],
  [
    "in a part of a word",
    "C",
    `un${PASSWORD}able`,
    "un${secret:auth_password}able",
  ],
  [
    "as the answer it was, said by the server",
    "S",
    `500 ${b64(PASSWORD)}`,
    "500 ${secret:auth}",
  ],
  [
    "as the answer it was, in a message",
    "C",
    `x ${b64(PASSWORD)}`,
    "x ************",
  ],
  [
    "as the user's answer, said by the server",
    "S",
    `500 ${b64("ann")}`,
    "500 ${secret:auth_user}",
  ],
  [
    "in base64, from its first letter",
    "C",
    b64(`${PASSWORD}more text`),
    `***********${b64(`${PASSWORD}more text`).slice(11)}`,
  ],
  [
    "in base64, from its second letter",
    "C",
    b64(`x${PASSWORD}more`),
    `e***********${b64(`x${PASSWORD}more`).slice(12)}`,
  ],
  [
    "in base64, from its third letter",
    "C",
    b64(`xy${PASSWORD}!`),
    "eH************E=",
  ],
  [
    "in base64 over two lines",
    "C",
    `aaaa${b64(PASSWORD).slice(0, 5)}\r\n${b64(PASSWORD).slice(5)}`,
    "aaaa*****\nC: *******",
  ],
  ["in the URL's base64", "C", "aHVudGVyMiE", "***********"],
  ["in hexadecimal digits", "C", "x 68756e7465723221.", "x ****************."],
  ["in capital ones", "C", "68756E7465723221", "****************"],
  ["percent-encoded", "C", "a=%68unter2%21&b", "a=************&b"],
  [
    "quoted-printable",
    "C",
    "hunt=65r=\r\n2=21",
    "*********\nC: ****",
  ],
  ["with backslashes", "S", "550 hunter2!", "550 ${secret:auth_password}"],
  ["not in part", "C", "hunter2", "hunter2"],
  ["not in other letters", "C", "HUNTER2!", "HUNTER2!"],
  ["not the user's name", "C", "ann@a.test", "ann@a.test"],
];

for (const [name, letters, line, want] of ELSEWHERE) {
  Deno.test(`Recording finds a password ${name}`, () => {
    const written = steps([...LOGIN, [letters, `${line}\r\n`]]);
    const lines = written.split("\n").slice(7).join("\n");
    assertEquals(lines, `${letters}: ${want}\n`);
  });
}

/** Passwords of all kinds, each logged in with and said again. */
const PASSWORDS: readonly [name: string, password: string][] = [
  ["is a word of the notation", "secret"],
  ["is a name that a variable has", "auth_password"],
  ["is an event", "close"],
  ["is a part of a common word", "mail"],
  ["is a reply's text", "ok 250"],
  ["has what regular expressions read", "a+(b|c)*[d]$^.\\w"],
  ["has quotes and backslashes", 'a"b\\c""\\'],
  ["looks like a variable", "${id}${x"],
  ["is not ASCII", "pässwörd"],
  ["is beyond the first plane", "😀😀"],
  ["has blanks", "correct horse battery"],
  ["is all masks", "****"],
  ["is all masks, each", "*x-#_*x-#_"],
  ["is base64", "cGFzc3dvcmQ="],
  ["is hexadecimal", "deadbeef"],
  ["repeats itself", "abababab"],
  ["is one letter, often", "aaaaaa"],
  ["has a percent sign and an equals sign", "50%=3D%41=41"],
  ["begins with a dot", ".hidden"],
  ["ends with an equals sign", "hunter2=="],
  ["is long", "0123456789abcdef".repeat(60)],
];

for (const [name, password] of PASSWORDS) {
  Deno.test(`Recording keeps a password to itself that ${name}`, () => {
    const quoted = password.replace(/["\\]/g, "\\$&");
    const body = [
      password,
      `x${password}${password}x${password}`,
      `"${quoted}"`,
      b64(`Hello ${password}, ${password}!`).replace(/.{9}/g, "$&\r\n"),
      encodeURIComponent(password),
      Buffer.from(password, "utf8").toString("hex"),
      ".",
    ].join("\r\n");
    for (
      const login of [
        [["C", `AUTH PLAIN ${plain("ann", password)}\r\n`], [
          "S",
          "235 ok\r\n",
        ]],
        [...LOGIN.slice(0, 5), ["C", `${b64(password)}\r\n`], [
          "S",
          "235 a\r\n",
        ]],
      ] as Event[][]
    ) {
      const { text, secrets } = record([
        ...login,
        ["S", `550 ${password} ${plain("ann", password)}\r\n`],
        ["C", `DATA\r\n`],
        ["S", "354 go\r\n"],
        ["C", `${body}\r\n`],
        ["P", `${body}\r\n`],
        ["R", `550 ${password}\r\n`],
      ], {
        title: `About ${password}`,
        settings: [{ key: "server.greeting", text: `'${password}'` }],
      }).format();
      assertEquals(leaksOf(text, password), []);
      for (const secret of secrets) assert(!text.includes(secret));
    }
  });
}

Deno.test("Recording has in secrets what the file is to be searched for", () => {
  const { secrets } = record(LOGIN).format();
  for (const form of [PASSWORD, "aHVudGVyMi", "68756e7465723221"]) {
    assert(secrets.includes(form));
  }
  const quoted = record([["C", `AUTH PLAIN ${plain("ann", 'a"\xff"b')}\r\n`]]);
  assert(quoted.format().secrets.includes('a\\"ÿ\\"b'));
});

Deno.test("Recording lets a password be that is too short to be one, but for its answer", () => {
  const text = steps([
    ["C", `AUTH PLAIN ${plain("ann", "250")}\r\n`],
    ["S", "250 a\r\n"],
  ]);
  assertEquals(text, "C: AUTH PLAIN ${secret:auth}\nS: 250 a\n");
});

Deno.test("Recording takes out what is known beforehand, under its pair's name", () => {
  const events: Event[] = [
    ["P", `AUTH PLAIN ${plain("ann", PASSWORD)}\r\n`],
    ["R", "235 ok\r\n"],
    ["S", `451 ${PASSWORD} 0penSesame\r\n`],
    ["C", `${b64("x0penSesame")}\r\n`],
  ];
  assertEquals(
    steps(events, { secrets: ["0penSesame", PASSWORD, "no"] }),
    "P: AUTH PLAIN ${secret:auth}\nR: 235 ok\nS: 451 ${secret:auth_password} ${secret:auth2_password}\nC: e**************=\n",
  );
});

Deno.test("Recording masks what is more than a line's variables", () => {
  const words = Array(12).fill(PASSWORD).join(" ");
  const text = steps([...LOGIN, ["S", `250 ${words}\r\n250 ${PASSWORD}\r\n`]]);
  const [first = "", second] = text.split("\n").slice(7);
  assertEquals(first.match(/auth_password/g)?.length, 8);
  assertEquals(first.match(/[*]{8}/g)?.length, 4);
  assertEquals(second, "S: 250 ${secret:auth_password}");
});

Deno.test("Recording masks a secret that is cut in two by the end of a chunk", () => {
  const text = steps([
    ...LOGIN,
    ["C", "BDAT 4\r\nhunt"],
    ["S", "250 a\r\n"],
    ["C", "er2!\r\n"],
  ]);
  assertStringIncludes(text, 'C> "****"\nS: 250 a\nC: ****\n');
});

Deno.test("Recording finds a secret in bytes that are no UTF-8", () => {
  const text = steps([...LOGIN, ["C", octets(`\xff${PASSWORD}\r\n`)]]);
  assertStringIncludes(text, 'C> "\\xff${secret:auth_password}\\r\\n"');
});

/** Letters that passwords are made of: all kinds, and some that mail escapes. */
const LETTERS = [...'abcXYZ019 =+/%"\\$*.{}äß😀'];

Deno.test("Recording leaves no form of any password, wherever it stands", () => {
  for (let seed = 1; seed <= 400; seed++) {
    const chance = random(seed);
    const pick = <T>(from: readonly T[]): T =>
      from[Math.floor(chance() * from.length)]!;
    const word = (least: number) =>
      Array.from(
        { length: least + Math.floor(chance() * 12) },
        () => pick(LETTERS),
      ).join("");
    const passwords = [word(4), word(4)];
    const events: Event[] = [];
    for (let i = 0; i < 12; i++) {
      const password = pick(passwords);
      const before = word(0);
      const text = pick([
        `${before}${password}`,
        b64(`${before}${password}${word(0)}`),
        b64(`${before}${password}${word(0)}`).replace(/.{5}/g, "$&\r\n"),
        Buffer.from(before + password).toString("base64url"),
        Buffer.from(before + password).toString("hex"),
        encodeURIComponent(password),
        before,
      ]);
      events.push(
        pick<Event>([
          [pick(["C", "S", "P", "R", "P2", "R2"]), `${text}\r\n`],
          [pick(["C", "S", "P"]), text],
          ["C", `AUTH PLAIN ${plain("ann", password)}\r\n`],
          ["P", `auth login\r\n${b64("bob")}\r\n${b64(password)}\r\n`],
          ["S", "334 UGFzc3dvcmQ6\r\n"],
          ["S", "250 a\r\n354 b\r\n"],
          ["C", "DATA\r\n"],
          ["==", pick(["eof", "close", "tls"] as const)],
        ]),
      );
    }
    for (const password of passwords) {
      events.push(["C", `\r\n.\r\nAUTH PLAIN ${plain("ann", password)}\r\n`]);
    }
    const { text } = record(events, {}, (bytes) => {
      const cut = Math.floor(chance() * bytes.length);
      return [bytes.subarray(0, cut), bytes.subarray(cut)];
    }).format();
    for (const password of passwords) {
      assertEquals(leaksOf(text, password), [], `seed ${seed}`);
    }
  }
});

Deno.test("Recording takes out an answer that is refused before it ends", () => {
  const password = "long".repeat(200);
  const answer = plain("ann", password);
  for (const cut of [600, 700, answer.length + 11]) {
    const events: Event[] = [
      ["C", `AUTH PLAIN ${answer}`.slice(0, cut)],
      ["S", "500 too long\r\n"],
      ["C", `AUTH PLAIN ${answer}\r\n`.slice(cut)],
      ["S", `500 ${password}\r\n`],
    ];
    const text = steps(events);
    assertEquals(leaksOf(text, password), []);
    assertStringIncludes(text, "S: 500 ${secret:auth_password}\n");
  }
});

Deno.test("Recording is not written where there are more secrets than can be looked for", () => {
  const logins = Array.from(
    { length: 40 },
    (_, i): Event => ["C", `AUTH PLAIN ${plain("ann", `password${i}`)}\r\n`],
  );
  assertThrows(() => record(logins).format(), RangeError, "64 secrets");
});

Deno.test("Recording takes time linear in a message's passages and in a secret's hits", () => {
  const inMessage = (body: string): Event[] => [
    ["S", "220 a\r\n"],
    ["C", `AUTH PLAIN ${plain("ann", "a".repeat(500))}\r\n`],
    ["S", "235 ok\r\n"],
    ["C", "DATA\r\n"],
    ["S", "354 go\r\n"],
    ["C", body],
    ["C", ".\r\n"],
    ["S", "250 ok\r\n"],
  ];
  for (const body of ["BDAT 1\r\n".repeat(40_000), "a".repeat(900_000)]) {
    const began = performance.now();
    record(inMessage(`${body}\r\n`), { maxBytes: 10_000_000 }).format();
    // With quadratic time the first takes ten seconds, the second two.
    const ms = performance.now() - began;
    assert(ms < 1_500, `${body.slice(0, 10)}: ${ms} ms`);
  }
});

/** Answers as people make them by hand, who have no library. */
const HAND_MADE: readonly [name: string, command: string][] = [
  [
    "a line end behind the password",
    `AUTH PLAIN ${plain("ann", `${PASSWORD}\n`)}`,
  ],
  ["CRLF behind the password", `AUTH PLAIN ${plain("ann", `${PASSWORD}\r\n`)}`],
  ["NUL behind the password", `AUTH PLAIN ${plain("ann", `${PASSWORD}\0`)}`],
  [
    "a blank in the answer",
    `AUTH PLAIN ${plain("ann", PASSWORD).replace(/^.{6}/, "$& ")}`,
  ],
  ["too much padding", `AUTH PLAIN ${plain("ann", PASSWORD)}===`],
  ["quotes", `AUTH PLAIN "${plain("ann", PASSWORD)}"`],
  ["a sign behind AUTH", `AUTH=PLAIN ${plain("ann", PASSWORD)}`],
  ["a colon behind AUTH", `AUTH: PLAIN ${plain("ann", PASSWORD)}`],
];

for (const [name, command] of HAND_MADE) {
  Deno.test(`Recording takes out the password of an answer with ${name}`, () => {
    const { text } = record([
      ["S", "220 a\r\n"],
      ["C", `${command}\r\n`],
      ["S", "535 no\r\n"],
      ["C", `NOOP ${PASSWORD}\r\n`],
    ]).format();
    assertEquals(leaksOf(text, PASSWORD), []);
  });
}

Deno.test("Recording takes out the password that AUTH LOGIN has without a user", () => {
  const rest: Event[] = [
    ["C", `${b64(PASSWORD)}\r\n`],
    ["S", "535 no\r\n"],
    ["C", `NOOP ${PASSWORD}\r\n`],
  ];
  const [bare, empty]: Event[][] = [
    [["C", "AUTH LOGIN\r\n"], ["S", "334 VXNlcm5hbWU6\r\n"], ["C", "\r\n"]],
    [["C", "AUTH LOGIN =\r\n"]],
  ];
  for (const begun of [bare!, empty!]) {
    const { text } = record(
      [...begun, ["S", "334 UGFzc3dvcmQ6\r\n"], ...rest],
    ).format();
    assertEquals(leaksOf(text, PASSWORD), []);
  }
});

Deno.test("Recording takes out answers to a second AUTH, whenever the 235 to the first one comes", () => {
  const auths = `AUTH PLAIN ${b64("x")}\r\nAUTH LOGIN\r\n`;
  const answers = `${b64("ann")}\r\n${b64(PASSWORD)}\r\n`;
  for (
    const events of [
      [["C", auths], ["S", "235 ok\r\n"], ["C", answers]],
      [["C", auths], ["C", answers], ["S", "235 ok\r\n"]],
    ] as Event[][]
  ) {
    const { text } = record([...events, ["S", "503 no\r\n"]]).format();
    assertEquals(leaksOf(text, PASSWORD), []);
  }
});

Deno.test("Recording loses no session over a secret that begins with NUL", () => {
  const { text } = record([
    ["C", "AUTH \r\n"],
    ["C", "\0QUI\nQUIT\r\n"],
    ["C", "QUIT\r\n"],
  ]).format();
  assertStringIncludes(text, "C: QUIT\n");
});

Deno.test("Recording takes time linear in what is said, whatever it is", () => {
  const login: Event = ["C", `AUTH PLAIN ${plain("ann", PASSWORD)}\r\n`];
  const date = "Tue, 24 Nov 2026 14:15:00 +0000\r\n";
  for (
    const [letters, text] of [
      ["C", `AUTH PLAIN${" ".repeat(200_000)}x${" ".repeat(200_000)}\r\n`],
      ["C", `BDAT 1\r\nx${PASSWORD}\r\n`.repeat(20_000)],
      ["C", `${PASSWORD} `.repeat(40_000)],
      ["P", date.repeat(10_000)],
      [
        "S",
        Array.from({ length: 9_000 }, (_, i) => `250 id=${i + 1e6}\r\n`)
          .join(""),
      ],
      ["S", "250 queued as ".repeat(30_000)],
      ["C", "=\r\n".repeat(100_000)],
      ["C", "a".repeat(400_000)],
    ] as const
  ) {
    const began = performance.now();
    record([login, ["S", "235 ok\r\n"], ["C", text], [letters, text]], {
      maxBytes: 10_000_000,
    }).format();
    // Quadratic time would be minutes.
    assert(performance.now() - began < 5_000, text.slice(0, 20));
  }
});

Deno.test("Recording takes an answer for one, whatever it looks like", () => {
  const text = steps([
    ["C", "AUTH LOGIN\r\n"],
    ["S", "334 VXNlcm5hbWU6\r\n"],
    ["C", "HELP me\r\n"],
  ]);
  assertStringIncludes(text, "\nC: ${secret:auth}\n");
});

Deno.test("Recording takes an answer in clear for a password that may look like base64", () => {
  for (const begin of ["AUTH LOGIN ann\r\n", "AUTH X-FOO "]) {
    const { text } = record([
      ["C", `${begin}hunter22\r\n`],
      ["S", "235 ok\r\n"],
      ["C", `${b64("x hunter22")}\r\n`],
    ]).format();
    assertEquals(leaksOf(text, "hunter22"), []);
  }
});

Deno.test("Recording tells users apart that have one password", () => {
  const text = steps([
    ["C", `AUTH PLAIN ${plain("ann", PASSWORD)}\r\n`],
    ["C", `AUTH PLAIN ${plain("bob", PASSWORD)}\r\n`],
  ]);
  assertEquals(
    text,
    "C: AUTH PLAIN ${secret:auth}\nC: AUTH PLAIN ${secret:auth2}\n",
  );
});

Deno.test("Recording masks what no variable can stand for", () => {
  const known = { secrets: ["open sesame", 'a"b\\c', PASSWORD] };
  const text = steps([
    ["S", "550 open sesame\r\n"],
    ["C", '"a\\"b\\\\c"\r\n'],
    ["C", "x\nhunt"],
    ["S", "500 no\r\n"],
    ["C", "er2!\r\n"],
  ], known);
  assertEquals(
    text,
    'S: 550 ***********\nC: "*******"\nC> "x\\n****"\nS: 500 no\nC: ****\n',
  );
});

Deno.test("Redaction finds a secret that is only in what is to be written", () => {
  const redaction = new Redaction({ streams: [], moments: [] }, [PASSWORD]);
  assertThrows(
    () => resultOf(redaction.check(`C: ${PASSWORD}`)),
    SecretLeftError,
  );
  assert(resultOf(redaction.check("C: a")).includes(PASSWORD));
});

/** Texts that a broken writer might make. */
const LEFT: readonly [name: string, text: string][] = [
  ["in a line", `C: ${PASSWORD}`],
  ["in bytes", `C> "hunte\\x72\\x32!"`],
  ["in a comment", `# ${PASSWORD}`],
  ["in a comment between", `C: a\n# ${PASSWORD}\nC: b`],
  ["in a setting", `@server.greeting "${PASSWORD}"\nC: a`],
  ["over two lines of base64", `P: aHVudG\nC: b\nP: VyMiE=`],
  ["over bytes and a line", `C> "hunt"\nS: a\nC: er2!`],
];

for (const [name, text] of LEFT) {
  Deno.test(`Redaction finds a secret that is left ${name}`, () => {
    const tape = new Tape(1_000);
    tape.say("client", "client", octets(`${PASSWORD}\r\n`), 0);
    const conversation = resultOf(conversationOf(tape));
    const redaction = new Redaction(conversation, [PASSWORD]);
    const check = (text: string) => resultOf(redaction.check(text));
    resultOf(redaction.redact(conversation));
    const error = assertThrows(() => check(text), SecretLeftError);
    assert(!error.message.includes(PASSWORD));
    assert(check("# a\nC: ${secret:auth_password}\n").length > 5);
  });
}

function resultOf<T>(steps: Generator<undefined, T>): T {
  for (;;) {
    const { done, value } = steps.next();
    if (done) return value;
  }
}
