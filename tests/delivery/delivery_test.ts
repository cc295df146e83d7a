import { assert, assertEquals, assertRejects } from "@std/assert";
import {
  type DeliveryEnvelope,
  DeliveryError,
  type DeliveryTarget,
  openDelivery,
} from "../../lib/delivery/delivery.ts";

const ENVELOPE: DeliveryEnvelope = {
  sender: "a@example.org",
  recipients: ["b@localhost"],
  hostname: "mx.example.org",
};
const TRACE =
  "Received: by mx.example.org;\r\n Thu, 01 Jan 1970 00:00:00 +0000\r\n";
const HEAD = "Return-Path: <a@example.org>\nDelivered-To: b@localhost\n" +
  TRACE.replaceAll("\r", "");
const FROM = /^From a@example\.org \w{3} \w{3} [ \d]\d \d\d:\d\d:\d\d \d{4}\n/;

function bytes(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

async function inFolder(
  test: (folder: string) => Promise<void>,
): Promise<void> {
  const folder = await Deno.makeTempDir();
  try {
    await test(folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

/** The names of the files in `folder`, or none where it is not there. */
function names(folder: string): string[] {
  try {
    return [...Deno.readDirSync(folder)].map(({ name }) => name).sort();
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return [];
    throw error;
  }
}

async function deliver(
  target: DeliveryTarget,
  data: string,
  size = data.length,
  envelope = ENVELOPE,
): Promise<string> {
  const delivery = await openDelivery(target, envelope, TRACE);
  const all = bytes(data);
  const buffer = new Uint8Array(size);
  for (let at = 0; at < all.length; at += size) {
    const piece = all.subarray(at, at + size);
    buffer.set(piece);
    const pending = delivery.write(buffer.subarray(0, piece.length));
    if (pending !== undefined) await pending;
    buffer.fill(0x21);
  }
  return await delivery.finish();
}

/** Runs code against lib/delivery/delivery.ts in a process of its own. */
async function runApart(code: string, before = ""): Promise<string> {
  const module = new URL("../../lib/delivery/delivery.ts", import.meta.url);
  const program = `import { openDelivery } from ${JSON.stringify(module)};
    const ENVELOPE = ${JSON.stringify(ENVELOPE)};
    ${code}`;
  const { stdout } = await new Deno.Command("sh", {
    args: [
      "-c",
      `${before} exec "$0" eval --no-lock "$1"`,
      Deno.execPath(),
      program,
    ],
    stderr: "inherit",
  }).output();
  return new TextDecoder().decode(stdout);
}

Deno.test("openDelivery() stores a message in a Maildir that it makes", () =>
  inFolder(async (folder) => {
    const maildir = `${folder}/mail`;
    const path = await deliver(
      { maildir },
      "Subject: x\r\n\r\n..\r\n..a.\r\nFrom b\r\n",
    );
    assertEquals(
      await Deno.readTextFile(path),
      `${HEAD}Subject: x\n\n.\n.a.\nFrom b\n`,
    );
    assertEquals(path, `${maildir}/new/${names(`${maildir}/new`)[0]}`);
    assertEquals(names(maildir), ["cur", "new", "tmp"]);
    assertEquals(names(`${maildir}/tmp`), []);
    assertEquals((await Deno.stat(maildir)).mode! & 0o777, 0o700);
    assertEquals((await Deno.stat(path)).mode! & 0o777, 0o600);
  }));

Deno.test("openDelivery() names every recipient, and lets none add a line", () =>
  inFolder(async (folder) => {
    const path = await deliver({ maildir: `${folder}/mail` }, "", 1, {
      sender: "",
      recipients: ["b@localhost", '"c\r\nX: y"@localhost'],
      hostname: "a/b:c",
    });
    assertEquals(
      (await Deno.readTextFile(path)).split("\n").slice(0, 3),
      [
        "Return-Path: <>",
        "Delivered-To: b@localhost",
        'Delivered-To: "c??X: y"@localhost',
      ],
    );
    assert(path.endsWith(".a\\057b\\072c"));
  }));

Deno.test("openDelivery() stores the same for pieces of any size", () =>
  inFolder(async (folder) => {
    const lines: string[] = [];
    for (let i = 0; i < 4_000; i++) lines.push(`${i} ${".x".repeat(i % 40)}`);
    const want = `${HEAD}${lines.join("\n")}\n`;
    const data = `${lines.join("\r\n").replaceAll("\n.", "\n..")}\r\n`;
    for (const size of [7, 4_096, 131_072, data.length]) {
      const path = await deliver({ maildir: `${folder}/mail` }, data, size);
      assert(await Deno.readTextFile(path) === want);
      await deliver({ mbox: `${folder}/mbox${size}` }, data, size);
      const mbox = await Deno.readTextFile(`${folder}/mbox${size}`);
      assert(mbox.replace(FROM, "") === `${want}\n`);
    }
  }));

Deno.test("openDelivery() appends to an mbox and quotes From lines", () =>
  inFolder(async (folder) => {
    const mbox = `${folder}/mbox`;
    assertEquals(await deliver({ mbox }, "\r\nFrom b\r\n>From c\r\n"), mbox);
    await deliver({ mbox }, "\r\n..\r\n");
    const [first, second] = (await Deno.readTextFile(mbox)).split(
      /(?<=\n\n)(?=From )/,
    );
    assertEquals(first!.replace(FROM, ""), `${HEAD}\n>From b\n>>From c\n\n`);
    assertEquals(second!.replace(FROM, ""), `${HEAD}\n.\n\n`);
    assertEquals(names(folder), ["mbox"]);
    assertEquals((await Deno.stat(mbox)).mode! & 0o777, 0o600);
  }));

for (const piece of ["From x\n\nhalf a li", "From x\n\nhalf\n", "\n", "x"]) {
  Deno.test(`openDelivery() begins on its own line behind ${JSON.stringify(piece)}`, () =>
    inFolder(async (folder) => {
      const mbox = `${folder}/mbox`;
      await Deno.writeTextFile(mbox, piece);
      await deliver({ mbox }, "\r\n");
      const text = await Deno.readTextFile(mbox);
      assert(text.startsWith(piece));
      const at = text.lastIndexOf("From a@example.org");
      assert(at === 1 || text.slice(0, at).endsWith("\n\n"));
    }));
}

Deno.test("abort() leaves nothing, may be called twice, and after finish() does nothing", () =>
  inFolder(async (folder) => {
    const targets = [{ maildir: `${folder}/mail` }, { mbox: `${folder}/mbox` }];
    for (const target of targets) {
      const delivery = await openDelivery(target, ENVELOPE, TRACE);
      await delivery.write(bytes("x".repeat(200_000)));
      await delivery.abort();
      await delivery.abort();
      await assertRejects(() => delivery.finish(), TypeError, "over");
    }
    assertEquals(names(folder), ["mail"]);
    assertEquals(names(`${folder}/mail/tmp`), []);
    for (const target of targets) {
      const delivery = await openDelivery(target, ENVELOPE, TRACE);
      const finished = delivery.finish();
      await delivery.abort();
      assert((await Deno.stat(await finished)).size > 0);
    }
  }));

Deno.test("abort() in the middle of a write ends the write and leaves nothing", () =>
  inFolder(async (folder) => {
    const maildir = `${folder}/mail`;
    const delivery = await openDelivery({ maildir }, ENVELOPE, TRACE);
    const written = delivery.write(bytes("x".repeat(1_000_000)));
    const refused = assertRejects(() => written!, DeliveryError);
    await delivery.abort();
    await refused;
    assertEquals(names(`${maildir}/tmp`), []);
  }));

const REFUSED: [name: string, target: (folder: string) => DeliveryTarget][] = [
  ["a Maildir that is a file", (folder) => ({ maildir: `${folder}/file` })],
  ["a Maildir in no folder", (folder) => ({ maildir: `${folder}/no/mail` })],
  ["a Maildir whose tmp is a file", (folder) => ({ maildir: `${folder}/odd` })],
  ["an mbox in no folder", (folder) => ({ mbox: `${folder}/no/mbox` })],
  ["an mbox that is a folder", (folder) => ({ mbox: `${folder}/odd` })],
  ["an mbox on a full disk", (folder) => ({ mbox: `${folder}/full` })],
];

for (const [name, target] of REFUSED) {
  Deno.test(`openDelivery() or finish() refuses ${name}`, () =>
    inFolder(async (folder) => {
      await Deno.writeTextFile(`${folder}/file`, "");
      await Deno.mkdir(`${folder}/odd`);
      await Deno.writeTextFile(`${folder}/odd/tmp`, "");
      await Deno.symlink("/dev/full", `${folder}/full`);
      const error = await assertRejects(
        () => deliver(target(folder), "a\r\n"),
        DeliveryError,
        `Cannot store a message in "${folder}/`,
      );
      assert(error.cause instanceof Error);
      assertEquals(names(folder), ["file", "full", "odd"]);
      assertEquals(names(`${folder}/odd`), ["tmp"]);
    }));
}

Deno.test("finish() takes the message back when it can't be renamed", () =>
  inFolder(async (folder) => {
    const maildir = `${folder}/mail`;
    const delivery = await openDelivery({ maildir }, ENVELOPE, TRACE);
    await Deno.remove(`${maildir}/new`);
    await Deno.writeTextFile(`${maildir}/new`, "");
    await assertRejects(() => delivery.finish(), DeliveryError);
    assertEquals(names(`${maildir}/tmp`), []);
  }));

Deno.test("a disk that fills up is reported, and leaves things as they were", () =>
  inFolder(async (folder) => {
    const before = "x".repeat(60_000) + "\n\n";
    await Deno.writeTextFile(`${folder}/mbox`, before);
    // No file may grow beyond 64 KiB: the message fits, but not behind the rest.
    const answer = await runApart(
      `
      const data = new TextEncoder().encode("y\\r\\n".repeat(10_000));
      for (const [target, times] of [
        [{ mbox: ${JSON.stringify(`${folder}/mbox`)} }, 1],
        [{ maildir: ${JSON.stringify(`${folder}/mail`)} }, 4],
      ]) {
        try {
          const delivery = await openDelivery(target, ENVELOPE, "");
          for (let i = 0; i < times; i++) await delivery.write(data);
          console.log(await delivery.finish());
        } catch (error) {
          console.log(error.name, error.cause.message);
        }
      }`,
      "trap '' XFSZ; ulimit -f 128;",
    );
    assertEquals(
      answer,
      "DeliveryError File too large (os error 27)\n".repeat(2),
    );
    assert(await Deno.readTextFile(`${folder}/mbox`) === before);
    assertEquals(names(folder), ["mail", "mbox"]);
    assertEquals(names(`${folder}/mail/tmp`), []);
    assertEquals(names(`${folder}/mail/new`), []);
  }));

Deno.test("a crash before finish() leaves nothing but a file in tmp", () =>
  inFolder(async (folder) => {
    await runApart(`
      for (const target of [
        { maildir: ${JSON.stringify(`${folder}/mail`)} },
        { mbox: ${JSON.stringify(`${folder}/mbox`)} },
      ]) {
        const delivery = await openDelivery(target, ENVELOPE, "");
        await delivery.write(new Uint8Array(100_000));
      }
      Deno.kill(Deno.pid, "SIGKILL");`);
    assertEquals(names(folder), ["mail"]);
    assertEquals(names(`${folder}/mail/tmp`).length, 1);
    assertEquals(names(`${folder}/mail/new`), []);
  }));

Deno.test("1,000 deliveries at once into a Maildir get a file each", () =>
  inFolder(async (folder) => {
    const maildir = `${folder}/mail`;
    const all = Array.from(
      { length: 1_000 },
      () => deliver({ maildir }, "a\r\n"),
    );
    assertEquals(new Set(await Promise.all(all)).size, 1_000);
    assertEquals(names(`${maildir}/new`).length, 1_000);
    assertEquals(names(`${maildir}/tmp`), []);
  }));

Deno.test("deliveries at once into an mbox don't mix", () =>
  inFolder(async (folder) => {
    const mbox = `${folder}/mbox`;
    const bodies = Array.from(
      { length: 30 },
      (_, i) => `${i}\r\n`.repeat(5_000),
    );
    await Promise.all(bodies.map((body) => deliver({ mbox }, body, 9_000)));
    const stored = (await Deno.readTextFile(mbox)).split(/^From .*\n/m).slice(
      1,
    );
    const want = bodies.map((body) => `${HEAD}${body.replaceAll("\r", "")}\n`);
    assert(stored.sort().join("") === want.sort().join(""));
  }));
