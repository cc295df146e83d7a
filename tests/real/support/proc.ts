/**
 * What Linux tells about a running process under `/proc`.
 *
 * @module
 */

/** Peak resident memory since the process began, in bytes. */
export async function peakRssBytes(pid: number): Promise<number> {
  return await statusBytes(pid, "VmHWM");
}

/** Resident memory now, in bytes. */
async function rssBytes(pid: number): Promise<number> {
  return await statusBytes(pid, "VmRSS");
}

async function statusBytes(pid: number, field: string): Promise<number> {
  const status = await Deno.readTextFile(`/proc/${pid}/status`);
  const match = new RegExp(`^${field}:\\s+(\\d+) kB$`, "m").exec(status);
  if (match === null) throw new Error(`Cannot find ${field} of ${pid}`);
  return Number(match[1]) * 1_024;
}

/** Where each open descriptor of a process leads, such as `socket:[12345]`. */
export async function descriptors(pid: number): Promise<string[]> {
  const folder = `/proc/${pid}/fd`;
  const links: string[] = [];
  for await (const entry of Deno.readDir(folder)) {
    try {
      links.push(await Deno.readLink(`${folder}/${entry.name}`));
    } catch (error) {
      // Closed between the two looks.
      if (!(error instanceof Deno.errors.NotFound)) throw error;
    }
  }
  return links;
}

/** `st` of an established connection in `/proc/net/tcp`. */
const ESTABLISHED = "01";

/** How many established TCP connections (IPv4) a process holds. */
export async function connections(pid: number): Promise<number> {
  const table = await Deno.readTextFile("/proc/net/tcp");
  const established = new Set(
    table.split("\n").slice(1)
      .map((line) => line.trim().split(/\s+/))
      .filter((columns) => columns[3] === ESTABLISHED)
      .map((columns) => `socket:[${columns[9]}]`),
  );
  const links = await descriptors(pid);
  return links.filter((link) => established.has(link)).length;
}

/** Clock ticks of `/proc/PID/stat` in a second: USER_HZ, 100 on every Linux of today. */
const TICKS_PER_S = 100;

/** A process and all that descend from it, those that ended meanwhile left out. */
export async function processTree(pid: number): Promise<number[]> {
  const path = `/proc/${pid}/task/${pid}/children`;
  const children = await ifAlive(() => Deno.readTextFile(path)) ?? "";
  const below = children.split(" ").filter(Boolean).map(Number);
  return [pid, ...(await Promise.all(below.map(processTree))).flat()];
}

/** Resident memory of a process and its descendants, in bytes; what they share counts for each. */
export async function treeRssBytes(pid: number): Promise<number> {
  return await sum(await processTree(pid), rssBytes);
}

/**
 * CPU time of a process and its descendants, user and system, in seconds; of
 * those that have ended too, which their parents account for.
 */
export async function treeCpuSeconds(pid: number): Promise<number> {
  return await sum(await processTree(pid), async (process) => {
    const stat = await Deno.readTextFile(`/proc/${process}/stat`);
    // The second column is the program's name and may hold anything.
    const columns = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    // utime, stime, cutime, cstime
    const ticks = columns.slice(11, 15).map(Number).reduce((a, b) => a + b);
    return ticks / TICKS_PER_S;
  });
}

async function sum(
  pids: readonly number[],
  measure: (pid: number) => Promise<number>,
): Promise<number> {
  let total = 0;
  for (const pid of pids) total += await ifAlive(() => measure(pid)) ?? 0;
  return total;
}

/** What `/proc` says, or `undefined` of a process that ended between two looks. */
async function ifAlive<T>(look: () => Promise<T>): Promise<T | undefined> {
  try {
    return await look();
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    // ESRCH: it ended between opening and reading.
    if ((error as { code?: string }).code === "ESRCH") return undefined;
    throw error;
  }
}
