import { assertEquals } from "@std/assert";
import { askCapabilities } from "../../lib/live/capabilities.ts";
import type { StageWire } from "../../lib/replay/stage.ts";

/** A server that says what it was told to, whatever it hears. */
class Script implements StageWire {
  readonly sent: string[] = [];
  readonly unfinished = "";
  isSecure = false;
  readonly #lines: (string | undefined | null)[];
  readonly #speaksTls: boolean;

  constructor(lines: readonly (string | undefined | null)[], speaksTls = true) {
    this.#lines = [...lines];
    this.#speaksTls = speaksTls;
  }

  send(bytes: Uint8Array): void {
    this.sent.push(new TextDecoder().decode(bytes).trimEnd());
  }

  line(): Promise<string | undefined | null> {
    const line = this.#lines.shift();
    return Promise.resolve(line);
  }

  hasLine(): boolean {
    return this.#lines.length > 0;
  }

  startTls(): Promise<void> {
    if (!this.#speaksTls) return Promise.reject(new Error("no TLS here"));
    this.isSecure = true;
    return Promise.resolve();
  }

  end(): void {}
}

const EHLO = "EHLO [127.0.0.1]";

const CASES: readonly [
  name: string,
  lines: readonly (string | null | undefined)[],
  want: readonly string[] | undefined,
  sent: readonly string[],
][] = [
  [
    "takes the keywords in any case, and neither the server's name nor what follows them",
    ["220-a", "220 b", "250-CHUNKING greets you", "250-size 1000", "250 Dsn"],
    ["SIZE", "DSN"],
    [EHLO, "QUIT"],
  ],
  ["finds none in a reply of one line", ["220 a", "250 b"], [], [EHLO, "QUIT"]],
  [
    "finds none where EHLO is refused",
    ["554 a", "503-SIZE", "503 SIZE"],
    [],
    [EHLO, "QUIT"],
  ],
  ["knows nothing of a server that doesn't greet", [undefined], undefined, []],
  ["knows nothing of a server that closes", [null], undefined, []],
  [
    "knows nothing of a server that greets without end",
    [...Array.from({ length: 1_000 }, () => "220-a"), "220 a"],
    undefined,
    [],
  ],
  [
    "adds what is offered in TLS",
    [
      ...["220 a", "250-b", "250-STARTTLS", "250 SIZE", "220 go"],
      ...["250-b", "250-AUTH PLAIN", "250 SIZE"],
    ],
    ["STARTTLS", "SIZE", "AUTH"],
    [EHLO, "STARTTLS", EHLO, "QUIT"],
  ],
  [
    "goes without TLS where it is refused",
    ["220 a", "250-b", "250 STARTTLS", "454 not now", "250-b", "250 AUTH"],
    ["STARTTLS"],
    [EHLO, "STARTTLS", "QUIT"],
  ],
];

for (const [name, lines, want, sent] of CASES) {
  Deno.test(`askCapabilities() ${name}`, async () => {
    const script = new Script(lines);
    const offered = await askCapabilities(script);
    assertEquals(offered && [...offered], want);
    assertEquals(script.sent, sent);
    assertEquals(script.isSecure, sent.length === 4);
  });
}

Deno.test("askCapabilities() takes what is offered in clear where TLS fails", async () => {
  const lines = ["220 a", "250-b", "250 STARTTLS", "220 go"];
  const offered = await askCapabilities(new Script(lines, false));
  assertEquals(offered && [...offered], ["STARTTLS"]);
});
