import { assert, assertEquals, assertMatch, assertRejects } from "@std/assert";
import { join } from "node:path";
import { type ConfigInput, serve } from "../mod.ts";
import { until } from "./real/support/wait.ts";
import { type RawClient, verdictOf } from "./support/raw_client.ts";
import { Serving } from "./support/serving.ts";

/** Runs `converse` with a client of a server that delivers into a folder. */
async function delivering(
  config: (folder: string) => ConfigInput,
  converse: (
    client: RawClient,
    folder: string,
    serving: Serving,
  ) => Promise<void>,
): Promise<void> {
  const folder = await Deno.makeTempDir();
  try {
    await using serving = await Serving.start(config(folder));
    using client = await serving.client();
    await converse(client, folder, serving);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

function intoMaildir(folder: string): ConfigInput {
  return { delivery: { maildir: join(folder, "mail") } };
}

/** The files below a folder, and what is in them. */
async function filesIn(folder: string): Promise<string[]> {
  const files: string[] = [];
  for await (const { name, isDirectory } of Deno.readDir(folder)) {
    const path = join(folder, name);
    if (isDirectory) files.push(...await filesIn(path));
    else files.push(await Deno.readTextFile(path));
  }
  return files;
}

const TRACE =
  /^Return-Path: <(.*)>\n((?:Delivered-To: .*\n)+)Received: .*\n(?:[ \t].*\n)*/;

Deno.test("a message comes into the Maildir as it was, with LF and its trace", async () => {
  await delivering(intoMaildir, async (client, folder) => {
    const data = "Subject: x\r\n\r\n..dot\r\n...\r\n\xe9\r\nend\r\n";
    const to = ["b@localhost", "c@localhost"];
    assertMatch((await client.mail({ to, data })).end, /^250 2\.0\.0 /);
    const path = join(folder, "mail", "new");
    const [name] = [...Deno.readDirSync(path)].map(({ name }) => name);
    const bytes = await Deno.readFile(join(path, name!));
    const text = [...bytes].map((byte) => String.fromCharCode(byte)).join("");
    const [trace, from, recipients] = TRACE.exec(text)!;
    assertEquals(from, "a@example.org");
    assertEquals(
      recipients,
      "Delivered-To: b@localhost\nDelivered-To: c@localhost\n",
    );
    assertEquals(
      text.slice(trace.length),
      "Subject: x\n\n.dot\n..\n\xe9\nend\n",
    );
    assertEquals((await filesIn(folder)).length, 1);
  });
});

Deno.test("messages are appended to the mbox", async () => {
  const config = (folder: string) => ({
    delivery: { mbox: join(folder, "mbox") },
  });
  await delivering(config, async (client, folder) => {
    await client.mail({ data: "Subject: 1\r\n\r\nFrom here\r\n" });
    await client.mail({ from: "", data: "Subject: 2\r\n\r\nx\r\n" });
    const [text] = await filesIn(folder);
    assertEquals(text!.match(/^From .*$/gm)?.length, 2);
    assertMatch(
      text!,
      /^From a@example\.org .*\nReturn-Path: <a@example\.org>\n/,
    );
    assertMatch(
      text!,
      /\n\n>From here\n\nFrom MAILER-DAEMON .*\nReturn-Path: <>\n/,
    );
  });
});

Deno.test("smuggled messages arrive in the Maildir as one", async () => {
  for (const end of ["\n.\n", "\r.\r", "\n.\r\n", "\r\n.\n"]) {
    await delivering(intoMaildir, async (client, folder) => {
      const data = `Subject: x\r\n\r\nbefore${end}MAIL FROM:<c@d.test>\r\n`;
      assertMatch((await client.mail({ data })).end, /^250 /);
      const [text, ...others] = await filesIn(folder);
      assertEquals(others, []);
      const body = text!.slice(TRACE.exec(text!)![0].length);
      assertEquals(body, "Subject: x\n\nbefore\n.\nMAIL FROM:<c@d.test>\n");
    });
  }
});

for (const place of ["file", "none"]) {
  Deno.test(`a Maildir below what is no folder (${place}) is noticed at the start`, async () => {
    const folder = await Deno.makeTempDir();
    try {
      await Deno.writeTextFile(join(folder, "file"), "");
      const maildir = join(folder, place, "mail");
      await assertRejects(
        () => serve({ delivery: { maildir } }),
        Error,
        `Cannot store a message in ${JSON.stringify(maildir)}`,
      );
    } finally {
      await Deno.remove(folder, { recursive: true });
    }
  });
}

Deno.test("an mbox that is a folder is 451, and the log says why", async () => {
  const config = (folder: string) => ({ delivery: { mbox: folder } });
  await delivering(config, async (client, folder, serving) => {
    assertMatch(verdictOf(await client.mail()), /^451 4\.3\.0 /);
    assertMatch(serving.log, /error .*delivery-failed .*Cannot store/);
    assertEquals(await filesIn(folder), []);
    assertMatch(await client.ask("NOOP"), /^250 /);
  });
});

Deno.test("a Maildir that is taken away in the middle of a message is 451", async () => {
  await delivering(intoMaildir, async (client, folder) => {
    await client.ask("MAIL FROM:<a@example.org>");
    await client.ask("RCPT TO:<b@localhost>");
    assertMatch(await client.ask("DATA"), /^354 /);
    await Deno.remove(join(folder, "mail"), { recursive: true });
    await client.send("x: y\r\n\r\n");
    assertMatch(await client.ask("."), /^451 4\.3\.0 /);
    assertMatch(verdictOf(await client.mail()), /^250 /);
  });
});

Deno.test("a message that is broken off or refused leaves nothing", async () => {
  const config = (folder: string): ConfigInput => ({
    ...intoMaildir(folder),
    limits: { data: "100KiB" },
  });
  await delivering(config, async (client, folder, serving) => {
    const size = await client.mail({ data: `${"x".repeat(200_000)}\r\n` });
    assertMatch(size.end, /^552 /);
    const loop = `${"Received: x\r\n".repeat(51)}\r\nx\r\n`;
    assertMatch((await client.mail({ data: loop })).end, /^554 5\.4\.6 /);
    await client.ask("MAIL FROM:<a@example.org>");
    await client.ask("RCPT TO:<b@localhost>");
    await client.ask("DATA");
    await client.send("x".repeat(60_000));
    client.close();
    await until("no session", () => serving.server.sessions().length === 0);
    assertEquals(await filesIn(folder), []);
  });
});

Deno.test("what postmaster gets is stored without a domain", async () => {
  await delivering(intoMaildir, async (client, folder) => {
    assertMatch((await client.mail({ to: ["postmaster"] })).end, /^250 /);
    const [text] = await filesIn(folder);
    assert(text!.includes("\nDelivered-To: postmaster\n"));
  });
});
