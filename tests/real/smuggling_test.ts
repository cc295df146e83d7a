/**
 * SMTP smuggling: whatever a client takes for the end of a message, Postern and
 * a real Postfix behind it, with its own protection off, see the same one
 * message, and nothing of it is a command.
 *
 * @module
 */

import { assert, assertEquals, assertMatch } from "@std/assert";
import { missing } from "./support/child.ts";
import { Postfix } from "./support/postfix.ts";
import { DIRECT, Postern } from "./support/postern.ts";
import { Session } from "./support/session.ts";
import {
  bytesOf,
  COMMANDS,
  END,
  hasBareNewline,
  PLACES,
  SMUGGLED,
  SPELLINGS,
  VICTIM,
} from "./support/smuggling.ts";

/** Longest wait for one reply. */
const REPLY_WAIT_MS = 20_000;

const ignore = missing("postfix").length > 0 || Deno.uid() !== 0;

const SETTINGS = ["normalize", "reject"] as const;

/** A Postfix that lets itself be smuggled into. */
function credulousPostfix(): Promise<Postfix> {
  return Postfix.start({
    settings: {
      smtpd_forbid_bare_newline: "no",
      smtpd_forbid_unauth_pipelining: "no",
      smtpd_data_restrictions: "",
    },
  });
}

function startPostern(
  postfix: Postfix,
  setting: typeof SETTINGS[number],
): Promise<Postern> {
  return Postern.start({
    relay: postfix.port,
    toml: `
[limits]
bare_newline = "${setting}"
errors = 1000
`,
  });
}

/** One connection that sends many attacks, each to a recipient of its own. */
class Attacker implements Disposable {
  readonly session: Session;
  /** Recipients whose message was taken. */
  readonly taken: string[] = [];
  #count = 0;

  private constructor(session: Session) {
    this.session = session;
  }

  static async greet(port: number): Promise<Attacker> {
    const session = await Session.open(port, REPLY_WAIT_MS);
    assertEquals((await session.reply()).code, 220);
    return new Attacker(session);
  }

  /** EHLO; whether BDAT is offered. */
  async hello(): Promise<boolean> {
    const { text } = await this.session.command("EHLO client.example.org");
    return /^250[- ]CHUNKING$/m.test(text);
  }

  /** MAIL and RCPT; the recipient. */
  async envelope(): Promise<string> {
    const to = `r${++this.#count}@example.org`;
    const mail = await this.session.command("MAIL FROM:<a@example.org>");
    assertEquals(mail.code, 250, mail.text);
    const rcpt = await this.session.command(`RCPT TO:<${to}>`);
    assertEquals(rcpt.code, 250, rcpt.text);
    return to;
  }

  /** DATA, and `pieces`, which the last of them ends; the reply's code. */
  async data(pieces: readonly string[]): Promise<number> {
    const to = await this.envelope();
    assertEquals((await this.session.command("DATA")).code, 354);
    for (const piece of pieces) await this.session.write(bytesOf(piece));
    return await this.#verdict(to, pieces.join(""));
  }

  /** BDAT with each chunk; the last reply's code. */
  async bdat(chunks: readonly string[]): Promise<number> {
    const to = await this.envelope();
    for (const [i, chunk] of chunks.entries()) {
      const last = i === chunks.length - 1;
      const command = `BDAT ${chunk.length}${last ? " LAST" : ""}\r\n`;
      await this.session.write(bytesOf(command + chunk));
      if (!last) await this.session.reply();
    }
    return await this.#verdict(to, chunks.join(""));
  }

  /** One message, `odd` standing before or for the command of its verb. */
  async command(odd: typeof COMMANDS[number]): Promise<void> {
    const to = `r${++this.#count}@example.org`;
    const lines = {
      EHLO: "EHLO client.example.org",
      MAIL: "MAIL FROM:<a@example.org>",
      RCPT: `RCPT TO:<${to}>`,
      DATA: "DATA",
    };
    for (const [verb, line] of Object.entries(lines)) {
      if (verb === odd.verb) {
        await this.session.write(bytesOf(`${odd.line}\r\n`));
        const { code, text } = await this.session.reply();
        assert(code !== 354, `${text}\nafter ${JSON.stringify(odd.line)}`);
        await this.inStep(JSON.stringify(odd.line));
        if (code === 250 && verb === "MAIL") continue;
      }
      const { code, text } = await this.session.command(line);
      assertEquals(code, verb === "DATA" ? 354 : 250, text);
    }
    const content = `Subject: Smuggled\r\n\r\nSmuggled.${END}`;
    await this.session.write(bytesOf(content));
    assertEquals(await this.#verdict(to, content), 250);
  }

  async #verdict(to: string, sent: string): Promise<number> {
    const { code } = await this.session.reply();
    await this.inStep(JSON.stringify(sent));
    if (code === 250) this.taken.push(to);
    return code;
  }

