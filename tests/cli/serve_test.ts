import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { fileURLToPath } from "node:url";
import { Child } from "../real/support/child.ts";
import { until } from "../real/support/wait.ts";

const CERTS = fileURLToPath(new URL("../transport/certs/", import.meta.url));
const CLI = fileURLToPath(new URL("../../cli.ts", import.meta.url));

/** `postern serve` in a folder of its own, past its first line. */
class Program implements AsyncDisposable {
  readonly folder: string;
  readonly child: Child;

  private constructor(folder: string) {
    this.folder = folder;
    this.child = new Child(
      Deno.execPath(),
      ["run", "-A", CLI, "serve"],
      folder,
    );
  }

  static async start(toml: string): Promise<Program> {
    const folder = await Deno.makeTempDir();
    await Deno.writeTextFile(`${folder}/postern.toml`, toml);
    const program = new Program(folder);
    await program.says("Postern listens on ");
    return program;
  }

  /** Waits for a text on stderr; `count` times in all. */
  async says(text: string, count = 1): Promise<void> {
    await until(text, () => {
      const { output, status } = this.child;
      if (status !== undefined) throw new Error(`It ended: ${output}`);
      return output.split(text).length > count;
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.child.stop();
    await Deno.remove(this.folder, { recursive: true });
  }
}

const LISTEN = '[server]\nlisten = ["127.0.0.1:0"]\n';

Deno.test("serve hears a signal that comes right after its first line", async () => {
  await using program = await Program.start(LISTEN);
  program.child.kill("SIGHUP");
  await program.says("reloaded");
  assertEquals((await program.child.stop())?.code, 0);
});

Deno.test("serve tells how to send a first message, where that needs no more than curl", async () => {
  await using program = await Program.start(`${LISTEN}
[[listener]]
url = "lmtp://127.0.0.1:0"
`);
  await program.says("-T message.eml");
  assertMatch(program.child.output, /curl smtp:\/\/127\.0\.0\.1:\d+ /);
});

Deno.test("serve tells of no curl that would be refused", async () => {
  await using program = await Program.start(`
[tls]
certificate = "${CERTS}localhost.pem"
key = "${CERTS}localhost.key"

[[listener]]
url = "127.0.0.1:0"
tls = "required"

[[listener]]
url = "smtps://127.0.0.1:0"

[[listener]]
url = "lmtp://127.0.0.1:0"
`);
  await program.says("listening address=lmtp:");
  assertEquals(program.child.output.includes("curl"), false);
});

Deno.test("serve keeps everything as it was when the new log can't be opened", async () => {
  await using program = await Program.start(LISTEN);
  const { folder, child } = program;
  await Deno.writeTextFile(
    `${folder}/postern.toml`,
    `${LISTEN}hostname = "new.test"\n[log]\nfile = "${folder}/none/log"\n`,
  );
  child.kill("SIGHUP");
  await program.says("not-reloaded");
  const port = /127\.0\.0\.1:(\d+)/.exec(child.output)?.[1];
  using conn = await Deno.connect({
    hostname: "127.0.0.1",
    port: Number(port),
  });
  const greeting = new Uint8Array(512);
  const length = await conn.read(greeting) ?? 0;
  const text = new TextDecoder().decode(greeting.subarray(0, length));
  assertEquals(text.includes("new.test"), false);
});

Deno.test("serve keeps its configuration when the file goes missing", async () => {
  await using program = await Program.start(LISTEN);
  const { folder, child } = program;
  await Deno.rename(`${folder}/postern.toml`, `${folder}/away`);
  child.kill("SIGHUP");
  await program.says("not-reloaded");
  assertStringIncludes(child.output, "it does not exist");
  await Deno.rename(`${folder}/away`, `${folder}/postern.toml`);
  child.kill("SIGHUP");
  await program.says("info  reloaded");
});
