// @ts-check
// Who the user is: a key pair that this browser makes on the first visit and keeps, one for each name
// that is used in it. The private half cannot be taken out of the browser, not by this page either. An
// agent knows its user by the key; who clears this site's data comes as somebody new.

const PURPOSE = "fedxr: I am the user of this key\n";
const NONCE_BYTES = 32;
const ALGORITHM = {
  name: "RSASSA-PKCS1-v1_5", modulusLength: 2048, publicExponent: new Uint8Array([1, 0, 1]), hash: "SHA-256",
};
const DATABASE = "fedxr";
const STORE = "keys";

export class UserKey {
  /**
   * @param {CryptoKey} private_
   * @param {Uint8Array} bytes the public key as a hello carries it
   */
  constructor(private_, bytes) {
    this.private = private_;
    this.public = bytes;
  }

  /**
   * The key of the user called `name` in this browser.
   * @param {string} name
   */
  static async kept(name) {
    if (globalThis.crypto?.subtle === undefined) {
      throw new Error("this browser proves who you are only over https, or on this very machine");
    }
    const pair = (await stored(name, null)) ?? (await stored(name, await made()));
    if (pair === null) throw new Error("this browser keeps no keys");
    return new UserKey(pair.privateKey, await modulus(pair.publicKey));
  }

  /**
   * The answer to a server's challenge: the signature over it and over the host that was dialled.
   * @param {Uint8Array} nonce
   * @param {string} host
   */
  async prove(nonce, host) {
    return prove(this.private, nonce, host);
  }
}

/**
 * @param {CryptoKey} key
 * @param {Uint8Array} nonce
 * @param {string} host
 */
export async function prove(key, nonce, host) {
  if (nonce.length !== NONCE_BYTES) throw new Error(`a challenge of ${nonce.length} bytes; due are ${NONCE_BYTES}`);
  const [head, tail] = [PURPOSE, host.toLowerCase()].map((text) => new TextEncoder().encode(text));
  const signed = new Uint8Array([...head, ...nonce, ...tail]);
  return new Uint8Array(await crypto.subtle.sign(ALGORITHM.name, key, signed));
}

/** @returns {Promise<CryptoKeyPair>} */
function made() {
  return /** @type {Promise<CryptoKeyPair>} */ (crypto.subtle.generateKey(ALGORITHM, false, ["sign", "verify"]));
}

/** The 256 bytes of an RSA modulus, which a JWK has in base64url. @param {CryptoKey} key */
async function modulus(key) {
  const { n = "" } = await crypto.subtle.exportKey("jwk", key);
  const plain = atob(n.replaceAll("-", "+").replaceAll("_", "/"));
  return Uint8Array.from(plain, (letter) => letter.charCodeAt(0));
}

/**
 * The pair that is kept for `name`; where there is none, `fresh` is kept from now on.
 * @param {string} name
 * @param {CryptoKeyPair | null} fresh
 * @returns {Promise<CryptoKeyPair | null>}
 */
async function stored(name, fresh) {
  const database = await result(opened());
  try {
    const store = database.transaction(STORE, "readwrite").objectStore(STORE);
    const known = await result(store.get(name));
    if (known === undefined && fresh !== null) await result(store.add(fresh, name));
    return known ?? fresh;
  } finally {
    database.close();
  }
}

function opened() {
  const request = indexedDB.open(DATABASE, 1);
  request.onupgradeneeded = () => request.result.createObjectStore(STORE);
  return request;
}

/**
 * @template T
 * @param {IDBRequest<T>} request
 * @returns {Promise<T>}
 */
function result(request) {
  return new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });
}