  /** Nothing was taken for a command: the next reply is that to the next one. */
  async inStep(sent: string): Promise<void> {
    const help = await this.session.command("HELP");
    assertEquals(help.code, 214, `${help.text}\nafter ${sent}`);
  }

  [Symbol.dispose](): void {
    this.session[Symbol.dispose]();
  }
}

/** Each taken message has arrived once and whole, and nothing else has. */
async function judge(postfix: Postfix, taken: readonly string[]) {
  const deliveries = await postfix.takeDeliveries(taken.length);
  const arrived = deliveries.map(({ recipient }) => recipient);
  assert(!arrived.includes(VICTIM), "Smuggled");
  const own = arrived.filter((to) => /^r\d+@/.test(to));
  assertEquals(own.sort(), [...taken].sort());
  for (const { content, recipient } of deliveries) {
    const text = new TextDecoder("latin1").decode(content);
    assertMatch(text, /^Subject: Smuggled\n\nSmuggled\.\n/m, recipient);
  }
}

Deno.test({
  name:
    "a credulous Postfix alone is smuggled into, so that these tests can fail",
  ignore,
  async fn() {
    await using postfix = await credulousPostfix();
    const spellings = ["\n.\n", "\n.\r\n", "\r\n.\n"];
    for (const spelling of spellings) {
      using session = await Session.open(postfix.port, REPLY_WAIT_MS);
      await session.reply();
      await session.command("EHLO client.example.org");
      await session.command("MAIL FROM:<a@example.org>");
      await session.command("RCPT TO:<b@example.org>");
      await session.command("DATA");
      await session.write(bytesOf(`Hello.${spelling}${SMUGGLED}QUIT\r\n`));
      while ((await session.reply()).code !== 221);
    }
    const deliveries = await postfix.takeDeliveries(2 * spellings.length);
    const smuggled = deliveries.filter(({ recipient }) => recipient === VICTIM);
    assertEquals(smuggled.length, spellings.length);
  },
});

for (const setting of SETTINGS) {
  const rejects = setting === "reject";
  const accepts = (text: string) =>
    rejects && hasBareNewline(text) ? "refused" : "taken";
  Deno.test({
    name:
      `no message is smuggled through Postern into Postfix where bare_newline = "${setting}"`,
    ignore: ignore || DIRECT,
    async fn(t) {
      await using postfix = await credulousPostfix();
      await using postern = await startPostern(postfix, setting);
      using asking = await Attacker.greet(postern.port);
      const hasChunking = await asking.hello();
      for (const [place, contentOf] of PLACES) {
        await t.step(`${SPELLINGS.length} spellings ${place}`, async () => {
          using attacker = await Attacker.greet(postern.port);
          await attacker.hello();
          for (const spelling of SPELLINGS) {
            const sent = contentOf(spelling) + SMUGGLED;
            const verdict = await attacker.data([sent]) === 250
              ? "taken"
              : "refused";
            assertEquals(verdict, accepts(sent), JSON.stringify(sent));
          }
          await judge(postfix, attacker.taken);
        });
      }
      await t.step("every spelling byte by byte", async () => {
        using attacker = await Attacker.greet(postern.port);
        await attacker.hello();
        for (const spelling of SPELLINGS) {
          await attacker.data(["Subject: 1\r\n\r\n1", ...spelling, SMUGGLED]);
        }
        await judge(postfix, attacker.taken);
      });
      await t.step({
        name: "every spelling in BDAT, whole and over the chunks' borders",
        ignore: !hasChunking,
        async fn() {
          using attacker = await Attacker.greet(postern.port);
          await attacker.hello();
          for (const spelling of [...SPELLINGS, END]) {
            const head = "Subject: 1\r\n\r\n1";
            await attacker.bdat([head + spelling + SMUGGLED]);
            await attacker.bdat([head, ...spelling, SMUGGLED, ""]);
          }
          await judge(postfix, attacker.taken);
        },
      });
      await t.step(
        `${COMMANDS.length} commands with another in them`,
        async () => {
          using attacker = await Attacker.greet(postern.port);
          for (const row of COMMANDS) await attacker.command(row);
          await judge(postfix, attacker.taken);
        },
      );
    },
  });
}
