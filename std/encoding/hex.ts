/** Stand-in for `@std/encoding/hex`: the same functions from npm. */
export { decodeHex, encodeHex } from "byte-encodings/hex";
