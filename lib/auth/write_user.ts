/**
 * Puts a user's line into the users' file, as `postern passwd` does.
 *
 * The rule: the file is the old one or the new one whole, whatever happens, and
 * nothing in it changes but that line. Its mode and owner stay, as the server
 * may run as another user than the operator; a new file is for its owner alone.
 * Two at once: the second is refused.
 *
 * @module
 */

import { formatUserLine, parseUserLine } from "./user_line.ts";

/** For a new file: its owner alone reads it. */
const NEW_FILE_MODE = 0o600;

/** The file can't be changed. */
export class WriteUserError extends Error {
  /** The class's name. */
  override name = "WriteUserError";
}

/**
 * Puts a user's line in the place of an older one, or else at the end.
 *
 * @param path The file; it need not be there
 * @param name The user
 * @param hash What is kept of the password
 * @returns Whether the user was there before
 * @throws {WriteUserError} The file can't be changed.
 */
export async function writeUser(
  path: string,
  name: string,
  hash: string,
): Promise<boolean> {
  try {
    // A link is to stay one, so the file itself is looked for.
    const target = await Deno.realPath(path).catch((error) => {
      if (error instanceof Deno.errors.NotFound) return path;
      throw error;
    });
    return await replace(target, name, hash);
  } catch (error) {
    if (error instanceof WriteUserError) throw error;
    const reason = error instanceof Error ? error.message : String(error);
    throw new WriteUserError(
      `Cannot write ${JSON.stringify(path)}: ${
        reason.replace(/ \(os error \d+\).*$/, "")
      }`,
    );
  }
}

async function replace(
  path: string,
  name: string,
  hash: string,
): Promise<boolean> {
  // Its name is a lock as well.
  const aside = `${path}.new`;
  let file: Deno.FsFile;
  try {
    file = await Deno.open(aside, {
      write: true,
      createNew: true,
      mode: NEW_FILE_MODE,
    });
  } catch (error) {
    if (!(error instanceof Deno.errors.AlreadyExists)) throw error;
    throw new WriteUserError(
      `Cannot write ${JSON.stringify(path)}: ${
        JSON.stringify(aside)
      } is there already; remove it if no other "postern passwd" is at work`,
    );
  }
  using _file = file;
  try {
    const old = await readOld(path);
    const { text, isReplaced } = change(old?.text ?? "", path, name, hash);
    const bytes = new TextEncoder().encode(text);
    for (let at = 0; at < bytes.length;) {
      at += await file.write(bytes.subarray(at));
    }
    if (old !== undefined) await keepOwner(aside, old.stat);
    await file.sync();
    await Deno.rename(aside, path);
    return isReplaced;
  } catch (error) {
    await Deno.remove(aside).catch(() => {});
    throw error;
  }
}

async function readOld(
  path: string,
): Promise<{ text: string; stat: Deno.FileInfo } | undefined> {
  try {
    const bytes = await Deno.readFile(path);
    const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
    return { text: decoder.decode(bytes), stat: await Deno.stat(path) };
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}

async function keepOwner(path: string, old: Deno.FileInfo): Promise<void> {
  const mine = await Deno.stat(path);
  if (old.uid !== mine.uid || old.gid !== mine.gid) {
    await Deno.chown(path, old.uid, old.gid);
  }
  if (old.mode !== null) await Deno.chmod(path, old.mode & 0o777);
}

/** The file's text with the user's line. */
function change(
  text: string,
  path: string,
  name: string,
  hash: string,
): { text: string; isReplaced: boolean } {
  const line = formatUserLine(name, hash);
  const lines = text.split("\n");
  const own = lines.flatMap((each, number) => {
    const said = parseUserLine(each.replace(/^\ufeff|\r$/g, ""));
    return said.type !== "nothing" && said.name === name ? [number] : [];
  });
  if (own.length > 1) {
    throw new WriteUserError(
      `${path}:${own[1]! + 1}: User ${JSON.stringify(name)} is in line ${
        own[0]! + 1
      } already: expected each one once`,
    );
  }
  const [at] = own;
  if (at === undefined) {
    const end = text === "" || text.endsWith("\n") ? "" : "\n";
    return { text: `${text}${end}${line}\n`, isReplaced: false };
  }
  const [start = "", end = ""] = [
    /^\ufeff/.exec(lines[at]!)?.[0],
    /\r$/.exec(lines[at]!)?.[0],
  ];
  lines[at] = start + line + end;
  return { text: lines.join("\n"), isReplaced: true };
}
