/**
 * haproxy before a server, as balancers are: TCP as it comes, the client's
 * address in a PROXY header.
 *
 * @module
 */

import { Child } from "./child.ts";
import { freePort, isListening } from "./port.ts";
import { until } from "./wait.ts";

/** Version of the PROXY header. */
export type ProxyVersion = "v1" | "v2";

/** A running haproxy. */
export class Haproxy implements AsyncDisposable {
  /** Where it listens on 127.0.0.1. */
  readonly port: number;
  readonly #folder: string;
  readonly #child: Child;

  private constructor(port: number, folder: string, child: Child) {
    this.port = port;
    this.#folder = folder;
    this.#child = child;
  }

  /** Starts one that passes every connection on to 127.0.0.1:`server`. */
  static async start(version: ProxyVersion, server: number): Promise<Haproxy> {
    const folder = await Deno.makeTempDir({ prefix: "postern-haproxy-" });
    const port = freePort();
    await Deno.writeTextFile(
      `${folder}/haproxy.cfg`,
      `global
  maxconn 500
defaults
  mode tcp
  timeout connect 5s
  timeout client 60s
  timeout server 60s
listen smtp
  bind 127.0.0.1:${port}
  server one 127.0.0.1:${server} ${
        version === "v1" ? "send-proxy" : "send-proxy-v2"
      }
`,
    );
    const child = new Child("/usr/sbin/haproxy", [
      ...["-db", "-f", `${folder}/haproxy.cfg`],
    ]);
    const haproxy = new Haproxy(port, folder, child);
    try {
      await until("haproxy to accept", async () => {
        if (child.status !== undefined) throw new Error("haproxy ended");
        return await isListening(port);
      });
    } catch (error) {
      await haproxy[Symbol.asyncDispose]();
      throw new Error(child.output, { cause: error });
    }
    return haproxy;
  }

  /** Ends it and removes its folder. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#child.stop();
    await Deno.remove(this.#folder, { recursive: true });
  }
}
