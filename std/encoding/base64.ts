/** Stand-in for `@std/encoding/base64`: the same functions from npm. */
import { encodeBase64 as encode } from "byte-encodings/base64";

export { decodeBase64 } from "byte-encodings/base64";

/** npm's takes the caller's bytes away; `@std`'s leaves them, and so does this. */
export function encodeBase64(
  data: string | Uint8Array<ArrayBufferLike> | ArrayBuffer,
): string {
  if (typeof data === "string") return encode(data);
  return encode(
    data instanceof ArrayBuffer ? data.slice(0) : new Uint8Array(data),
  );
}
