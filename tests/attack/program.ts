/**
 * `postern serve` in a process of its own, for tests that count its descriptors
 * and its memory or send it signals: in the clear, in TLS and behind STARTTLS.
 *
 * @module
 */

import { fileURLToPath } from "node:url";
import type { ListenAddress } from "../../mod.ts";
import { Child } from "../real/support/child.ts";
import { freePort } from "../real/support/port.ts";
import { descriptors, treeRssBytes } from "../real/support/proc.ts";
import { until } from "../real/support/wait.ts";
import { certsFile } from "../support/certificates.ts";
import { RawClient, verdictOf } from "../support/raw_client.ts";

const CLI = fileURLToPath(new URL("../../cli.ts", import.meta.url));

/** The same, with its garbage collected on demand. */
const COLLECTING = fileURLToPath(
  new URL("../real/support/collecting.ts", import.meta.url),
);

/** What a {@linkcode Program} is started with. */
export interface ProgramOptions {
  /** The relay's URL. */
  readonly relay: string;
  /** Lines of `[limits]`. */
  readonly limits?: string;
  /** Whether {@linkcode Program.alive} will be asked. */
  readonly collects?: boolean;
  /** More sections. */
  readonly toml?: string;
}

/** A running `postern serve`. */
export class Program implements AsyncDisposable {
  /** Where it listens in clear, for STARTTLS. */
  readonly clear: ListenAddress;
  /** Where it listens in TLS from the start. */
  readonly secure: ListenAddress;
  /** Their ports. */
  readonly ports: readonly [number, number];
  readonly folder: string;
  readonly child: Child;

  private constructor(
    folder: string,
    ports: readonly [number, number],
    collects: boolean,
  ) {
    this.ports = ports;
    const [clear, secure] = ports;
    const place = { transport: "tcp", hostname: "127.0.0.1" } as const;
    this.clear = { ...place, port: clear };
    this.secure = { ...place, port: secure, scheme: "smtps" };
    this.folder = folder;
    this.child = new Child(
      Deno.execPath(),
      collects
        ? ["run", "-A", "--v8-flags=--expose-gc", COLLECTING, "serve"]
        : ["run", "-A", CLI, "serve"],
      folder,
    );
  }

  /** Starts one, with the certificate of `localhost` as `tls.pem`. */
  static async start(options: ProgramOptions): Promise<Program> {
    const folder = await Deno.makeTempDir({ prefix: "postern-attack-" });
    const ports = [freePort(), freePort()] as const;
    await putCertificate(folder, "localhost");
    await Deno.writeTextFile(
      `${folder}/postern.toml`,
      tomlOf(ports, options),
    );
    const program = new Program(folder, ports, options.collects ?? false);
    try {
      await program.says("Postern listens on ");
      return program;
    } catch (error) {
      await program[Symbol.asyncDispose]();
      throw error;
    }
  }

  /** Both places. */
  get places(): readonly ListenAddress[] {
    return [this.clear, this.secure];
  }

  /** Its open sockets. */
  async sockets(): Promise<number> {
    return (await descriptors(this.child.pid))
      .filter((link) => link.startsWith("socket:")).length;
  }

  /** Where it listens beside, as it said. */
  async third(): Promise<ListenAddress> {
    const said = () =>
      /listening address=(127\.0\.0\.2):(\d+)/.exec(this.child.output);
    await until("a third listener", () => said() !== null);
    const [, hostname = "", port] = said()!;
    return { transport: "tcp", hostname, port: Number(port) };
  }

  /** Bytes that are alive once its garbage is collected. */
  async alive(): Promise<number> {
    const printed = () => [...this.child.output.matchAll(/^alive=(\d+)$/gm)];
    const before = printed().length;
    this.child.kill("SIGUSR2");
    await until("its garbage collected", () => printed().length > before);
    return Number(printed().at(-1)![1]);
  }

  /** Its resident memory, in bytes. */
  rss(): Promise<number> {
    return treeRssBytes(this.child.pid);
  }

  /** Waits for a text in what it printed; `count` times in all. */
  async says(text: string, count = 1): Promise<void> {
    await until(`"${text}" ${count} times`, () => {
      const { output, status } = this.child;
      if (status !== undefined) throw new Error(`It ended: ${output}`);
      return output.split(text).length > count;
    });
  }

  /** How often it has printed a text. */
  said(text: string): number {
    return this.child.output.split(text).length - 1;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.child.stop();
    await Deno.remove(this.folder, { recursive: true });
  }
}

/** Makes a certificate of `tests/transport/certs` the folder's `tls.pem`. */
export async function putCertificate(
  folder: string,
  certificate: string,
  key = certificate,
): Promise<void> {
  const texts = [`${certificate}.pem`, `${key}.key`].map((name) =>
    Deno.readTextFileSync(certsFile(name))
  );
  await Deno.writeTextFile(`${folder}/tls.pem`, texts.join(""));
}

/** A configuration with both places, at those ports. */
export function tomlOf(
  [clear, secure]: readonly [number, number],
  { relay, limits = "", toml = "" }: ProgramOptions,
): string {
  return `[server]
hostname = "mx.test"
listen = ["127.0.0.1:${clear}", "smtps://127.0.0.1:${secure}"]
[tls]
certificate = "tls.pem"
[relay]
url = "${relay}"
tls = "off"
[limits]
sessions_per_client = 1000
${limits}
${toml}
`;
}

/** Between two messages of a bystander, in ms. */
const BYSTANDER_MS = 50;

/** Somebody who sends a message every now and then, while others attack. */
export class Bystander implements AsyncDisposable {
  /** What each message was told, and how long that took, in ms. */
  readonly verdicts: { readonly reply: string; readonly ms: number }[] = [];
  readonly #client: RawClient;
  readonly #sending: Promise<void>;
  #isOver = false;

  private constructor(client: RawClient) {
    this.#client = client;
    this.#sending = this.#send();
  }

  /** Begins, over one connection in the clear. */
  static async begin(address: ListenAddress): Promise<Bystander> {
    return new Bystander(await RawClient.greeted(address));
  }

  /** Longest wait of all messages, in ms. */
  get slowestMs(): number {
    return Math.max(0, ...this.verdicts.map(({ ms }) => ms));
  }

  /** What was no 250. */
  get failures(): readonly string[] {
    return this.verdicts.map(({ reply }) => reply)
      .filter((reply) => !reply.startsWith("250"));
  }

  /** Stops, after the message under way. */
  async stop(): Promise<void> {
    this.#isOver = true;
    await this.#sending;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
    this.#client.close();
  }

  async #send(): Promise<void> {
    while (!this.#isOver) {
      const start = performance.now();
      const reply = verdictOf(await this.#client.mail());
      this.verdicts.push({ reply, ms: performance.now() - start });
      if (reply === "") return;
      await new Promise((done) => setTimeout(done, BYSTANDER_MS));
    }
  }
}
