import { replayFolder, type Split } from "@postern/smtpd/replay";

/** Twenty seeds, as many ways of joining and cutting. */
const splits: readonly Split[] = [
  ...["whole", "bytes", "pipelined", "every"] as const,
  ...Array.from({ length: 20 }, (_, seed): Split => `random:${seed + 1}`),
];

const fixture = (folder: string) =>
  new URL(`../../fixtures/${folder}/`, import.meta.url);

for (const folder of ["server", "relay", "mutations", "recorded/clients"]) {
  replayFolder(fixture(folder), { splits });
}

// Recordings of servers, against Postern's client.
replayFolder(fixture("recorded/relays"), { splits, as: "relay" });
